// The connection layer between an agent and its upstream (RFC 4254): channels and global requests of both sides. Messages in, messages and
// questions out; no I/O, no clock of its own. What cannot be read ends the session; what nobody allowed is refused and never forwarded.
import type { Action } from '../../rules/action.ts';
import type { FinishReason, Side, Verdict } from '../session.ts';
import { otherSide } from '../session.ts';
import { Channel } from './channel.ts';
import { OPEN_FAILURE, parseMessage, parseStreamLocal, parseTcpip, writeMessage } from './codec.ts';
import type { ChannelOpen, ChannelRequest, ConnectionMessage } from './codec.ts';
import { denialText } from './denial.ts';
import type { Pending, SshHost } from './host.ts';
import { GlobalRequests } from './global-requests.ts';
import type { SshOrigin, SshRequest, SshRequestKind } from './request.ts';
import { SessionChannel } from './session-channel.ts';

/** OpenSSH's client opens one a window; programs that multiplex, a few dozen. */
const MAX_CHANNELS = 128;
/** Smaller packets would cost more than they carry. */
const MIN_PACKET_BYTES = 256;

/** Types that exist, and that an agent has no business to open. */
const FOREIGN: readonly string[] = [
  'x11',
  'auth-agent@openssh.com',
  'forwarded-tcpip',
  'forwarded-streamlocal@openssh.com',
  'tun@openssh.com',
];

/** A stream that was let through as a whole. */
interface Forwarded {
  readonly action: Action | null;
  readonly startedMs: number;
}

interface Entry {
  readonly channel: Channel;
  /** Set on session channels. */
  readonly program: SessionChannel | null;
  forwarded: Forwarded | null;
}

export class SshSession {
  readonly #host: SshHost;
  readonly #origin: Pick<SshOrigin, 'user' | 'host'>;
  readonly #entries = new Map<number, Entry>();
  /** Questions about channels that are not open yet. */
  readonly #opening = new Set<Pending>();
  readonly #globals: GlobalRequests;
  readonly #allowed = new Set<'agent_forward' | 'x11'>();
  #nextNumber = 0;
  #draining: string | null = null;
  #finished = false;

  constructor(host: SshHost, origin: Pick<SshOrigin, 'user' | 'host'>) {
    this.#host = host;
    this.#origin = origin;
    this.#globals = new GlobalRequests(host, (kind) => this.#requestOf(-1, kind));
  }

  /** Nothing runs. */
  get idle(): boolean {
    return this.#entries.size === 0 && this.#opening.size === 0 && this.#globals.idle;
  }

  /** A message of numbers 80 to 127. */
  handle(from: Side, payload: Buffer): void {
    if (this.#finished) {
      return;
    }
    const message = parseMessage(payload);
    const why = message === null ? `message ${payload[0] ?? 0} that cannot be read` : this.#take(from, message);
    if (why !== null) {
      this.#broken(from, why);
    } else if (this.#draining !== null && this.idle) {
      this.#finish({ kind: 'drained', detail: this.#draining });
    }
  }

  /** Ends when what runs has ended; nothing new is begun. */
  drain(why: string): void {
    this.#draining = why;
    if (this.idle) {
      this.#finish({ kind: 'drained', detail: why });
    }
  }

  /** A connection is gone: what waits is withdrawn, what runs is settled. */
  lost(): void {
    this.#finished = true;
    for (const pending of this.#opening) {
      pending.withdraw();
    }
    this.#globals.lost();
    for (const entry of this.#entries.values()) {
      entry.program?.lost();
      this.#settleForwarded(entry);
    }
    this.#entries.clear();
  }

