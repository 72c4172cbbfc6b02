// What an SSH request was, whole, for records and approvers. Pure.
import { createHash } from 'node:crypto';
import type { Evidence } from '../../rules/action.ts';
import type { StdinView } from '../shell/model.ts';
import type { SshRequest } from './request.ts';

const NO_PARAMETERS: readonly (string | null)[] = [];
const NO_BYTES = Buffer.alloc(0);

/** The exact bytes that are forwarded for a request, in parts. */
interface Parts {
  readonly head: string;
  readonly payload: Buffer;
  readonly stdin: StdinView | null;
}

/** A request as text: the command, and what is piped into it under a line of its own. */
export class SshEvidence implements Evidence {
  readonly parameters = NO_PARAMETERS;
  readonly sizeBytes: number;
  readonly complete: boolean;
  readonly #parts: Parts;
  readonly #origin: string;
  #digest = '';

  constructor(request: SshRequest) {
    this.#parts = partsOf(request);
    this.#origin = `${request.verb}\0${request.user}\0${request.host}\0`;
    const { payload, stdin } = this.#parts;
    this.sizeBytes = payload.length + (stdin?.kind === 'whole' ? stdin.bytes.length : 0);
    this.complete = stdin?.kind !== 'cut';
  }

  get text(): string {
    const { head, payload, stdin } = this.#parts;
    const text = `${head}${readable(payload)}`;
    switch (stdin?.kind) {
      case 'whole':
        return stdin.bytes.length === 0 ? text : `${text}\n[stdin]\n${readable(stdin.bytes)}`;
      case 'cut':
        return `${text}\n[stdin that was not held whole]`;
      case 'unread':
      case undefined:
        return text;
    }
  }

  digest(): string {
    if (this.#digest === '') {
      const { head, payload, stdin } = this.#parts;
      const hash = createHash('sha256').update(this.#origin).update(head).update('\0').update(payload).update('\0');
      this.#digest = hash.update(stdin?.kind === 'whole' ? stdin.bytes : NO_BYTES).digest('hex');
    }
    return this.#digest;
  }
}

/** UTF-8 as it is; anything else so that nothing of it is lost. */
function readable(bytes: Buffer): string {
  const text = bytes.toString('utf8');
  return text.includes('\ufffd') && !Buffer.from(text, 'utf8').equals(bytes)
    ? `[base64] ${bytes.toString('base64')}`
    : text;
}

const bare = (head: string): Parts => ({ head, payload: NO_BYTES, stdin: null });

function partsOf(request: SshRequest): Parts {
  switch (request.verb) {
    case 'exec':
      return { head: '', payload: request.command, stdin: request.stdin };
    case 'shell':
      return { head: '[shell]', payload: NO_BYTES, stdin: request.stdin };
    case 'subsystem':
      return { head: '[subsystem] ', payload: request.name, stdin: null };
    case 'forward':
    case 'remote_forward':
      return bare(`[${request.verb}] ${request.forwardHost}:${request.forwardPort}`);
    case 'socket_forward':
      return bare(`[socket_forward] ${request.path}`);
    case 'agent_forward':
    case 'x11':
      return bare(`[${request.verb}]`);
    case 'pty':
      return bare(`[pty] ${request.term}`);
    case 'env':
      return bare(`[env] ${request.name}=${request.value}`);
    case 'signal':
      return bare(`[signal] ${request.signal}`);
    case 'sftp': {
      const op = request.extension === '' ? request.op : `${request.op} (${request.extension})`;
      const paths = [request.path, request.target].filter((path) => path.length > 0);
      const joined = paths.flatMap((path, index) => (index === 0 ? [path] : [Buffer.from('\n→ '), path]));
      return {
        head: `[sftp] ${op}${request.writes ? ' for writing' : ''} `,
        payload: Buffer.concat(joined),
        stdin: null,
      };
    }
  }
}
