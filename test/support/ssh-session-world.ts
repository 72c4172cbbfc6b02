// The SSH session between two recorded peers, with a judge that the test is.
import { createHash } from 'node:crypto';
import { parseMessage, writeMessage, dataHeader, type ConnectionMessage } from '../../src/protocols/ssh/codec.ts';
import { createSshAnalyser } from '../../src/protocols/ssh/facts.ts';
import type { Answer, SshHost } from '../../src/protocols/ssh/host.ts';
import type { SshRequest } from '../../src/protocols/ssh/request.ts';
import { SshSession } from '../../src/protocols/ssh/session.ts';
import { writeFields, type Field } from '../../src/protocols/ssh/wire.ts';
import { createShellReader } from '../../src/protocols/shell/reader.ts';
import type { FinishReason, Side, Verdict } from '../../src/protocols/session.ts';
import type { Action, Outcome } from '../../src/rules/action.ts';
import { FakeClock } from './fake-clock.ts';
import { AGENT } from './gate-parts.ts';

const analyser = createSshAnalyser({ shell: await createShellReader() });

export type Judge = (request: SshRequest) => 'allow' | 'deny' | 'park';

export interface Asked {
  readonly request: SshRequest;
  readonly answer: (kind: 'allow' | 'deny') => void;
  readonly parked: () => void;
  withdrawn: boolean;
}

export interface SshWorld {
  readonly session: SshSession;
  readonly clock: FakeClock;
  /** What each side was sent since it was last looked at, in short: `client success 0`. */
  sent(): string[];
  /** The last message of that kind that a side was sent. */
  find<K extends ConnectionMessage['kind']>(to: Side, kind: K): Extract<ConnectionMessage, { kind: K }> | undefined;
  readonly asked: Asked[];
  readonly settled: { readonly summary: string; readonly outcome: Outcome }[];
  readonly refused: string[];
  readonly finished: FinishReason[];
  readonly recorded: { text: string };
  from(side: Side, message: Exclude<ConnectionMessage, { readonly kind: 'data' | 'extended' }>): void;
  raw(side: Side, payload: Buffer): void;
  data(side: Side, channel: number, bytes: Buffer | string): void;
  /** A session channel that is open on both sides: number 0, the client's 100, the upstream's 200. */
  open(options?: { readonly windowBytes?: number }): void;
  request(name: string, fields?: readonly Field[], wantReply?: boolean): void;
}

const DENIED: Verdict = { kind: 'deny', cause: 'deny', rule: 'no', reason: 'not this', word: '', hint: '' };