  #finish(reason: FinishReason): void {
    if (!this.#finished) {
      this.lost();
      this.#host.finish(reason);
    }
  }

  #broken(from: Side, why: string): void {
    this.#host.refused('malformed', `${from}: ${why}`);
    this.#finish({ kind: 'protocol-error', detail: `${from}: ${why}` });
  }

  /** What is wrong with it, or null. */
  #take(from: Side, message: ConnectionMessage): string | null {
    switch (message.kind) {
      case 'global':
        return from === 'client' ? this.#globals.fromClient(message) : this.#globals.fromUpstream(message);
      case 'global-success':
      case 'global-failure':
        return this.#globals.answered(from, message);
      case 'open':
        return from === 'client' ? this.#openFromClient(message) : this.#openFromUpstream(message);
      case 'data':
      case 'extended':
      case 'adjust':
      case 'eof':
      case 'close':
      case 'request':
      case 'success':
      case 'failure':
      case 'confirmation':
      case 'open-failure': {
        const entry = this.#entries.get(message.channel);
        return entry === undefined
          ? `${message.kind} for channel ${message.channel}, which is not open`
          : this.#takeFor(entry, from, message);
      }
    }
  }

  #takeFor(entry: Entry, from: Side, message: Extract<ConnectionMessage, { readonly channel: number }>): string | null {
    const { channel, program } = entry;
    switch (message.kind) {
      case 'data':
        return this.#data(entry, from, { bytes: message.bytes, type: 0 });
      case 'extended':
        return this.#data(entry, from, message);
      case 'adjust':
        return channel.flows[otherSide(from)].adjust(message.addBytes) ? null : 'a window beyond all bounds';
      case 'eof':
        if (channel.tookEof(from)) {
          if (program === null) {
            channel.eof(otherSide(from));
          } else {
            program.eof(from);
          }
        }
        return null;
      case 'close':
        return this.#close(entry, from);
      case 'request':
        return this.#request(entry, from, message);
      case 'success':
      case 'failure':
        return from === 'upstream' && program?.answered(message.kind === 'success') === true
          ? null
          : `${message.kind} that nobody asked for`;
      case 'confirmation':
      case 'open-failure':
        return this.#opened(entry, from, message);
    }
  }

  #data(
    { channel, program }: Entry,
    from: Side,
    { bytes, type }: { readonly bytes: Buffer; readonly type: number },
  ): string | null {
    const flow = channel.flows[from];
    if (!flow.receive(bytes.length)) {
      return 'more data than the window has';
    }
    if (!channel.listens(from)) {
      // After its end (SH-20).
      return null;
    }
    if (program === null) {
      flow.push(bytes, type);
    } else {
      program.data(from, bytes, type);
    }
    return null;
  }

  #close(entry: Entry, from: Side): string | null {
    const { channel, program } = entry;
    if (!channel.tookClose(from)) {
      return 'a channel that is closed twice';
    }
    if (program === null) {
      channel.closeNow(from);
      channel.close(otherSide(from));
      this.#settleForwarded(entry);
    } else {
      program.close(from);
    }
    this.#forget(entry);
    return null;
  }

  #forget({ channel }: Entry): void {
    if (channel.over) {
      this.#entries.delete(channel.number);
    }
  }

  #request({ channel, program }: Entry, from: Side, message: ChannelRequest): string | null {
    if (program === null) {
      if (message.wantReply) {
        channel.answer(from, 'failure');
      }
      return null;
    }
    if (from === 'upstream') {
      program.upstreamRequest(message);
      return null;
    }
    return channel.closedBy('client') || program.request(message) ? null : 'too many requests that wait';
  }

  #opened(
    entry: Entry,
    from: Side,
    message: Extract<ConnectionMessage, { readonly kind: 'confirmation' | 'open-failure' }>,
  ): string | null {
    const { channel } = entry;
    if (from === channel.opener || channel.isOpen(from) || channel.closedBy(from)) {
      return `${message.kind} that nobody asked for`;
    }
    if (message.kind === 'confirmation') {
      if (message.packetBytes < MIN_PACKET_BYTES) {
        return 'packets that are too small';
      }
      channel.confirm(from, message);
      return null;
    }
    this.#failOpen(channel.opener, channel.openerNumber, { code: message.code, text: message.text });
    this.#settleForwarded(entry);
    this.#entries.delete(channel.number);
    return null;
  }

  #failOpen(to: Side, channel: number, { code, text }: { readonly code: number; readonly text: string }): void {
    this.#host.send(to, writeMessage({ kind: 'open-failure', channel, code, text }));
  }

  #requestOf(channel: number, kind: SshRequestKind): SshRequest {
    return { ...this.#origin, channel, env: new Map(), pty: false, ...kind };
  }

  #create(opener: Side, open: ChannelOpen): Entry {
    const number = this.#nextNumber;
    this.#nextNumber = (this.#nextNumber + 1) >>> 0;
    const channel = new Channel(number, opener, { open, send: this.#host.send });
    const program =
      open.type === 'session'
        ? new SessionChannel(channel, {
            host: this.#host,
            origin: this.#origin,
            opened: (kind): void => void this.#allowed.add(kind),
          })
        : null;
    const entry: Entry = { channel, program, forwarded: null };
    this.#entries.set(number, entry);
    return entry;
  }

  #openFromClient(open: ChannelOpen): string | null {
    const refuse = (code: number, text: string): null => {
      this.#host.refused('channel', text);
      this.#failOpen('client', open.sender, { code, text: `clawpatrol: ${text}` });
      return null;
    };
    if (open.packetBytes < MIN_PACKET_BYTES) {
      return 'packets that are too small';
    }
    if (this.#draining !== null) {
      return refuse(OPEN_FAILURE.shortage, this.#draining);
    }
    if (this.#entries.size + this.#opening.size >= MAX_CHANNELS) {
      return refuse(OPEN_FAILURE.shortage, 'too many channels');
    }
    if (open.type === 'session') {
      if (this.#globals.noMoreSessions || open.data.length > 0) {
        return refuse(OPEN_FAILURE.prohibited, 'administratively prohibited: no more sessions on this connection');
      }
      this.#create('client', open).channel.request(open.data);
      return null;
    }
    const kind = forwardKind(open);
    if (kind === null) {
      const known = FOREIGN.includes(open.type) || open.type.startsWith('direct-');
      return refuse(
        known ? OPEN_FAILURE.prohibited : OPEN_FAILURE.unknownType,
        `administratively prohibited: channels of type ${open.type} are not opened here`,
      );
    }
    this.#judgeOpen(open, kind);
    return null;
  }

  #judgeOpen(open: ChannelOpen, kind: SshRequestKind): void {
    const asked: { answered: boolean; pending: Pending | null } = { answered: false, pending: null };
    asked.pending = this.#host.judge(this.#requestOf(open.sender, kind), {
      decided: (verdict, action) => {
        asked.answered = true;
        if (asked.pending !== null) {
          this.#opening.delete(asked.pending);
        }
        if (!this.#finished) {
          this.#judgedOpen(open, verdict, action);
        }
      },
    });
    if (!asked.answered) {
      this.#opening.add(asked.pending);
    }
  }

  #judgedOpen(open: ChannelOpen, verdict: Verdict, action: Action): void {
    if (verdict.kind === 'deny') {
      const text = `administratively prohibited: clawpatrol: ${denialText(verdict, action.id)}`;
      this.#failOpen('client', open.sender, { code: OPEN_FAILURE.prohibited, text });
      return;
    }
    const entry = this.#create('client', open);
    entry.forwarded = { action, startedMs: this.#host.clock.monotonicMs() };
    entry.channel.request(open.data);
  }

  /** What an upstream opens is let through only where the agent was allowed to ask for it. */
  #openFromUpstream(open: ChannelOpen): string | null {
    if (open.packetBytes < MIN_PACKET_BYTES) {
      return 'packets that are too small';
    }
    const wanted =
      (open.type === 'auth-agent@openssh.com' && this.#allowed.has('agent_forward')) ||
      (open.type === 'x11' && this.#allowed.has('x11')) ||
      this.#globals.forwards(open);
    if (!wanted || this.#entries.size >= MAX_CHANNELS || this.#draining !== null) {
      this.#host.refused('channel', `the upstream opened a channel of type ${open.type}`);
      this.#failOpen('upstream', open.sender, { code: OPEN_FAILURE.prohibited, text: 'administratively prohibited' });
      return null;
    }
    this.#create('upstream', open).channel.request(open.data);
    return null;
  }

  #settleForwarded(entry: Entry): void {
    const { forwarded, channel } = entry;
    entry.forwarded = null;
    if (forwarded?.action == null) {
      return;
    }
    const opened =
      channel.flows.client.passedBytes + channel.flows.upstream.passedBytes > 0 || channel.isOpen('upstream');
    this.#host.settle(forwarded.action, {
      kind: opened || channel.closedBy('upstream') ? 'ok' : 'error',
      rows: null,
      status: `${channel.flows.client.passedBytes} bytes sent`,
      errorCode: opened || channel.closedBy('upstream') ? '' : 'open-failed',
      bytesToClient: channel.flows.upstream.passedBytes,
      durationMs: Math.round(this.#host.clock.monotonicMs() - forwarded.startedMs),
    });
  }
}

/** What a channel that the client opens asks for; null when it is of another type, or malformed. */
function forwardKind({ type, data }: ChannelOpen): SshRequestKind | null {
  switch (type) {
    case 'direct-tcpip': {
      const to = parseTcpip(data);
      const host = to?.host.toString('latin1') ?? '';
      return to === null || to.port === 0 || !/^[\x21-\x7e]{1,255}$/.test(host)
        ? null
        : { verb: 'forward', forwardHost: host, forwardPort: to.port };
    }
    case 'direct-streamlocal@openssh.com': {
      const path = parseStreamLocal(data, true);
      const text = path?.toString('utf8') ?? '';
      return path === null || text === '' || !Buffer.from(text).equals(path) || text.includes('\0')
        ? null
        : { verb: 'socket_forward', path: text };
    }
    default:
      return null;
  }
}
