// One request from its head to its settled record: judged first (judgement.ts), then sent, answered and settled here. It owns no socket:
// both sides are given (sides.ts), and time is the clock's.
import type { Duplex } from 'node:stream';
import { messageOf } from '../../lib/errors.ts';
import type { Action, Outcome } from '../../rules/action.ts';
import { NO_BODY } from './action.ts';
import { AnswerPipe } from './answer-pipe.ts';
import { answeredFields } from './fields.ts';
import type { LocalAnswer, Refusal, RequestState } from './flavour.ts';
import type { FormScanner } from './form-scanner.ts';
import type { Injection } from './inject.ts';
import { Judgement, type JudgementOwner, type JudgementParts, type RefusalDraft } from './judgement.ts';
import type { Mask } from './mask.ts';
import { injectKnown } from './inject-known.ts';
import type { KnownRequest } from './memory.ts';
import { scannerOf } from './override.ts';
import type { BodyReading, Field, HttpRequest, HttpResponse } from './request.ts';
import { startRenewingLeg } from './renewing-leg.ts';
import type {
  AgentEvents,
  AgentSide,
  Leg,
  LegEvents,
  LegFailure,
  Outgoing,
  ResponseStart,
  Upstreams,
} from './sides.ts';

/** What all exchanges of an agent connection share. */
export interface ExchangeParts extends JudgementParts {
  readonly upstreams: Upstreams;
}

/** How an exchange ended, for whoever runs the connection. */
export interface ExchangeEnd {
  /** Not null: the streams were given away, and this is what runs between them. */
  readonly upgraded: Upgraded | null;
}

export interface Upgraded {
  readonly request: HttpRequest;
  readonly response: HttpResponse;
  readonly client: Duplex;
  readonly upstream: Duplex;
  readonly state: RequestState;
  readonly credential: string | null;
  /** To be called when the streams have ended. */
  settle(outcome: Pick<Outcome, 'kind' | 'errorCode'>): void;
}

type Phase = 'judging' | 'sending' | 'answering' | 'over';

/** Interim answers of one request that are passed on or dropped; more are a flood (DP-30). */
const MAX_INTERIM = 16;
/** Methods that may be sent twice (RFC 9110, section 9.2.2). */
const IDEMPOTENT = /^(?:GET|HEAD|OPTIONS|PUT|DELETE)$/;

export class Exchange implements AgentEvents, LegEvents, JudgementOwner {
  readonly #parts: ExchangeParts;
  readonly #side: AgentSide;
  readonly #known: KnownRequest;
  readonly #request: HttpRequest;
  readonly #judgement: Judgement;
  readonly #ended: (end: ExchangeEnd) => void;
  #phase: Phase = 'judging';
  /** The agent has sent its body to the end. */
  #bodyEnded: boolean;
  /** What was held has gone with the head: what comes now goes straight on. */
  #streaming = false;
  /** Allowed, and not settled. */
  #open: Action | null = null;
  #brokenBody: { readonly status: 400 | 408; readonly why: string } | null = null;
  #leg: Leg | null = null;
  /** As it went out last. */
  #sent: HttpRequest | null = null;
  /** The upstream has answered to the end. */
  #answered = false;
  /** Set while an answer is looked into. */
  #pipe: AnswerPipe | null = null;
  /** Looks through a form that was not judged as a whole. */
  #scanner: FormScanner | null = null;
  #mask: Mask = asItIs;
  #status = 0;
  /** What the answer's head says of how it ended. */
  #told: Pick<Outcome, 'rows' | 'errorCode'> = NOTHING_TOLD;
  /** The head of the answer has come, and nothing of its body. */
  #headAlone = false;
  #retried = false;
  #interim = 0;
  #bytesToClient = 0;
  #startedMs = 0;

  constructor(parts: ExchangeParts, side: AgentSide, known: KnownRequest, ended: (end: ExchangeEnd) => void) {
    this.#parts = parts;
    this.#side = side;
    this.#known = known;
    this.#request = known.reading.request;
    this.#judgement = new Judgement(parts, side, known, this);
    this.#bodyEnded = !this.#judgement.hasBody;
    this.#ended = ended;
  }

