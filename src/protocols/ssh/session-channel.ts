// A session channel (RFC 4254, section 6): what the agent asks for on it, one request after the other, what is judged, and what becomes of
// the program that runs. At most one program; its stdin waits where it must be read before judging.
import type { Action } from '../../rules/action.ts';
import type { Side, Verdict } from '../session.ts';
import { Answers } from './answers.ts';
import type { Owed } from './answers.ts';
import type { Channel } from './channel.ts';
import { STDERR, parseEnv, parseExitSignal, parseExitStatus, parsePty, parseText, parseWindowChange } from './codec.ts';
import type { ChannelRequest, PtyRequest } from './codec.ts';
import { denialText, EXIT_DENIED, parkedText, stderrLine } from './denial.ts';
import type { Pending, Recording, SshHost } from './host.ts';
import { isAcceptedVariable } from './request.ts';
import type { SshOrigin, SshRequest, SshRequestKind } from './request.ts';
import { SFTP_ALLOWANCE_BYTES, SftpFilter } from './sftp-filter.ts';
import { optionalKind, outcomeOf, startKind } from './program.ts';
import type { StartVerb } from './program.ts';
import { StdinGate } from './stdin-gate.ts';
import type { Stdin } from './stdin-gate.ts';
import { writeFields } from './wire.ts';

/** Requests that may wait behind one that is judged. */
const MAX_WAITING = 64;
const NOTHING = Buffer.alloc(0);

/** What the connection has for all its channels. */
export interface ChannelContext {
  readonly host: SshHost;
  readonly origin: Pick<SshOrigin, 'user' | 'host'>;
  /** Forwarding of that kind was allowed on some channel. */
  opened(kind: 'agent_forward' | 'x11'): void;
}

export class SessionChannel {
  readonly #channel: Channel;
  readonly #context: ChannelContext;
  readonly #waiting: ChannelRequest[] = [];
  readonly #answers = new Answers();
  /** What the upstream's next answers are for. */
  readonly #asked: ((granted: boolean) => void)[] = [];
  readonly #env = new Map<string, string>();
  #pty: PtyRequest | null = null;
  #pending: Pending | null = null;
  #busy = false;
  #phase: 'idle' | 'asked' | 'starting' | 'running' | 'refused' = 'idle';
  #gate: StdinGate | null = null;
  /** Answered before the upstream was asked: clients send no stdin before. */
  #answeredEarly = false;
  #inputEnded = false;
  #action: Action | null = null;
  #startedMs = 0;
  #status: string | null = null;
  #signalled = '';
  #recording: Recording | null = null;
  #sftp: SftpFilter | null = null;

  constructor(channel: Channel, context: ChannelContext) {
    this.#channel = channel;
    this.#context = context;
  }

  /** A request of the client. False when it asks for more than can wait. */
  request(message: ChannelRequest): boolean {
    this.#waiting.push(message);
    this.#next();
    return this.#waiting.length <= MAX_WAITING;
  }

  /** Bytes of a stream. */
  data(from: Side, bytes: Buffer, type: number): void {
    const flow = this.#channel.flows[from];
    if (from === 'upstream') {
      this.#recording?.output(bytes);
      if (this.#sftp !== null && type === 0) {
        this.#sftp.fromUpstream(bytes);
      } else {
        flow.push(bytes, type);
      }
      return;
    }
    if (type !== 0 || this.#phase === 'idle' || this.#phase === 'refused') {
      // Nobody asked for a program yet: what comes is for none (SH-20).
      flow.update();
      return;
    }
    this.#recording?.input(bytes);
    if (this.#sftp !== null) {
      this.#sftp.fromClient(bytes);
    } else {
      flow.push(bytes, type);
    }
    this.#gate?.look();
  }

  eof(from: Side): void {
    if (from === 'upstream') {
      this.#channel.eof('client');
      return;
    }
    this.#inputEnded = true;
    this.#gate?.end();
    if (this.#sftp === null) {
      this.#channel.eof('upstream');
    } else {
      this.#sftp.end(() => this.#channel.eof('upstream'));
    }
  }

  /** That side has closed the channel. */
  close(from: Side): void {
    if (from === 'client') {
      // Nobody waits for it any more: what was not decided is never run (SH-43).
      this.#abandon();
      if (this.#phase === 'running' || this.#phase === 'starting') {
        // A client that has nothing more to say or hear closes before the exit status comes, and still takes it: the answer to its
        // close is the upstream's.
        this.#channel.close('upstream');
      } else {
        this.#channel.closeNow('client');
        this.#channel.closeNow('upstream');
      }
      return;
    }
    this.#channel.closeNow('upstream');
    while (this.#asked.length > 0) {
      this.#asked.shift()?.(false);
    }
    this.#settle();
    this.#channel.close('client');
  }

