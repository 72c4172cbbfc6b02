// Plays a transcript (a text file) through a Postgres session. A line at the margin is an input; the indented lines under it are
// everything that must come out of it:
//
//   client   Query "select 1"
//     judge    execute "select 1"
//     upstream < Query "select 1"
//   server   Complete "SELECT 1"; Ready I
//     client < Complete "SELECT 1"; Ready I
//     settle   "select 1" ok 1 "SELECT 1"
//
// The fake gate answers at once: it denies what says drop, and keeps what says park until `gate allow` or `gate deny`.
import { createPostgresSession } from '../../src/protocols/postgres/session.ts';
import { Tracker } from '../../src/protocols/postgres/tracker.ts';
import type { Session, SessionCommand, SessionEvent } from '../../src/protocols/session.ts';
import type { Action } from '../../src/rules/action.ts';
import { ALLOW, denial } from './fake-gate.ts';
import { FakeAnalyser } from './fake-sql.ts';
import { AGENT } from './gate-parts.ts';
import { FakeClock } from './fake-clock.ts';
import { frame, int16, int32 } from './raw-postgres.ts';

export interface TranscriptStep {
  readonly line: number;
  readonly input: string;
  readonly expected: readonly string[];
}

export function parseTranscript(text: string): readonly TranscriptStep[] {
  const steps: { line: number; input: string; expected: string[] }[] = [];
  for (const [index, raw] of text.split('\n').entries()) {
    const line = raw.trim().replaceAll(/ {2,}/g, ' ');
    if (line === '' || line.startsWith('#')) {
      continue;
    }
    if (raw.startsWith(' ')) {
      steps.at(-1)?.expected.push(line);
    } else {
      steps.push({ line: index + 1, input: line, expected: [] });
    }
  }
  return steps;
}

/** Cuts bytes into pieces; together they are the same bytes. */
export type Cut = (bytes: Buffer) => readonly Buffer[];

export class TranscriptPlayer {
  readonly #session: Session;
  readonly #cut: Cut;
  readonly #analyser = new FakeAnalyser();
  #asked: Action | null = null;
  #nonces: string[] = [];
  #outputs: string[] = [];
  #toUpstream: Buffer = Buffer.alloc(0);
  #toClient: Buffer = Buffer.alloc(0);

