// Paths of SFTP operations as facts: text, cleaned lexically. Pure.
import { decodeUtf8 } from '../shell/text.ts';
import { Unknown } from '../../rules/action.ts';
import { cleanPath } from '../shell/paths.ts';

/**
 * The cleaned path. Unknown where it is not UTF-8 or holds NUL, and where `..` follows a name: that may be a link, and the server then
 * goes elsewhere than the text says.
 */
export function sftpPath(bytes: Buffer): string | Unknown {
  if (bytes.length === 0) {
    return '';
  }
  const text = decodeUtf8(bytes);
  if (text === null || text.includes('\0')) {
    return new Unknown('undecodable');
  }
  const parts = text.split('/').filter((part) => part !== '' && part !== '.');
  const named = parts.findIndex((part) => part !== '..');
  const climbs = named !== -1 && parts.slice(named).includes('..');
  return climbs ? new Unknown('ambiguous') : cleanPath(text);
}