export function createSshWorld(
  judge: Judge,
  options: { readonly holdStdin?: boolean; readonly records?: boolean } = {},
): SshWorld {
  const clock = new FakeClock();
  let log: { readonly to: Side; readonly payload: Buffer }[] = [];
  const all: { readonly to: Side; readonly message: ConnectionMessage }[] = [];
  const asked: Asked[] = [];
  const settled: SshWorld['settled'] = [];
  const refused: string[] = [];
  const finished: FinishReason[] = [];
  const recorded = { text: '' };
  const host: SshHost = {
    clock,
    send: (to, head, body) => {
      const payload = body === undefined ? head : Buffer.concat([head, body]);
      log.push({ to, payload });
      const message = parseMessage(payload);
      if (message === null) {
        throw new Error(`a message that cannot be read was sent: ${payload.toString('hex')}`);
      }
      all.push({ to, message });
    },
    judge: (request, answer) => ask(request, answer),
    needsStdin: (request) => options.holdStdin === true && !request.pty,
    settle: (action, outcome) => void settled.push({ summary: action.summary, outcome }),
    refused: (cause, detail) => void refused.push(`${cause}: ${detail}`),
    record: () =>
      options.records === false
        ? null
        : {
            output: (bytes) => {
              recorded.text += `o:${bytes.toString()};`;
            },
            input: (bytes) => {
              recorded.text += bytes.length === 0 ? '' : `i:${bytes.toString()};`;
            },
            resized: ({ columns, rows }) => {
              recorded.text += `r:${columns}x${rows};`;
            },
            end: () => {
              recorded.text += 'end';
            },
          },
    heldBytes: 1000,
    stdinTimeoutMs: () => 10_000,
    finish: (reason) => void finished.push(reason),
  };
  const session = new SshSession(host, { user: 'deploy', host: 'box.example' });

  function ask(request: SshRequest, answer: Answer): { withdraw(): void } {
    const action = actionOf(request);
    const entry: Asked = {
      request,
      answer: (kind) => answer.decided(kind === 'allow' ? { kind: 'allow' } : DENIED, action),
      parked: () => answer.parked?.({ approval: 'a1', expiresInMs: 600_000, waitsFor: 'oncall' }),
      withdrawn: false,
    };
    asked.push(entry);
    const kind = judge(request);
    if (kind === 'park') {
      entry.parked();
    } else {
      entry.answer(kind);
    }
    return {
      withdraw: () => {
        entry.withdrawn = true;
      },
    };
  }

  const world: SshWorld = {
    session,
    clock,
    sent: () => {
      const lines = log.map(({ to, payload }) => `${to} ${describe(parseMessage(payload))}`);
      log = [];
      return lines;
    },
    find: (to, kind) => all.findLast((entry) => entry.to === to && entry.message.kind === kind)?.message as never,
    asked,
    settled,
    refused,
    finished,
    recorded,
    from: (side, message) => session.handle(side, writeMessage(message)),
    raw: (side, payload) => session.handle(side, payload),
    data: (side, channel, bytes) => {
      const body = Buffer.from(bytes);
      session.handle(side, Buffer.concat([dataHeader(channel, 0, body.length), body]));
    },
    open: ({ windowBytes = 100_000 } = {}) => {
      world.from('client', {
        kind: 'open',
        type: 'session',
        sender: 100,
        windowBytes,
        packetBytes: 32_768,
        data: Buffer.alloc(0),
      });
      world.from('upstream', {
        kind: 'confirmation',
        channel: 0,
        sender: 200,
        windowBytes: 50_000,
        packetBytes: 32_768,
      });
      world.sent();
    },
    request: (name, fields = [], wantReply = true) =>
      world.from('client', { kind: 'request', channel: 0, name, wantReply, data: writeFields(fields) }),
  };
  return world;
}

function actionOf(request: SshRequest): Action {
  const analysis = analyser.analyse(request, { attributes: {}, hosts: [] } as never);
  return {
    id: createHash('md5').update(analysis.summary).digest('hex'),
    session: 's',
    agent: AGENT,
    endpoint: { name: 'box', type: 'ssh', ref: 'ssh.box', family: 'ssh', host: 'box.example' },
    family: 'ssh',
    credential: null,
    units: analysis.units,
    risk: analysis.risk,
    summary: analysis.summary,
    evidence: analysis.evidence,
    phase: 'execute',
    refused: null,
    memo: null,
  };
}

function describe(message: ConnectionMessage | null): string {
  switch (message?.kind) {
    case undefined:
      return 'unreadable';
    case 'data':
      return `data ${message.channel} ${message.bytes.toString()}`;
    case 'extended':
      return `stderr ${message.channel} ${message.bytes.toString()}`;
    case 'request':
      return `request ${message.channel} ${message.name}${message.wantReply ? ' ?' : ''}`;
    case 'open':
      return `open ${message.type} ${message.sender}`;
    case 'adjust':
      return `adjust ${message.channel} ${message.addBytes}`;
    case 'confirmation':
      return `confirmation ${message.channel} ${message.windowBytes}`;
    case 'open-failure':
      return `open-failure ${message.channel} ${message.code} ${message.text}`;
    case 'global':
      return `global ${message.name}${message.wantReply ? ' ?' : ''}`;
    case 'global-success':
    case 'global-failure':
      return message.kind;
    case 'eof':
    case 'close':
    case 'success':
    case 'failure':
      return `${message.kind} ${message.channel}`;
  }
}
