// SFTP between the agent and the upstream: every request that opens, changes or names a path is judged before it goes on; reading and
// writing go by what was opened. A denial is answered here, by its number, while others run. Pure but for its host.
import type { Action } from '../../rules/action.ts';
import { denialText } from './denial.ts';
import type { Pending, SshHost } from './host.ts';
import type { SftpOp, SftpRequest, SshOrigin } from './request.ts';
import {
  EXTENSIONS,
  FrameReader,
  MAX_FRAME_BYTES,
  SFTP_STATUS,
  SFTP_TYPE,
  parseCall,
  parseExtended,
  parseHandle,
  parseVersion,
  statusCode,
  statusFrame,
  writeFrame,
} from './sftp-codec.ts';
import type { Frame, SftpCall } from './sftp-codec.ts';

/** What the client may send beyond what the upstream takes: one frame is held whole, and others may be parked. */
export const SFTP_ALLOWANCE_BYTES = 2 * MAX_FRAME_BYTES;
/** Requests without an answer. OpenSSH's client sends 64 ahead. */
const MAX_OUTSTANDING = 4096;
/** sshd gives out about that many. */
const MAX_HANDLES = 1024;
const VERSION = 3;
const FLAG_READ = 1;
const NOTHING = Buffer.alloc(0);

export interface SftpFilterParts {
  readonly host: SshHost;
  readonly origin: SshOrigin;
  readonly toUpstream: (bytes: Buffer) => void;
  readonly toClient: (bytes: Buffer) => void;
  /** Bytes of the client that are held. */
  readonly held: (heldBytes: number) => void;
  /** It cannot be read on; called once. */
  readonly broken: (why: string) => void;
}

/** A file or directory that was opened with our knowledge. */
interface Opened {
  readonly path: Buffer;
  readonly reads: boolean;
  readonly writes: boolean;
  readonly action: Action;
  readonly startedMs: number;
  readBytes: number;
  writtenBytes: number;
}

/** What the answer to a request is for. */
type Outstanding =
  | { readonly kind: 'judged'; readonly pending: Pending | null }
  | { readonly kind: 'open'; readonly opened: Opened }
  | { readonly kind: 'single'; readonly action: Action; readonly startedMs: number }
  | { readonly kind: 'read'; readonly opened: Opened }
  | { readonly kind: 'other' };

const OTHER: Outstanding = { kind: 'other' };

export class SftpFilter {
  readonly #parts: SftpFilterParts;
  readonly #client = new FrameReader();
  readonly #upstream = new FrameReader();
  readonly #outstanding = new Map<number, Outstanding>();
  readonly #handles = new Map<string, Opened>();
  #greeted: 'no' | 'asked' | 'yes' = 'no';
  #parked = 0;
  #parkedBytes = 0;
  #ended: (() => void) | null = null;
  #broken = false;

  constructor(parts: SftpFilterParts) {
    this.#parts = parts;
  }

  fromClient(bytes: Buffer): void {
    if (!this.#broken && !this.#client.read(bytes, (frame) => this.#call(frame))) {
      this.#break('the client sent what is no SFTP');
    }
    this.#tellHeld();
  }

  fromUpstream(bytes: Buffer): void {
    if (!this.#broken && !this.#upstream.read(bytes, (frame) => this.#reply(frame))) {
      this.#break('the upstream sent what is no SFTP');
    }
  }

  /** The client sends no more; `done` is called when nothing of it waits. */
  end(done: () => void): void {
    if (this.#parked === 0) {
      done();
    } else {
      this.#ended = done;
    }
  }

  /** Nobody waits for answers any more. */
  abandon(): void {
    for (const outstanding of this.#outstanding.values()) {
      if (outstanding.kind === 'judged') {
        outstanding.pending?.withdraw();
      }
    }
  }