  /** The upstream answers a request. False when none was asked. */
  answered(granted: boolean): boolean {
    const asked = this.#asked.shift();
    asked?.(granted);
    return asked !== undefined;
  }

  /** A request of the upstream. */
  upstreamRequest({ name, wantReply, data }: ChannelRequest): void {
    const passes = this.#readUpstream(name, data);
    if (passes) {
      this.#channel.flows.upstream.after(() => this.#channel.tell('client', name, { wantReply: false, data }));
    }
    if (wantReply) {
      // Among them sshd's own sign of life, keepalive@openssh.com.
      this.#channel.answer('upstream', passes ? 'success' : 'failure');
    }
  }

  /** The connection is gone. */
  lost(): void {
    this.#abandon();
    this.#settle();
  }

  #readUpstream(name: string, data: Buffer): boolean {
    switch (name) {
      case 'exit-status': {
        const status = parseExitStatus(data);
        this.#status = status === null ? this.#status : `exit ${status}`;
        return status !== null;
      }
      case 'exit-signal': {
        const signal = parseExitSignal(data);
        this.#signalled = signal ?? '';
        this.#status = signal === null ? this.#status : `signal ${signal}`;
        return signal !== null;
      }
      case 'xon-xoff':
      case 'eow@openssh.com':
        return data.length <= 1;
      default:
        return false;
    }
  }

  #next(): void {
    while (!this.#busy) {
      const message = this.#waiting.shift();
      if (message === undefined) {
        return;
      }
      this.#take(message);
    }
  }

  #take(message: ChannelRequest): void {
    const { name, data } = message;
    switch (name) {
      case 'exec':
      case 'shell':
      case 'subsystem':
        this.#takeStart(message, name);
        return;
      case 'env':
        this.#takeEnv(message);
        return;
      case 'pty-req':
        this.#takePty(message);
        return;
      case 'x11-req':
      case 'auth-agent-req@openssh.com':
      case 'signal':
      case 'break':
        this.#takeOptional(message, optionalKind(name, data));
        return;
      case 'window-change':
        this.#takeWindowChange(message);
        return;
      case 'eow@openssh.com':
        this.#pass(message);
        return;
      default:
        this.#refuse(message, 'request', `a request of type ${name}`);
    }
  }

  /** Forwards a request as it came; the client gets the upstream's answer in its turn. */
  #pass(message: ChannelRequest, answered: (granted: boolean) => void = () => undefined): void {
    const { name, wantReply, data } = message;
    if (!wantReply) {
      this.#channel.tell('upstream', name, { wantReply: false, data });
      return;
    }
    const owed = this.#answers.owe();
    this.#asked.push((granted) => {
      answered(granted);
      this.#answers.pay(owed, () => this.#channel.answer('client', granted ? 'success' : 'failure'));
    });
    this.#channel.tell('upstream', name, { wantReply: true, data });
  }

  /** Says no to a request; the channel lives on. */
  #refuse({ wantReply }: ChannelRequest, cause: string, detail: string): void {
    if (cause !== '') {
      this.#context.host.refused(cause, detail);
    }
    if (wantReply) {
      this.#answers.add(() => this.#channel.answer('client', 'failure'));
    }
  }

  #judge(
    kind: SshRequestKind,
    decided: (verdict: Verdict, action: Action) => void,
    early: ((text: string) => void) | null = null,
  ): void {
    this.#busy = true;
    const request: SshRequest = {
      ...this.#context.origin,
      channel: this.#channel.number,
      env: new Map(this.#env),
      pty: this.#pty !== null,
      ...kind,
    };
    let answered = false;
    const pending = this.#context.host.judge(request, {
      decided: (verdict, action) => {
        answered = true;
        this.#pending = null;
        this.#busy = false;
        decided(verdict, action);
        this.#next();
      },
      parked: (notice) => {
        if (notice.silent !== true) {
          early?.(parkedText(notice));
        }
      },
    });
    this.#pending = answered ? null : pending;
  }

  /** A request that is judged, answered and forgotten. */
  #takeOptional(message: ChannelRequest, kind: SshRequestKind | null): void {
    const late = this.#phase === 'idle' || kind?.verb === 'signal';
    if (kind === null || !late || (kind.verb === 'signal' && this.#phase === 'idle')) {
      this.#refuse(message, 'request', `${message.name} that is malformed, or not in its place`);
      return;
    }
    this.#judge(kind, (verdict, action) => {
      if (verdict.kind === 'deny') {
        this.#refuse(message, '', '');
        return;
      }
      if (kind.verb === 'agent_forward' || kind.verb === 'x11') {
        this.#context.opened(kind.verb);
      }
      this.#pass(message);
      this.#settleAtOnce(action);
    });
  }

  #takeEnv(message: ChannelRequest): void {
    const env = parseEnv(message.data);
    const name = env?.name.toString('utf8') ?? '';
    const value = env?.value.toString('utf8') ?? '';
    if (env === null || this.#phase !== 'idle') {
      this.#refuse(message, 'request', 'env that is malformed, or not in its place');
      return;
    }
    // Bytes that are no text, and names that nobody needs, are not worth a question.
    if (!isAcceptedVariable(name) || !Buffer.from(value, 'utf8').equals(env.value) || value.includes('\0')) {
      this.#refuse(message, 'env', `the variable ${name}`);
      return;
    }
    this.#judge({ verb: 'env', name, value }, (verdict, action) => {
      if (verdict.kind === 'deny') {
        this.#refuse(message, '', '');
        return;
      }
      this.#env.set(name, value);
      this.#pass(message);
      this.#settleAtOnce(action);
    });
  }

  #takePty(message: ChannelRequest): void {
    const pty = parsePty(message.data);
    if (pty === null || this.#phase !== 'idle' || this.#pty !== null) {
      this.#refuse(message, 'request', 'pty-req that is malformed, repeated, or not in its place');
      return;
    }
    this.#judge({ verb: 'pty', term: pty.term }, (verdict, action) => {
      if (verdict.kind === 'deny') {
        this.#refuse(message, '', '');
        return;
      }
      // From here on: should the upstream say no, what follows is judged too strictly, not too mildly.
      this.#pty = pty;
      this.#pass(message);
      this.#settleAtOnce(action);
    });
  }

  #takeWindowChange(message: ChannelRequest): void {
    const size = parseWindowChange(message.data);
    if (size === null || this.#pty === null) {
      this.#refuse(message, 'request', 'window-change that is malformed, or without a terminal');
      return;
    }
    this.#recording?.resized(size);
    this.#pass(message);
  }

  #takeStart(message: ChannelRequest, verb: StartVerb): void {
    const text = verb === 'shell' ? NOTHING : parseText(message.data);
    if (text === null || (verb === 'shell' && message.data.length > 0)) {
      this.#refuse(message, 'request', `a malformed ${verb}`);
      return;
    }
    if (this.#phase !== 'idle') {
      this.#refuse(message, 'request', `a second program on one channel (${verb})`);
      return;
    }
    this.#phase = 'asked';
    const ask = (stdin: Stdin): void => this.#judgeStart(message, startKind(verb, text, stdin));
    const probe = { ...this.#context.origin, channel: this.#channel.number, env: this.#env, pty: this.#pty !== null };
    if (!this.#context.host.needsStdin({ ...probe, ...startKind(verb, text, { kind: 'unread' }) })) {
      ask({ kind: 'unread' });
      return;
    }
    this.#hold(message, ask);
  }

  /** Reads all of stdin before the request is judged. */
  #hold(message: ChannelRequest, done: (stdin: Stdin) => void): void {
    const { clock, heldBytes, stdinTimeoutMs } = this.#context.host;
    this.#busy = true;
    this.#answerEarly(message.wantReply);
    const parts = { clock, flow: this.#channel.flows.client, heldBytes, timeoutMs: stdinTimeoutMs() };
    this.#gate = new StdinGate(parts, (stdin) => {
      this.#gate = null;
      done(stdin);
    });
    this.#gate.look();
    if (this.#inputEnded) {
      this.#gate?.end();
    }
  }

  #answerEarly(wantReply: boolean): void {
    if (this.#answeredEarly) {
      return;
    }
    this.#answeredEarly = true;
    if (wantReply) {
      this.#answers.add(() => this.#channel.answer('client', 'success'));
    }
  }

  #tellParked(text: string): void {
    const line = stderrLine(text);
    if (this.#answers.empty && line.length <= this.#channel.flows.upstream.spareBytes) {
      this.#channel.flows.upstream.push(line, STDERR);
    }
  }

  #judgeStart(message: ChannelRequest, kind: SshRequestKind): void {
    const decided = (verdict: Verdict, action: Action): void => {
      if (verdict.kind === 'deny') {
        this.#refuseStart(message, denialText(verdict, action.id), EXIT_DENIED);
      } else {
        this.#start(message, action);
      }
    };
    this.#judge(kind, decided, (text) => {
      // A client hears nothing before it has its answer.
      this.#answerEarly(message.wantReply);
      this.#tellParked(text);
    });
  }

  /** Tells the client on stderr, ends the program that never was, and closes the channel on both sides. */
  #refuseStart({ wantReply }: ChannelRequest, text: string, status: number): void {
    this.#phase = 'refused';
    this.#answerEarly(wantReply);
    const channel = this.#channel;
    channel.flows.client.drop();
    channel.closeNow('upstream');
    this.#answers.add(() => {
      const { upstream: toClient } = channel.flows;
      toClient.push(stderrLine(text), STDERR);
      toClient.after(() =>
        channel.tell('client', 'exit-status', { wantReply: false, data: writeFields([{ uint32: status }]) }),
      );
      channel.eof('client');
      channel.close('client');
    });
  }

  #start(message: ChannelRequest, action: Action): void {
    const { host } = this.#context;
    const [unit, second] = action.units;
    const interactive = this.#pty !== null || [unit, second].some((one) => one?.facts.get('ssh.verb') === 'shell');
    if (interactive) {
      this.#recording = host.record(action, this.#pty, () =>
        this.#breakOff('what it shows cannot be recorded any more'),
      );
      if (this.#recording === null) {
        this.#settleNotRun(action);
        this.#refuseStart(message, 'what runs on a terminal is recorded, and that cannot be done now', EXIT_DENIED);
        return;
      }
      this.#recording.input(this.#channel.flows.client.queued());
    }
    this.#action = action;
    this.#startedMs = host.clock.monotonicMs();
    this.#phase = 'starting';
    if ([unit, second].some((one) => one?.facts.get('ssh.transfer') === 'sftp')) {
      this.#filter();
    }
    const owed = this.#answers.owe();
    this.#asked.push((granted) => this.#started(message, owed, granted));
    this.#channel.tell('upstream', message.name, { wantReply: true, data: message.data });
  }

  #started(message: ChannelRequest, owed: Owed, granted: boolean): void {
    if (!granted) {
      this.#status = 'refused by the upstream';
      this.#signalled = 'refused';
      if (this.#answeredEarly) {
        this.#answers.pay(owed, () => undefined);
        this.#refuseStart(message, 'the upstream does not run this', EXIT_DENIED);
      } else {
        this.#phase = 'refused';
        this.#answers.pay(owed, () => message.wantReply && this.#channel.answer('client', 'failure'));
      }
      this.#settle();
      return;
    }
    this.#phase = 'running';
    this.#answers.pay(
      owed,
      () => !this.#answeredEarly && message.wantReply && this.#channel.answer('client', 'success'),
    );
    const { client, upstream } = this.#channel.flows;
    client.allow(this.#sftp === null ? 0 : SFTP_ALLOWANCE_BYTES);
    if (this.#sftp !== null) {
      // Answers are read whole too.
      upstream.allow(SFTP_ALLOWANCE_BYTES);
    }
    client.run();
  }

  /** From here on SFTP is read, not passed. */
  #filter(): void {
    const { flows } = this.#channel;
    const early = flows.client.take();
    this.#sftp = new SftpFilter({
      host: this.#context.host,
      origin: { ...this.#context.origin, channel: this.#channel.number, env: this.#env, pty: this.#pty !== null },
      toUpstream: (bytes): void => flows.client.push(bytes, 0),
      toClient: (bytes): void => flows.upstream.push(bytes, 0),
      held: (heldBytes): void => flows.client.hold(heldBytes),
      broken: (why): void => this.#breakOff(why),
    });
    this.#sftp.fromClient(early);
    if (this.#inputEnded) {
      this.#sftp.end(() => undefined);
    }
  }

  /** What cannot be read or recorded ends the channel: passing it on would make the upstream's reading the policy. */
  #breakOff(why: string): void {
    this.#context.host.refused('broken-off', why);
    this.#status = why;
    this.#signalled = 'broken-off';
    this.#channel.closeNow('upstream');
    this.#channel.closeNow('client');
    this.#settle();
  }

  #abandon(): void {
    this.#gate?.cancel();
    this.#gate = null;
    this.#waiting.length = 0;
    this.#pending?.withdraw();
    this.#pending = null;
    this.#sftp?.abandon();
  }

  #settleAtOnce(action: Action): void {
    this.#context.host.settle(action, outcomeOf('ok', 'forwarded'));
  }

  #settleNotRun(action: Action): void {
    this.#context.host.settle(action, outcomeOf('not-run', ''));
  }

  #settle(): void {
    this.#recording?.end();
    this.#recording = null;
    this.#sftp?.lost();
    const action = this.#action;
    this.#action = null;
    if (action === null) {
      return;
    }
    const { host } = this.#context;
    this.#context.host.settle(action, {
      kind: this.#status === null ? 'unknown' : this.#signalled === '' ? 'ok' : 'error',
      rows: null,
      status: this.#status ?? 'closed without a status',
      errorCode: this.#signalled,
      bytesToClient: this.#channel.flows.upstream.passedBytes,
      durationMs: Math.round(host.clock.monotonicMs() - this.#startedMs),
    });
  }
}