  constructor(cut: Cut = (bytes) => [bytes]) {
    this.#cut = cut;
    const clock = new FakeClock();
    const state = { database: 'app', user: 'app', role: 'app', resetRole: 'app', searchPath: null, schemas: null };
    const more = { gatewaySetRole: false, readable: true, serverMajor: 15, shadowedFunctions: null };
    this.#session = createPostgresSession({
      origin: {
        session: 'session-1',
        agent: AGENT,
        endpoint: { name: 'pg', type: 'postgres', ref: 'postgres.pg', family: 'sql', host: 'db' },
        credential: null,
        clock,
      },
      analyser: this.#analyser,
      options: () => OPTIONS,
      tracker: new Tracker({ ...state, ...more }, '"$user", public'),
      clock,
    });
  }

  get session(): Session {
    return this.#session;
  }

  /** Runs one input and gives what came out, in a fixed order: judged, upstream, client, settled, and the rest. */
  async play(input: string): Promise<readonly string[]> {
    const [who, ...rest] = input.split(' ');
    const what = rest.join(' ');
    switch (who ?? '') {
      case 'client':
      case 'server':
        for (const bytes of this.#cut(what === 'nothing' ? Buffer.alloc(0) : this.#encode(what))) {
          this.#feed({ kind: 'data', from: who === 'client' ? 'client' : 'upstream', bytes });
          await Promise.resolve();
        }
        break;
      case 'gate':
        this.#answer(what === 'allow' ? ALLOW : denial('not now', what === 'cancelled' ? 'cancelled' : 'deny'));
        break;
      case 'parked':
        this.#feed({
          kind: 'parked',
          action: this.#asked?.id ?? '',
          notice: { approval: 'a-1', expiresInMs: 60_000, waitsFor: 'oncall' },
        });
        break;
      case 'cancel':
        this.#feed({ kind: 'cancel-requested' });
        break;
      case 'drain':
        this.#feed({ kind: 'draining', why: 'the gateway is stopping' });
        break;
      case 'slow':
        this.#analyser.slow = /slowly/;
        break;
      case 'end': {
        const [from, how] = what.split(' ');
        const side = from === 'client' ? 'client' : 'upstream';
        this.#feed({ kind: 'ended', from: side, how: how === 'reset' ? 'reset' : 'fin' });
        break;
      }
      default:
        throw new Error(`a transcript cannot say ${input}`);
    }
    // A long analysis answers in a later turn.
    await new Promise<void>((resolve) => {
      setImmediate(resolve);
    });
    return this.#collect();
  }

  #feed(event: SessionEvent): void {
    for (const command of this.#session.handle(event)) {
      this.#run(command);
    }
  }

  #run(command: SessionCommand): void {
    switch (command.kind) {
      case 'send':
        if (command.to === 'upstream') {
          this.#toUpstream = Buffer.concat([this.#toUpstream, command.bytes]);
        } else {
          this.#toClient = Buffer.concat([this.#toClient, command.bytes]);
        }
        break;
      case 'judge': {
        const { action } = command;
        const { refused, phase, evidence, units } = action;
        const parameters = evidence.parameters.length > 0 ? ` ${JSON.stringify(evidence.parameters)}` : '';
        const verbs = JSON.stringify(units[0]?.facts.get('sql.verbs'));
        const path = JSON.stringify(units[0]?.facts.get('sql.path'));
        const where = path === '["$user","public"]' ? '' : ` path ${path}`;
        const more = verbs.includes('unknown') ? ' unknown' : '';
        const no = refused === null ? '' : ' refused';
        this.#outputs.push(`judge ${phase} ${JSON.stringify(evidence.text)}${parameters}${where}${more}${no}`);
        this.#asked = action;
        if (refused !== null || /drop/.test(evidence.text + evidence.parameters.join(' '))) {
          this.#answer(denial(refused ?? 'no drops'));
        } else if (/park/.test(evidence.text) && phase === 'execute') {
          this.#feed({ kind: 'waiting', action: action.id });
        } else {
          this.#answer(ALLOW);
        }
        break;
      }
      case 'settle': {
        const { kind, rows, status, errorCode } = command.outcome;
        const text = JSON.stringify(command.action.evidence.text);
        this.#outputs.push(`settle ${text} ${kind} ${rows ?? '-'} ${JSON.stringify(status + errorCode)}`);
        break;
      }
      case 'await':
        void command.work.then(() => this.#feed({ kind: 'awaited' }));
        break;
      case 'finish':
        this.#outputs.push(`finish ${command.reason.kind}`);
        break;
      case 'withdraw':
      case 'cancel-upstream':
        this.#outputs.push(command.kind);
        break;
      case 'end':
        this.#outputs.push(`end ${command.to}`);
        break;
    }
  }

  #answer(verdict: typeof ALLOW): void {
    const action = this.#asked?.id ?? '';
    this.#asked = null;
    this.#feed({ kind: 'judged', action, verdict });
  }

  #collect(): readonly string[] {
    const upstream = this.#decode(this.#toUpstream, true);
    const client = this.#decode(this.#toClient, false);
    this.#toUpstream = upstream.rest;
    this.#toClient = client.rest;
    const outputs = this.#outputs;
    this.#outputs = [];
    return [
      ...outputs.filter((line) => line.startsWith('judge')),
      ...(upstream.text === '' ? [] : [`upstream < ${upstream.text}`]),
      ...(client.text === '' ? [] : [`client < ${client.text}`]),
      ...outputs.filter((line) => !line.startsWith('judge')),
    ];
  }

  #decode(bytes: Buffer, front: boolean): { readonly text: string; readonly rest: Buffer } {
    const shown: string[] = [];
    let at = 0;
    while (at + 5 <= bytes.length && at + 1 + bytes.readUInt32BE(at + 1) <= bytes.length) {
      const size = 1 + bytes.readUInt32BE(at + 1);
      shown.push(this.#show(bytes.toString('latin1', at, at + 1), bytes.subarray(at + 5, at + size), front));
      at += size;
    }
    return { text: shown.join('; '), rest: bytes.subarray(at) };
  }

  #show(type: string, body: Buffer, front: boolean): string {
    const strings = body.toString('latin1').split('\0');
    const name = (front ? FRONT_NAMES : BACK_NAMES)[type] ?? `type ${type}`;
    const quotes = (text: string | undefined): string => {
      if (text !== undefined && /^clawpatrol_denied_[0-9a-f]{32}$/.test(text)) {
        if (!this.#nonces.includes(text)) {
          this.#nonces.push(text);
        }
        return '<nonce>';
      }
      return JSON.stringify(text ?? '');
    };
    switch (name) {
      case 'Query':
      case 'Complete':
        return `${name} ${quotes(strings[0])}`;
      case 'Parse':
        return `${name} ${quotes(strings[0])} ${quotes(strings[1])}`;
      case 'Bind':
        return `${name} ${quotes(strings[0])} ${quotes(strings[1])}`;
      case 'Execute':
        return `${name} ${quotes(strings[0])}`;
      case 'Describe':
      case 'Close':
        return `${name} ${body.toString('latin1', 0, 1)} ${quotes(strings[0]?.slice(1))}`;
      case 'CopyData':
        return `${name} ${JSON.stringify(body.toString('latin1'))}`;
      case 'Ready':
        return `${name} ${body.toString('latin1')}`;
      case 'Error':
      case 'Notice': {
        const field = (letter: string): string => strings.find((text) => text.startsWith(letter))?.slice(1) ?? '';
        return `${name} ${field('V')} ${field('C')} ${JSON.stringify(field('M'))}`;
      }
      default:
        return name;
    }
  }

  #encode(text: string): Buffer {
    return Buffer.concat(messages(text).map((message) => this.#message(message)));
  }

  #message([name = '', a = '', b = '', ...more]: readonly string[]): Buffer {
    const names = [...Object.entries(FRONT_NAMES), ...Object.entries(BACK_NAMES)];
    const type = names.find(([, known]) => known === name)?.[0] ?? '?';
    switch (name) {
      case 'Query':
      case 'Complete':
        return frame(type, a);
      case 'Parse':
        return frame('P', a, b, int16(0));
      case 'Bind': {
        const values = more.flatMap((value) => [int32(value.length), Buffer.from(value)]);
        return frame('B', a, b, int16(0), int16(more.length), ...values, int16(0));
      }
      case 'Execute':
        return frame('E', a, int32(Number(b === '' ? '0' : b)));
      case 'Describe':
      case 'Close':
        return frame(name === 'Describe' ? 'D' : 'C', Buffer.from(a), b);
      case 'CopyData':
        return frame('d', Buffer.from(a));
      case 'CopyFail':
        return frame('f', a);
      case 'FunctionCall':
        return frame('F', int32(1), int16(0), int16(0), int16(0));
      case 'Ready':
        return frame('Z', Buffer.from(a));
      case 'Error':
        return errorFrame(a, b);
      case 'Rejected': {
        const nonce = this.#nonces.shift() ?? '?';
        return errorFrame('42601', `syntax error at or near "${nonce}"`);
      }
      case 'Otherwise':
        // Not the rejection that the substitute asked for.
        this.#nonces.shift();
        return errorFrame(a, b);
      case 'Fatal':
        return frame('E', 'SFATAL', 'VFATAL', `C${a}`, `M${b}`, '');
      case 'Notice':
        return frame('N', 'SNOTICE', 'VNOTICE', `C00000`, `M${a}`, '');
      case 'Status':
        return frame('S', a, b);
      case 'Row':
        return frame('D', int16(1), int32(a.length), Buffer.from(a));
      case 'Columns':
        return frame('T', int16(0));
      case 'Types':
        return frame('t', int16(1), int32(Number(a)));
      case 'CopyIn':
      case 'CopyOut':
      case 'CopyBoth':
        return frame(type, Buffer.from([0]), int16(0));
      case 'Notification':
        return frame('A', int32(1), 'channel', 'payload');
      case 'Raw':
        return Buffer.from(a, 'hex');
      default:
        return frame(type);
    }
  }
}