  /** The upstream is gone: what was open is settled. */
  lost(): void {
    for (const outstanding of this.#outstanding.values()) {
      if (outstanding.kind === 'single') {
        this.#settle(outstanding.action, outstanding.startedMs, { kind: 'unknown', status: '', errorCode: '' });
      } else if (outstanding.kind === 'open') {
        this.#settleOpened(outstanding.opened, 'unknown');
      }
    }
    this.#outstanding.clear();
    this.#handles.forEach((opened) => this.#settleOpened(opened, 'ok'));
    this.#handles.clear();
  }

  #break(why: string): void {
    if (!this.#broken) {
      this.#broken = true;
      this.abandon();
      this.#parts.broken(why);
    }
  }

  #tellHeld(): void {
    this.#parts.held(this.#client.heldBytes + this.#parkedBytes);
  }

  #call(frame: Frame): void {
    if (this.#broken) {
      return;
    }
    if (this.#greeted === 'no') {
      if (frame.type !== SFTP_TYPE.init || frame.id < VERSION) {
        this.#break('the client does not begin with version 3');
        return;
      }
      this.#greeted = 'asked';
      this.#parts.toUpstream(writeFrame(SFTP_TYPE.init, [{ uint32: VERSION }]));
      return;
    }
    const call = parseCall(frame);
    if (call === null || this.#outstanding.has(frame.id)) {
      this.#break(call === null ? `a request of type ${frame.type} that cannot be read` : 'a number that is in use');
    } else if (this.#outstanding.size >= MAX_OUTSTANDING) {
      this.#break('too many requests without an answer');
    } else {
      this.#take(frame, call);
    }
  }

  #take(frame: Frame, call: SftpCall): void {
    switch (call.kind) {
      case 'open':
        this.#judge(frame, ask('open', call.path, { writes: (call.flags & ~FLAG_READ) !== 0 }), {
          reads: (call.flags & FLAG_READ) !== 0,
        });
        return;
      case 'path':
        this.#judge(frame, ask(PATH_OPS[call.type] ?? 'extended', call.path), null);
        return;
      case 'paths':
        // OpenSSH's server takes what a link points to first, and the link second; everybody follows it in that.
        this.#judge(
          frame,
          call.type === SFTP_TYPE.symlink
            ? ask('symlink', call.target, { target: call.path })
            : ask('rename', call.path, { target: call.target }),
          null,
        );
        return;
      case 'handle':
        this.#onHandle(frame, call);
        return;
      case 'extended':
        this.#extended(frame, call.name, call.data);
    }
  }

  #onHandle(frame: Frame, { type, handle, sizeBytes }: Extract<SftpCall, { readonly kind: 'handle' }>): void {
    const key = handle.toString('latin1');
    const opened = this.#handles.get(key);
    if (opened === undefined) {
      this.#answer(frame.id, SFTP_STATUS.failure, 'no such handle');
      return;
    }
    switch (type) {
      case SFTP_TYPE.write:
        if (!opened.writes) {
          this.#answer(frame.id, SFTP_STATUS.permissionDenied, 'it was not opened for writing');
          return;
        }
        opened.writtenBytes += sizeBytes;
        this.#forward(frame, OTHER);
        return;
      case SFTP_TYPE.read:
        if (!opened.reads) {
          this.#answer(frame.id, SFTP_STATUS.permissionDenied, 'it was not opened for reading');
          return;
        }
        this.#forward(frame, { kind: 'read', opened });
        return;
      case SFTP_TYPE.close:
        // From here on the handle names nothing, whatever the upstream does with it.
        this.#handles.delete(key);
        this.#settleOpened(opened, 'ok');
        this.#forward(frame, OTHER);
        return;
      case SFTP_TYPE.fsetstat:
        this.#judge(frame, ask('setstat', opened.path), null);
        return;
      default:
        this.#forward(frame, OTHER);
    }
  }

  #extended(frame: Frame, name: string, data: Buffer): void {
    const call = parseExtended(name, data);
    const path = (handle: Buffer): Buffer | null => this.#handles.get(handle.toString('latin1'))?.path ?? null;
    switch (call?.kind) {
      case undefined:
        this.#parts.host.refused('sftp', `an extended request ${name}`);
        this.#answer(frame.id, SFTP_STATUS.unsupported, `${name} is not let through`);
        return;
      case 'none':
        this.#judge(frame, ask('extended', NOTHING, { extension: name }), null);
        return;
      case 'path':
        this.#judge(frame, ask(EXTENDED_OPS[name] ?? 'extended', call.path, { extension: name }), null);
        return;
      case 'paths':
        this.#judge(
          frame,
          ask(EXTENDED_OPS[name] ?? 'extended', call.path, { target: call.target, extension: name }),
          null,
        );
        return;
      case 'handle':
      case 'handles': {
        const from = path(call.kind === 'handle' ? call.handle : call.from);
        const to = call.kind === 'handle' ? NOTHING : path(call.to);
        if (from === null || to === null) {
          this.#answer(frame.id, SFTP_STATUS.failure, 'no such handle');
        } else {
          this.#judge(frame, ask('extended', from, { target: to, extension: name }), null);
        }
      }
    }
  }

  #judge(frame: Frame, request: SftpRequest, opens: { readonly reads: boolean } | null): void {
    const { host, origin } = this.#parts;
    if ((opens !== null || request.op === 'opendir') && this.#handles.size >= MAX_HANDLES) {
      this.#answer(frame.id, SFTP_STATUS.failure, 'too many open files');
      return;
    }
    let answered = false;
    let parked = false;
    const pending = host.judge(
      { ...origin, ...request },
      {
        decided: (verdict, action) => {
          answered = true;
          if (parked) {
            this.#unpark(frame);
          }
          if (this.#broken) {
            return;
          }
          if (verdict.kind === 'deny') {
            this.#answer(frame.id, SFTP_STATUS.permissionDenied, `clawpatrol: ${denialText(verdict, action.id)}`);
          } else {
            this.#allowed(frame, request, { action, opens });
          }
          if (parked) {
            this.#afterParked();
          }
        },
      },
    );
    if (!answered) {
      parked = true;
      this.#parked += 1;
      this.#parkedBytes += frame.sizeBytes;
      this.#outstanding.set(frame.id, { kind: 'judged', pending });
    }
  }

  #unpark(frame: Frame): void {
    this.#parked -= 1;
    this.#parkedBytes -= frame.sizeBytes;
    this.#outstanding.delete(frame.id);
  }

  #afterParked(): void {
    this.#tellHeld();
    if (this.#parked === 0 && this.#ended !== null) {
      this.#ended();
      this.#ended = null;
    }
  }

  #allowed(
    frame: Frame,
    request: SftpRequest,
    { action, opens }: { readonly action: Action; readonly opens: { readonly reads: boolean } | null },
  ): void {
    const startedMs = this.#parts.host.clock.monotonicMs();
    if (opens !== null || request.op === 'opendir') {
      const opened = {
        path: request.path,
        reads: opens?.reads === true,
        writes: request.writes,
        action,
        startedMs,
        readBytes: 0,
        writtenBytes: 0,
      };
      this.#forward(frame, { kind: 'open', opened });
    } else {
      this.#forward(frame, { kind: 'single', action, startedMs });
    }
  }

  #forward(frame: Frame, outstanding: Outstanding): void {
    this.#outstanding.set(frame.id, outstanding);
    frame.pieces.forEach((piece) => this.#parts.toUpstream(piece));
  }

  #answer(id: number, code: number, text: string): void {
    this.#parts.toClient(statusFrame(id, code, text));
  }

  #reply(frame: Frame): void {
    if (this.#broken) {
      return;
    }
    if (this.#greeted !== 'yes') {
      this.#greet(frame);
      return;
    }
    const outstanding = this.#outstanding.get(frame.id);
    if (outstanding === undefined || outstanding.kind === 'judged') {
      this.#break('the upstream answers what was not asked');
      return;
    }
    this.#outstanding.delete(frame.id);
    switch (outstanding.kind) {
      case 'open':
        if (!this.#replyToOpen(frame, outstanding.opened)) {
          return;
        }
        break;
      case 'single':
        this.#settle(outstanding.action, outstanding.startedMs, outcomeOf(frame));
        break;
      case 'read':
        outstanding.opened.readBytes += frame.type === SFTP_TYPE.data ? frame.sizeBytes - 13 : 0;
        break;
      case 'other':
    }
    frame.pieces.forEach((piece) => this.#parts.toClient(piece));
  }

  /** Version 3 and the extensions that are understood, whatever else the upstream has. */
  #greet(frame: Frame): void {
    const pairs = frame.type === SFTP_TYPE.version ? parseVersion(frame) : null;
    if (this.#greeted === 'no' || pairs === null || frame.id !== VERSION) {
      this.#break('the upstream does not speak version 3');
      return;
    }
    this.#greeted = 'yes';
    const known = pairs.filter(([name]) => EXTENSIONS.includes(name));
    const fields = known.flatMap(([name, data]) => [{ string: name }, { string: data }]);
    this.#parts.toClient(writeFrame(SFTP_TYPE.version, [{ uint32: VERSION }, ...fields]));
  }

  /** False when the answer cannot be read. */
  #replyToOpen(frame: Frame, opened: Opened): boolean {
    if (frame.type !== SFTP_TYPE.handle) {
      const { kind, status, errorCode } = outcomeOf(frame);
      this.#settle(opened.action, opened.startedMs, { kind: kind === 'ok' ? 'unknown' : kind, status, errorCode });
      return true;
    }
    const handle = parseHandle(frame);
    const key = handle?.toString('latin1') ?? '';
    if (handle === null || this.#handles.has(key)) {
      this.#break('the upstream gave a handle that is none');
      return false;
    }
    this.#handles.set(key, opened);
    return true;
  }

  #settleOpened(opened: Opened, kind: 'ok' | 'unknown'): void {
    const status = `read ${opened.readBytes} bytes, wrote ${opened.writtenBytes}`;
    this.#settle(opened.action, opened.startedMs, { kind, status, errorCode: '' }, opened.readBytes);
  }

  #settle(action: Action, startedMs: number, result: Result, bytesToClient: number = 0): void {
    const { host } = this.#parts;
    const durationMs = Math.round(host.clock.monotonicMs() - startedMs);
    host.settle(action, { ...result, rows: null, bytesToClient, durationMs });
  }
}