  /** Nothing has been allowed yet: the agent going away takes the request back. */
  get undecided(): boolean {
    return this.#phase === 'judging';
  }

  start(): void {
    try {
      this.#judgement.start();
    } catch (error) {
      this.fault(error);
    }
  }

  // The agent's side.

  bodyData(bytes: Buffer): void {
    if (!this.#streaming) {
      this.#judgement.bodyData(bytes);
    } else if (this.#scanner?.push(bytes) === true) {
      this.#overrideFound();
    } else if (this.#leg !== null && !this.#leg.write(bytes)) {
      this.#side.setBodyFlow(false);
    }
  }

  /** What has gone upstream stays without its end: no form is read there. */
  #overrideFound(): void {
    this.#parts.context.refused('override', OVERRIDE_FOUND);
    this.#leg?.cancel();
    this.#settle('error', 'body');
    if (this.#phase === 'answering') {
      this.#cut();
    } else {
      this.#refuseNow({ status: 403, code: 'denied', reason: OVERRIDE_FOUND });
    }
  }

  bodyEnd(): void {
    this.#bodyEnded = true;
    if (this.#streaming && this.#scanner?.end() === true) {
      this.#overrideFound();
    } else if (this.#streaming) {
      this.#leg?.end();
    } else {
      this.#judgement.bodyEnd();
    }
  }

  bodyFailed(status: 400 | 408, why: string): void {
    if (this.#phase === 'over') {
      return;
    }
    this.#parts.context.refused(status === 408 ? 'body-timeout' : 'malformed', why);
    this.#brokenBody = { status, why };
    if (this.#phase === 'judging') {
      this.#judgement.stop();
      return;
    }
    // Part of it has gone upstream: it must not become whole there, nor an answer to it here.
    this.#leg?.cancel();
    this.#settle('error', 'body');
    if (this.#phase === 'sending') {
      this.#refuseNow({ status, code: 'malformed', reason: why });
    } else {
      this.#cut();
    }
  }

  gone(): void {
    switch (this.#phase) {
      case 'judging':
        this.#judgement.stop();
        break;
      case 'sending':
      case 'answering':
        this.#leg?.cancel();
        this.#settle('cancelled', 'client_gone');
        this.#abandon();
        this.#finish();
        break;
      case 'over':
        break;
    }
  }

  /** What was sent may run on without anybody who waits for it. */
  #abandon(): void {
    const { flavour, context, lasting } = this.#parts;
    const { credential } = this.#judgement;
    const stopping =
      this.#sent === null || this.#answered ? null : (flavour.abandoned?.(this.#sent, { context, credential }) ?? null);
    if (stopping !== null) {
      lasting.add(stopping);
      void stopping.finally(() => lasting.delete(stopping));
    }
  }

  drained(): void {
    this.#setLegFlow(this.#pipe?.waiting !== true);
  }

  // Judged.

  allowed(action: Action): void {
    this.#open = action;
    this.#send(false);
  }

  refused(refusal: RefusalDraft): void {
    this.#refuseNow(refusal);
  }

  answered(answer: LocalAnswer): void {
    this.#side.sendLocal(answer);
    this.#finish();
  }

  stopped(allowed: Action | null): void {
    this.#open = allowed;
    this.#settle('not-run', '');
    if (this.#brokenBody === null) {
      this.#finish();
    } else {
      const { status, why } = this.#brokenBody;
      this.#refuseNow({ status, code: 'malformed', reason: why });
    }
  }

  fault(error: unknown): void {
    if (this.#phase === 'over') {
      return;
    }
    this.#leg?.cancel();
    this.#settle('error', 'gateway');
    this.#parts.context.refused('fault', messageOf(error));
    if (this.#phase === 'answering') {
      this.#cut();
    } else {
      this.#refuseNow({ status: 500, code: 'unavailable', reason: 'the gateway failed on this request' });
    }
  }

  // Sending.

  #send(fresh: boolean): void {
    const { context, flavour, injector } = this.#parts;
    const { credential } = this.#judgement;
    const body = this.#bodyToSend();
    // A database takes no form for another method, and rows of its tables may well look like one.
    this.#scanner = body.kind === 'whole' || flavour.family === 'sql' ? null : scannerOf(this.#request);
    if (body.kind === 'cut' && this.#scanner?.push(body.bytes) === true) {
      this.#overrideFound();
      return;
    }
    const injected = this.#inject(body);
    if (injected.kind === 'refused') {
      this.#settle('not-run', 'credential');
      context.refused('credential', injected.why);
      this.#refuseNow({ status: 502, code: 'credential', reason: injected.why });
      return;
    }
    this.#mask = injected.mask;
    this.#phase = 'sending';
    this.#startedMs = context.clock.monotonicMs();
    const { host, port } = this.#request;
    const leg = this.#start({
      request: injected.request,
      target: { host, port },
      credential: credential?.ref ?? null,
      identity: injector.identity(credential),
      expectContinue: this.#side.awaitsContinue && body.kind === 'unread',
      body,
      bodyEnded: this.#bodyEnded,
      fresh,
    });
    // The answer, or the failure, may have come while it was being started.
    if (this.#leg === null && !this.#over) {
      this.#leg = leg;
      this.#pumpBody(body);
    }
  }

  #start(outgoing: Outgoing): Leg {
    const { upstreams, injector } = this.#parts;
    const renew = this.#judgement.credential?.renew;
    if (renew === undefined || !this.#replayable) {
      return upstreams.start(outgoing, this);
    }
    return startRenewingLeg(outgoing, {
      upstreams,
      events: this,
      renew: async () => {
        const credential = await renew();
        this.#judgement.credential = credential;
        const injected = this.#inject(outgoing.body);
        if (injected.kind === 'refused') {
          throw new Error(injected.why);
        }
        this.#mask = injected.mask;
        return { ...outgoing, request: injected.request, identity: injector.identity(credential), fresh: true };
      },
    });
  }

  /** It can be sent again as it was, and that does no more than sending it once. */
  get #replayable(): boolean {
    return this.#bodyEnded && !this.#streaming && IDEMPOTENT.test(this.#request.method);
  }

  get #over(): boolean {
    return this.#phase === 'over';
  }

  #inject(body: BodyReading): Injection {
    const { context, injector } = this.#parts;
    const injected = injectKnown(this.#known, body, { context, injector, credential: this.#judgement.credential });
    if (injected.kind === 'refused') {
      return injected;
    }
    // Behind the credential: what went out before in the same form is kept without the mark.
    this.#sent = this.#marked(injected.request);
    return this.#sent === injected.request ? injected : { ...injected, request: this.#sent };
  }

  #marked(request: HttpRequest): HttpRequest {
    const id = this.#open?.id;
    return id === undefined
      ? request
      : (this.#parts.flavour.marked?.(request, this.#retried ? `${id}-2` : id) ?? request);
  }

  #bodyToSend(): BodyReading {
    const { hasBody, holder } = this.#judgement;
    return hasBody ? (holder?.reading(false) ?? { kind: 'unread' }) : NO_BODY;
  }

  /** What was held has gone with the head; the rest follows as it comes. */
  #pumpBody(sent: BodyReading): void {
    if (!this.#bodyEnded) {
      this.#streaming = true;
      this.#judgement.holder = null;
      // Where nothing was held, the upstream was told that the agent waits, and says itself when it may go on.
      this.#side.readBody(this, { invite: sent.kind !== 'unread', timed: false });
    }
  }

  writable(): void {
    if (this.#phase !== 'over' && !this.#bodyEnded) {
      this.#side.setBodyFlow(true);
    }
  }

  // Answering.

  interim(head: HttpResponse): void {
    this.#interim += 1;
    if (this.#interim > MAX_INTERIM) {
      this.#leg?.cancel();
      this.failed({ kind: 'protocol', why: `more than ${MAX_INTERIM} interim answers`, reused: false });
    } else if (head.status === 100) {
      this.#side.invite();
    } else if (head.status === 103 && this.#side.version !== '1.0') {
      this.#side.sendInterim({ status: 103, fields: this.#clean(head.fields) });
      this.#side.flush();
    }
  }

  head(head: ResponseStart): void {
    this.#phase = 'answering';
    this.#status = head.status;
    this.#told = this.#parts.flavour.outcome?.(head) ?? NOTHING_TOLD;
    this.#pipe = head.body === 'none' ? null : this.#pipeFor(head);
    const fields = this.#clean(head.fields);
    const reason = this.#mask(head.reason);
    if (this.#pipe === null) {
      this.#headAlone = head.body !== 'none';
      this.#side.sendHead({ ...head, reason, fields });
    } else {
      // What is looked into may come out shorter.
      const unsized = fields.filter(({ name }) => name.toLowerCase() !== 'content-length');
      this.#side.sendHead({ ...head, reason, fields: unsized, body: 'stream' });
    }
  }

  data(bytes: Buffer): void {
    if (this.#pipe === null) {
      this.#pass(bytes);
    } else {
      this.#pipe.push(bytes);
    }
  }

  #pass(bytes: Buffer): void {
    this.#headAlone = false;
    this.#bytesToClient += bytes.length;
    this.#side.sendData(bytes);
  }

  /** After its answer the connection may be another request's. */
  #setLegFlow(flowing: boolean): void {
    if (!this.#answered) {
      this.#leg?.setFlow(flowing);
    }
  }

  end(trailers: readonly Field[]): void {
    this.#answered = true;
    if (this.#pipe === null) {
      this.#endAnswer(trailers);
    } else {
      this.#pipe.end(() => this.#endAnswer(trailers));
    }
  }

  /** What looks into the answer, or null where nothing does. */
  #pipeFor(head: ResponseStart): AnswerPipe | null {
    const { mcp, context } = this.#parts;
    const action = this.#open;
    const filter = action === null ? null : (mcp?.follow({ request: this.#request, action }, head) ?? null);
    if (mcp === null || action === null || filter === null) {
      return null;
    }
    return new AnswerPipe({
      filter,
      gate: context.gate,
      actionOf: (piece) => mcp.actionOf(piece, action),
      pass: (bytes) => {
        this.#pass(bytes);
        this.#side.flush();
      },
      cut: (why) => {
        this.#leg?.cancel();
        this.failed({ kind: 'protocol', why, reused: false });
      },
      setFlow: (flowing) => this.#setLegFlow(flowing),
    });
  }

  #endAnswer(trailers: readonly Field[]): void {
    if (this.#phase === 'over') {
      return;
    }
    this.#side.sendEnd(this.#clean(trailers));
    this.#side.flush();
    const failed = this.#status >= 400;
    this.#settle(failed ? 'error' : 'ok', failed ? String(this.#status) : '');
    if (!this.#bodyEnded) {
      // The upstream has answered without reading on: nobody wants the rest.
      this.#leg?.cancel();
    }
    this.#finish();
  }

  turnEnded(): void {
    if (this.#phase !== 'over' && this.#headAlone) {
      // Over TLS the body mostly comes as a record of its own in the same turn of the loop: one write serves for both.
      this.#headAlone = false;
      setImmediate(() => this.turnEnded());
    } else if (this.#phase !== 'over') {
      this.#side.flush();
      if (this.#side.congested) {
        this.#leg?.setFlow(false);
      }
    }
  }

  failed(failure: LegFailure): void {
    if (this.#phase === 'over') {
      return;
    }
    this.#leg = null;
    if (this.#phase === 'sending' && this.#mayRetry(failure)) {
      this.#retried = true;
      this.#send(true);
      return;
    }
    this.#parts.context.refused('upstream', failure.why);
    this.#settle('error', failure.kind);
    if (this.#phase === 'answering') {
      this.#cut();
    } else {
      const status = failure.kind === 'timeout' ? 504 : 502;
      this.#refuseNow({ status, code: 'upstream', reason: TOLD[failure.kind] });
    }
  }

  /** HX-03: no byte of an answer came, the connection was an old one, and the request can be sent again as it was. */
  #mayRetry({ kind, reused }: LegFailure): boolean {
    return kind === 'lost' && reused && !this.#retried && this.#interim === 0 && this.#replayable;
  }

  upgraded(head: ResponseStart, upstream: Duplex): void {
    this.#status = 101;
    const fields = this.#clean(head.fields);
    const { upgrade } = this.#request;
    const switched = [{ name: 'Connection', value: 'Upgrade' }, { name: 'Upgrade', value: upgrade }, ...fields];
    this.#side.sendHead({ ...head, reason: this.#mask(head.reason), fields: switched });
    this.#side.flush();
    this.#phase = 'over';
    this.#ended({
      upgraded: {
        request: this.#request,
        response: { status: 101, fields },
        client: this.#side.detach(),
        upstream,
        state: this.#judgement.state(),
        credential: this.#judgement.credential?.ref ?? null,
        settle: ({ kind, errorCode }) => this.#settle(kind, errorCode),
      },
    });
  }

  #clean(fields: readonly Field[]): readonly Field[] {
    if (fields.length === 0) {
      return fields;
    }
    const parts = { request: this.#request, credential: this.#judgement.credential, mask: this.#mask };
    return this.#parts.injector.strip(answeredFields(fields), parts);
  }

  // The end.

  #refuseNow(refusal: RefusalDraft): void {
    const action = this.#judgement.action?.id ?? '';
    const full: Refusal = { rule: '', hint: '', action, ...refusal };
    const answer = this.#parts.flavour.refuse(full, this.#request);
    this.#side.sendLocal(answer.status === 401 ? { ...answer, fields: [...answer.fields, CHALLENGE] } : answer);
    this.#finish();
  }

  #cut(): void {
    this.#side.cut();
    this.#finish();
  }

  /** Once; only what was allowed has an outcome. */
  #settle(kind: Outcome['kind'], errorCode: string): void {
    const action = this.#open;
    if (action === null) {
      return;
    }
    this.#open = null;
    const { context } = this.#parts;
    context.gate.settle(action, {
      kind,
      rows: this.#told.rows,
      status: this.#status === 0 ? '' : String(this.#status),
      errorCode: this.#told.errorCode === '' ? errorCode : this.#told.errorCode,
      bytesToClient: this.#bytesToClient,
      durationMs: this.#startedMs === 0 ? 0 : context.clock.monotonicMs() - this.#startedMs,
    });
  }

  #finish(): void {
    if (this.#phase !== 'over') {
      this.#phase = 'over';
      this.#leg = null;
      this.#scanner = null;
      this.#pipe?.stop();
      this.#judgement.holder = null;
      this.#ended(NOT_UPGRADED);
    }
  }
}

const OVERRIDE_FOUND = 'the form asks to be run as another method';
/** A 401 must say how to log in (RFC 9110, section 15.5.2). */
const CHALLENGE: Field = { name: 'WWW-Authenticate', value: 'Basic realm="clawpatrol"' };
const NOTHING_TOLD: Pick<Outcome, 'rows' | 'errorCode'> = { rows: null, errorCode: '' };
const NOT_UPGRADED: ExchangeEnd = { upgraded: null };

const TOLD: Readonly<Record<LegFailure['kind'], string>> = {
  unreachable: 'the gateway cannot reach the upstream',
  lost: 'the upstream closed the connection before it answered',
  protocol: 'the upstream answered in a way that HTTP does not allow',
  timeout: 'the upstream did not answer in time',
  credential: 'the upstream does not accept the credential of the gateway',
};

function asItIs(text: string): string {
  return text;
}
