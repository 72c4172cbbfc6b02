// One request of an SSH connection as it is judged: what session.ts takes from the wire, in the form that facts are made of. Types, and
// small helpers that tell about them.
import type { StdinView } from '../shell/model.ts';

/** What requests of one channel have in common. */
export interface SshOrigin {
  /** User name that the agent asked for upstream. */
  readonly user: string;
  /** Upstream host chosen, canonical. */
  readonly host: string;
  /** The agent's channel number, or -1 for what is asked outside a channel (global requests). */
  readonly channel: number;
  /** Environment requests that were accepted on this channel so far. */
  readonly env: ReadonlyMap<string, string>;
  /** A pty was granted on this channel. */
  readonly pty: boolean;
}

/** Operations of SFTP version 3 that open, change or name a path; `read` and `write` on a handle come under their `open`. */
export type SftpOp =
  | 'open'
  | 'read'
  | 'opendir'
  | 'stat'
  | 'lstat'
  | 'readlink'
  | 'realpath'
  | 'write'
  | 'setstat'
  | 'remove'
  | 'rename'
  | 'mkdir'
  | 'rmdir'
  | 'symlink'
  | 'hardlink'
  | 'extended';

export interface SftpRequest {
  readonly verb: 'sftp';
  readonly op: SftpOp;
  /** As sent; for an operation on a handle the path that was opened. Empty where the operation names none. */
  readonly path: Buffer;
  /** Second path (new name, what a link points to), or empty. */
  readonly target: Buffer;
  /** Of `open`: any of write, append, create, truncate, exclusive. */
  readonly writes: boolean;
  /** Name of an extended request as sent (`posix-rename@openssh.com`), else "". `op` is what it stands for where that is known. */
  readonly extension: string;
}

export type SshRequestKind =
  | { readonly verb: 'exec'; readonly command: Buffer; readonly stdin: StdinView }
  | { readonly verb: 'shell'; readonly stdin: StdinView }
  | { readonly verb: 'subsystem'; readonly name: Buffer }
  /** direct-tcpip: where to. */
  | { readonly verb: 'forward'; readonly forwardHost: string; readonly forwardPort: number }
  /** tcpip-forward: the address to listen on. */
  | { readonly verb: 'remote_forward'; readonly forwardHost: string; readonly forwardPort: number }
  /** direct-streamlocal, streamlocal-forward, tun: the path or device. */
  | { readonly verb: 'socket_forward'; readonly path: string }
  | { readonly verb: 'agent_forward' }
  | { readonly verb: 'x11' }
  | { readonly verb: 'pty'; readonly term: string }
  | { readonly verb: 'env'; readonly name: string; readonly value: string }
  /** Signals, window-change, break, eow, keepalive. */
  | { readonly verb: 'signal'; readonly signal: string }
  | SftpRequest;

/** One request to be judged. */
export type SshRequest = SshOrigin & SshRequestKind;

/** `R` with the verb `V`. */
export type SshRequestOf<V extends SshRequest['verb']> = Extract<SshRequest, { readonly verb: V }>;

/** Variables that an agent may set (fact reference, 6.2); a request for any other is refused, and its channel lives on. */
export function isAcceptedVariable(name: string): boolean {
  return /^(?:LANG|LC_[A-Z]{1,20}|TERM|COLORTERM)$/.test(name);
}