interface Result {
  readonly kind: 'ok' | 'error' | 'unknown';
  readonly status: string;
  readonly errorCode: string;
}

function outcomeOf(frame: Frame): Result {
  const code = frame.type === SFTP_TYPE.status ? statusCode(frame) : SFTP_STATUS.ok;
  const good = code === SFTP_STATUS.ok || code === SFTP_STATUS.eof;
  return { kind: good ? 'ok' : 'error', status: `status ${code}`, errorCode: good ? '' : `SSH_FX_${code}` };
}

/** Requests on one path. */
const PATH_OPS: Readonly<Record<number, SftpOp>> = {
  [SFTP_TYPE.lstat]: 'lstat',
  [SFTP_TYPE.setstat]: 'setstat',
  [SFTP_TYPE.opendir]: 'opendir',
  [SFTP_TYPE.remove]: 'remove',
  [SFTP_TYPE.mkdir]: 'mkdir',
  [SFTP_TYPE.rmdir]: 'rmdir',
  [SFTP_TYPE.realpath]: 'realpath',
  [SFTP_TYPE.stat]: 'stat',
  [SFTP_TYPE.readlink]: 'readlink',
};

/** What extended requests stand for. */
const EXTENDED_OPS: Readonly<Record<string, SftpOp>> = {
  'posix-rename@openssh.com': 'rename',
  'hardlink@openssh.com': 'hardlink',
  'lsetstat@openssh.com': 'setstat',
  'expand-path@openssh.com': 'realpath',
};

function ask(
  op: SftpOp,
  path: Buffer,
  more: { readonly target?: Buffer; readonly writes?: boolean; readonly extension?: string } = {},
): SftpRequest {
  const { target = NOTHING, writes = false, extension = '' } = more;
  return { verb: 'sftp', op, path, target, writes, extension };
}