const OPTIONS = { readOnly: false, trustedFunctions: new Set<string>(), maxTextBytes: 4096 };

const FRONT_NAMES: Readonly<Record<string, string>> = {
  Q: 'Query',
  P: 'Parse',
  B: 'Bind',
  D: 'Describe',
  E: 'Execute',
  C: 'Close',
  S: 'Sync',
  H: 'Flush',
  X: 'Terminate',
  F: 'FunctionCall',
  d: 'CopyData',
  c: 'CopyDone',
  f: 'CopyFail',
};

const BACK_NAMES: Readonly<Record<string, string>> = {
  1: 'ParseComplete',
  2: 'BindComplete',
  3: 'CloseComplete',
  A: 'Notification',
  C: 'Complete',
  D: 'Row',
  E: 'Error',
  G: 'CopyIn',
  H: 'CopyOut',
  W: 'CopyBoth',
  I: 'Empty',
  N: 'Notice',
  S: 'Status',
  T: 'Columns',
  t: 'Types',
  Z: 'Ready',
  n: 'NoData',
  s: 'Suspended',
  d: 'CopyData',
  c: 'CopyDone',
};

function errorFrame(code: string, message: string): Buffer {
  return frame('E', 'SERROR', 'VERROR', `C${code}`, `M${message}`, '');
}

/** Messages are separated by semicolons outside of quotes. */
function messages(text: string): readonly (readonly string[])[] {
  const words = [...text.matchAll(/"(?:[^"\\]|\\.)*"|;|[^\s;]+/g)].map(([word]) => word);
  const found: string[][] = [[]];
  for (const word of words) {
    if (word === ';') {
      found.push([]);
    } else {
      found.at(-1)?.push(word.startsWith('"') ? String(JSON.parse(word)) : word);
    }
  }
  return found;
}
