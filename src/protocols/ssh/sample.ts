// Requests described by hand (`clawpatrol test`, `explain`), in the form in which the live path judges them.
import type { EndpointConfig } from '../../config/config.ts';
import { GatewayError } from '../../lib/errors.ts';
import type { ActionSample } from '../protocol.ts';
import type { SftpOp, SshOrigin, SshRequest, SshRequestKind } from './request.ts';
import type { Stdin } from './stdin-gate.ts';

type Fields = ActionSample['fields'];

/** The request that a sample describes. Throws GatewayError CLIENT_PROTOCOL when it describes none. */
export function sampleRequest(sample: ActionSample, endpoint: EndpointConfig): SshRequest {
  const { fields } = sample;
  const origin: SshOrigin = {
    user: textOf(fields, 'user') || 'agent',
    host: sample.host?.replace(/:\d+$/, '') ?? endpoint.hosts[0]?.host ?? '',
    channel: 0,
    env: new Map(),
    pty: false,
  };
  return { ...origin, ...kindOf(textOf(fields, 'verb').toLowerCase(), sample) };
}

function kindOf(verb: string, sample: ActionSample): SshRequestKind {
  const { fields } = sample;
  const command = textOf(fields, 'command');
  switch (verb) {
    case 'exec':
      return { verb, command: Buffer.from(needed(command, 'command')), stdin: stdinOf(sample) };
    case 'shell':
      return { verb, stdin: stdinOf(sample) };
    case 'subsystem':
      return { verb, name: Buffer.from(needed(textOf(fields, 'subsystem'), 'subsystem')) };
    case 'forward':
    case 'remote_forward':
      return {
        verb,
        forwardHost: needed(textOf(fields, 'forward_host'), 'forward_host'),
        forwardPort: portOf(fields),
      };
    case 'socket_forward':
      return { verb, path: needed(textOf(fields, 'forward_host'), 'forward_host') };
    case 'agent_forward':
    case 'x11':
      return { verb };
    case 'pty':
      return { verb, term: 'xterm' };
    case 'env':
      return envOf(command);
    case 'signal':
      return { verb, signal: command || 'TERM' };
    case 'sftp':
      return sftpOf(command);
    default:
      throw bad(`ssh.verb "${verb}" is none that can be described`);
  }
}

/** `NAME=value` in `command`. */
function envOf(text: string): SshRequestKind {
  const at = text.indexOf('=');
  return { verb: 'env', name: at === -1 ? text : text.slice(0, at), value: at === -1 ? '' : text.slice(at + 1) };
}

const OPS: Readonly<Record<string, SftpOp>> = {
  open: 'open',
  get: 'open',
  put: 'open',
  opendir: 'opendir',
  ls: 'opendir',
  stat: 'stat',
  lstat: 'lstat',
  readlink: 'readlink',
  realpath: 'realpath',
  setstat: 'setstat',
  remove: 'remove',
  rm: 'remove',
  rename: 'rename',
  mkdir: 'mkdir',
  rmdir: 'rmdir',
  symlink: 'symlink',
  hardlink: 'hardlink',
  extended: 'extended',
};

/** `OPERATION PATH [SECOND PATH]` in `command`; `put` is an open for writing. */
function sftpOf(text: string): SshRequestKind {
  const [word = '', path = '', target = ''] = text.split(' ');
  const op = Object.hasOwn(OPS, word) ? OPS[word] : undefined;
  if (op === undefined) {
    throw bad(`action.ssh.command says "${word}", which is none of ${Object.keys(OPS).join(', ')}`);
  }
  return {
    verb: 'sftp',
    op,
    path: Buffer.from(path),
    target: Buffer.from(target),
    writes: word === 'put',
    extension: '',
  };
}

function stdinOf({ fields, truncated }: ActionSample): Stdin {
  const text = fields['stdin'];
  if (truncated) {
    return { kind: 'cut', cause: 'too_large' };
  }
  return typeof text === 'string' ? { kind: 'whole', bytes: Buffer.from(text) } : { kind: 'unread' };
}

function portOf(fields: Fields): number {
  const port = fields['forward_port'];
  if (typeof port !== 'number') {
    throw bad('action.ssh.forward_port is missing');
  }
  return port;
}

function needed(text: string, key: string): string {
  if (text === '') {
    throw bad(`action.ssh.${key} is missing`);
  }
  return text;
}

function textOf(fields: Fields, key: string): string {
  const value = fields[key];
  return typeof value === 'string' ? value : '';
}

function bad(message: string): GatewayError {
  return new GatewayError('CLIENT_PROTOCOL', 'operator', message);
}
