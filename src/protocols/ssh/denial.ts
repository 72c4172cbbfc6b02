// A refusal in SSH's words: a line on stderr and exit status 126 for a program (what a shell says of one that it may not run), the text of a
// refused channel, the status of an SFTP request.
import { visible } from '../../lib/text.ts';
import { formatDuration } from '../../lib/units.ts';
import type { ActionId } from '../../rules/action.ts';
import type { ParkedNotice, Verdict } from '../session.ts';

type Denial = Extract<Verdict, { readonly kind: 'deny' }>;

/** Exit status of a program that was not let run. */
export const EXIT_DENIED = 126;
const MAX_TEXT_CHARS = 2000;

/** What was refused and why, in one line without its end. */
export function denialText({ rule, word, reason, hint }: Denial, action: ActionId): string {
  const by = rule === '' ? '' : ` by rule "${rule}"`;
  const how = word === '' ? '' : ` (${word})`;
  const help = hint === '' ? '' : `; ${hint}`;
  return shown(`denied${by}${how}: ${reason}${help} (action ${action})`);
}

/** The line on stderr. */
export function stderrLine(text: string): Buffer {
  return Buffer.from(`clawpatrol: ${shown(text)}\r\n`, 'utf8');
}

/** What somebody who waits on stderr hears, at once and whenever the wait has doubled. */
export function parkedText({ approval, expiresInMs, waitsFor, waitedMs = 0 }: ParkedNotice): string {
  const still = waitedMs < 1_000 ? '' : 'still ';
  return shown(`${still}waiting for ${waitsFor} (approval ${approval}, at most ${formatDuration(expiresInMs)} more)`);
}

/** Rule names and reasons are the operators' text, and may quote what an agent wrote. */
function shown(text: string): string {
  return visible(text, true).replaceAll('\n', ' ').slice(0, MAX_TEXT_CHARS);
}
