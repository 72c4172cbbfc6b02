// The first half of an exchange: which credential, whether the body must be held, what the request means, and what the gate says. Nothing
// is sent anywhere from here. The path of a safe request that was seen before makes no promise.
import { AGENT_NAME } from '../../config/hosts.ts';
import { GatewayError, messageOf } from '../../lib/errors.ts';
import { traceOf } from '../../lib/trace.ts';
import type { Action, Evidence } from '../../rules/action.ts';
import { MAX_OWN_BODY_BYTES } from '../protocol.ts';
import type { DispatchedCredential, OwnAnswer, OwnRequest, ServeContext, Waiting } from '../protocol.ts';
import type { ParkedNotice, Verdict } from '../session.ts';
import { HttpAction, HttpEvidence, NO_BODY, type Origin } from './action.ts';
import { BodyHolder } from './body-holder.ts';
import { bindingOf, ownerOf, prefersAsync, STATUS_PATH, type Deferral, type Deferrals } from './deferred.ts';
import { onlyValue } from './fields.ts';
import type { HttpFlavour, LocalAnswer, McpView, Refusal, RequestState } from './flavour.ts';
import type { Injector } from './injector.ts';
import type { McpFollower } from './mcp.ts';
import type { Judged, KnownRequest } from './memory.ts';
import { isGitPath } from './git-path.ts';
import { fieldValues } from './request.ts';
import type { BodyReading, Field, HttpRequest } from './request.ts';
import type { AgentSide, BodySink } from './sides.ts';

/** What judging needs of the connection. */
export interface JudgementParts {
  readonly origin: Origin;
  readonly context: ServeContext;
  readonly flavour: HttpFlavour;
  readonly injector: Injector;
  readonly credentials: CredentialSource;
  /** Null where the flavour knows no MCP. */
  readonly mcp: McpFollower | null;
  readonly deferrals: Deferrals;
  /** What the end of the connection waits for. */
  readonly lasting: Set<Promise<void>>;
}

/** Credentials of one connection. */
export interface CredentialSource {
  /** At once when the same request had one a moment ago. Rejects with GatewayError SECRET_MISSING. */
  find(known: KnownRequest): DispatchedCredential | null | Promise<DispatchedCredential | null>;
}

/** A refusal without what only the end of it knows. */
export type RefusalDraft = Partial<Refusal> & Pick<Refusal, 'status' | 'code' | 'reason'>;

/** One of these is called, once. */
export interface JudgementOwner extends BodySink {
  allowed(action: Action): void;
  refused(refusal: RefusalDraft): void;
  /** The gateway answers it itself; nothing is to be sent. */
  answered(answer: LocalAnswer): void;
  /** Nothing is to be sent, since `stop` was called. `allowed`: it was let through all the same, so that it has an outcome to be told. */
  stopped(allowed: Action | null): void;
  fault(error: unknown): void;
}

export class Judgement {
  readonly #parts: JudgementParts;
  readonly #side: AgentSide;
  readonly #known: KnownRequest;
  readonly #request: HttpRequest;
  readonly #owner: JudgementOwner;
  /** The MCP session that the request belongs to. */
  readonly #mcp: McpView | null;
  readonly hasBody: boolean;
  credential: DispatchedCredential | null = null;
  /** The latest form of what was judged. */
  action: Action | null = null;
  /** What was held of the body, or null where nothing was. */
  holder: BodyHolder | null = null;
  parkedNotice: ParkedNotice | null = null;
  /** Called when the body that is being held is whole, or as whole as it gets. */
  #held: ((body: BodyReading) => void) | null = null;
  #abort: AbortController | null = null;
  /** What was there of the body when it was judged first. */
  #body: BodyReading = NO_BODY;
  /** Called when nothing is waited for any more. */
  #release: (() => void) | null = null;
  /** Set when the agent was told to come back: the verdict is no longer for it. */
  #deferral: Deferral | null = null;
  #stopped = false;
  #over = false;

  // One closure for the exchange: `decide` asks for it only when there is something to wait for.
  readonly #waiting = (): Waiting => this.#makeWaiting();

  constructor(parts: JudgementParts, side: AgentSide, known: KnownRequest, owner: JudgementOwner) {
    this.#parts = parts;
    this.#side = side;
    this.#known = known;
    this.#request = known.reading.request;
    this.#owner = owner;
    this.#mcp = parts.mcp?.viewOf(this.#request) ?? null;
    const { framing } = known.reading;
    this.hasBody = framing.kind === 'chunked' || (framing.kind === 'length' && framing.bytes > 0);
  }

  start(): void {
    const { host, upgrade, rawPath } = this.#request;
    if (host === AGENT_NAME) {
      this.#receiveOwn();
      return;
    }
    if (rawPath.startsWith(STATUS_PATH)) {
      this.#tellStatus(rawPath.slice(STATUS_PATH.length));
      return;
    }
    if (upgrade !== 'none' && !this.#parts.flavour.upgrades.includes(upgrade)) {
      this.#parts.context.refused('upgrade', `an upgrade to ${upgrade}`);
      this.#refuse({ status: 400, code: 'malformed', reason: `an upgrade to ${upgrade} is not served` });
      return;
    }
    const found = this.#parts.credentials.find(this.#known);
    if (found instanceof Promise) {
      found.then(
        (credential) => this.#guard(() => this.#dispatched(credential)),
        (error: unknown) => this.#guard(() => this.#withoutCredential(error)),
      );
    } else {
      this.#dispatched(found);
    }
  }

  /** The agent is gone, or its body is broken: whatever is decided, nothing is sent. */
  stop(): void {
    this.#stopped = true;
    this.#abort?.abort();
    if (this.#held !== null) {
      this.#bodyHeld();
    } else if (this.action === null) {
      this.#end(() => this.#owner.stopped(null));
    }
  }

  /** A piece of the body that is held. */
  bodyData(bytes: Buffer): void {
    if (this.holder?.add(bytes) === false) {
      this.#side.setBodyFlow(false);
      this.#bodyHeld();
    }
  }

  bodyEnd(): void {
    if (this.holder !== null) {
      this.holder.ended = true;
      this.#bodyHeld();
    }
  }

  state(): RequestState {
    const { credential } = this;
    return {
      config: this.#parts.context.config(),
      hasCredential: credential !== null && credential.type !== 'passthrough',
      bodyBufferBytes: this.#parts.context.bodyBufferBytes,
      ...(this.#mcp === null ? {} : { mcp: this.#mcp }),
    };
  }

  #withoutCredential(error: unknown): void {
    this.#parts.context.refused('credential', messageOf(error));
    const unnamed = error instanceof GatewayError && error.culprit === 'client';
    const reason = unnamed
      ? 'several credentials are configured here, and the request names none of them'
      : 'the gateway has no usable credential for this endpoint';
    // git sends a placeholder only after it was asked to log in.
    const { rawPath, fields } = this.#request;
    const asks = unnamed && isGitPath(rawPath) && fieldValues(fields, 'authorization').length === 0;
    this.#refuse({ status: asks ? 401 : 502, code: 'credential', reason });
  }

  #dispatched(credential: DispatchedCredential | null): void {
    if (this.#stopped) {
      this.#end(() => this.#owner.stopped(null));
      return;
    }
    this.credential = credential;
    if (!this.hasBody) {
      this.#judge(NO_BODY);
    } else if (this.#needsBody()) {
      this.#hold((body) => this.#judge(body));
    } else {
      this.#judge({ kind: 'unread' });
    }
  }

  /** The gateway's own name: whatever is asked there, nothing of it is judged as an action, and no upstream sees it. */
  #receiveOwn(): void {
    if (this.#request.upgrade !== 'none') {
      this.#refuse({ status: 400, code: 'malformed', reason: 'the gateway itself serves no upgrade' });
    } else if (this.hasBody) {
      this.holder = new BodyHolder(MAX_OWN_BODY_BYTES);
      this.#hold((body) => this.#answerOwn(body));
    } else {
      this.#answerOwn(NO_BODY);
    }
  }

  #answerOwn(body: BodyReading): void {
    if (this.#stopped) {
      this.#end(() => this.#owner.stopped(null));
      return;
    }
    const { method, rawPath, rawQuery, fields } = this.#request;
    const asked: OwnRequest = {
      method,
      path: rawPath,
      query: rawQuery ?? '',
      accept: onlyValue(fields, 'accept') ?? '',
      contentType: onlyValue(fields, 'content-type') ?? '',
      body: body.kind === 'whole' ? body.bytes : null,
    };
    this.#parts.context.own(asked).then(
      (answer) => this.#guard(() => this.#end(() => this.#owner.answered(localAnswer(answer)))),
      (error: unknown) => this.#guard(() => this.#owner.fault(error)),
    );
  }

  /** News of a request that was answered 202; the upstream never sees who asks for it. */
  #tellStatus(approval: string): void {
    const { method } = this.#request;
    if (method !== 'GET' && method !== 'HEAD') {
      this.#refuse({ status: 405, code: 'malformed', reason: 'the status of a request is asked for with GET' });
      return;
    }
    const answer = this.#parts.deferrals.status(approval, ownerOf(this.#parts.origin));
    this.#end(() => this.#owner.answered(answer));
  }

  #needsBody(): boolean {
    const { context, flavour, injector } = this.#parts;
    if (this.#known.reading.retry !== null) {
      return true;
    }
    const { credential } = this;
    const ref = credential?.ref ?? null;
    const remembered = this.#known.needsBody.get(ref);
    if (remembered !== undefined) {
      return remembered;
    }
    const needs =
      flavour.analyser.needsBody(this.#request, this.state(), (fact) => context.reads(ref, fact)) ||
      injector.needsBody(this.#request, credential, context.config());
    this.#known.needsBody.set(ref, needs);
    return needs;
  }

  /** Holds the body up to the cap; then, or at its end, `then` has it. */
  #hold(then: (body: BodyReading) => void): void {
    this.#held = then;
    this.holder ??= new BodyHolder(this.#parts.context.bodyBufferBytes);
    this.#side.readBody(this.#owner, { invite: true, timed: true });
  }

  #bodyHeld(): void {
    const then = this.#held;
    if (then !== null) {
      this.#held = null;
      this.#guard(() => then(this.holder?.reading(this.#stopped) ?? NO_BODY));
    }
  }

  #judge(body: BodyReading): void {
    const before = this.#before(body);
    if (before === null) {
      this.#judgeNow(body);
      return;
    }
    before.then(
      (unasked) => this.#guard(() => this.#prepared(body, unasked)),
      (error: unknown) => this.#guard(() => this.#owner.fault(error)),
    );
  }

  /** `unasked`: why the upstream could not be asked for what judging needs. */
  #prepared(body: BodyReading, unasked: string | null): void {
    if (this.#stopped) {
      this.#end(() => this.#owner.stopped(null));
    } else if (unasked === null) {
      this.#judgeNow(body);
    } else {
      this.#parts.context.refused('upstream', unasked);
      this.#refuse({ status: 502, code: 'upstream', reason: unasked });
    }
  }

  #before(body: BodyReading): Promise<string | null> | null {
    const { flavour, context } = this.#parts;
    return flavour.before?.(this.#request, body, { state: this.state(), context, credential: this.credential }) ?? null;
  }

  #evidence(body: BodyReading): Evidence {
    return this.#parts.flavour.evidence?.(this.#request, body) ?? new HttpEvidence(this.#request, body);
  }

  #judgeNow(body: BodyReading): void {
    this.#body = body;
    const { retry } = this.#known.reading;
    if (retry !== null) {
      this.#resume(retry, body);
      return;
    }
    const action = this.#makeAction(body, null);
    this.action = action;
    const verdict = this.#parts.context.gate.decide(action, this.#waiting);
    if (verdict instanceof Promise) {
      verdict.then(
        (given) => this.#guard(() => this.#judged(given)),
        (error: unknown) => this.#guard(() => this.#owner.fault(error)),
      );
    } else {
      this.#judged(verdict);
    }
  }

  /** The same request once more, after it was answered 202. */
  #resume(approval: string, body: BodyReading): void {
    if (this.#stopped) {
      this.#end(() => this.#owner.stopped(null));
      return;
    }
    const { deferrals, origin, context } = this.#parts;
    const evidence = this.#evidence(body);
    const binding = evidence.complete ? bindingOf(this.#request, evidence, this.credential?.ref ?? null) : null;
    const taken = deferrals.take(approval, ownerOf(origin), binding);
    switch (taken.kind) {
      case 'taken': {
        const action = this.#makeAction(body, taken.action.id);
        this.action = action;
        this.#judged(context.gate.resume(action));
        break;
      }
      case 'pending':
        this.#end(() => this.#owner.answered(taken.answer));
        break;
      case 'refused':
        context.refused('retry', taken.refusal.reason);
        this.#refuse(taken.refusal);
    }
  }

  #makeAction(body: BodyReading, id: string | null): Action {
    const { origin, flavour } = this.#parts;
    const credential = this.credential?.ref ?? null;
    const trace = traceOf(onlyValue(this.#request.fields, 'traceparent') ?? '');
    // A body that is judged, or shown to people, is part of what is judged, and so is a session: such a request is never known.
    if (this.#mcp !== null || (body !== NO_BODY && body.kind !== 'unread')) {
      const analysis = flavour.analyser.analyse(this.#request, body, this.state());
      const evidence = this.#evidence(body);
      return new HttpAction(origin, { analysis, evidence, credential, memo: null, id, trace });
    }
    const memo = this.#findJudged(body, credential);
    const { analysis, evidence } = memo;
    return new HttpAction(origin, { analysis, evidence, credential, memo, id, trace });
  }

  #findJudged(body: BodyReading, credential: string | null): Judged {
    const known = this.#known.judged;
    if (known !== null && known.credential === credential) {
      return known;
    }
    const analysis = this.#parts.flavour.analyser.analyse(this.#request, body, this.state());
    const judged = { credential, analysis, evidence: this.#evidence(body) };
    if (analysis.passing !== true) {
      this.#known.judged = judged;
    }
    return judged;
  }

  #makeWaiting(): Waiting {
    const abort = new AbortController();
    this.#abort = abort;
    if (this.#stopped) {
      abort.abort();
    }
    this.#release = this.#parts.mcp?.waiting(this.#request, this.#body, () => abort.abort()) ?? null;
    const waiting: Waiting = {
      signal: abort.signal,
      parked: (notice) => {
        this.parkedNotice = notice;
        this.#defer(notice);
      },
      detached: () => this.#deferral !== null,
    };
    // Nothing was held for the rules: people see the body all the same.
    return this.hasBody && this.holder === null ? { ...waiting, whole: () => this.#whole() } : waiting;
  }

  /** Answers at once where the agent asked for that; otherwise it goes on waiting. What takes calls back (MCP) always waits. */
  #defer(notice: ParkedNotice): void {
    const { action, credential } = this;
    const request = this.#request;
    if (this.#over || this.#stopped || action === null || !action.evidence.complete || !prefersAsync(request)) {
      return;
    }
    if (this.#mcp !== null || request.upgrade !== 'none') {
      return;
    }
    const binding = bindingOf(request, action.evidence, credential?.ref ?? null);
    const owner = ownerOf(this.#parts.origin);
    const added = this.#parts.deferrals.add({ notice, action, owner, binding });
    if (added !== null) {
      this.#deferral = added.deferral;
      this.#end(() => this.#owner.answered(added.answer));
    }
  }

  #whole(): Promise<Action> {
    const id = this.action?.id ?? null;
    return new Promise((resolve, reject) => {
      this.#hold((body) => {
        const make = (): void => {
          try {
            const action = this.#makeAction(body, id);
            this.action = action;
            resolve(action);
          } catch (error) {
            reject(error instanceof Error ? error : new Error(messageOf(error)));
          }
        };
        const before = this.#before(body);
        if (before === null) {
          make();
        } else {
          before.then(() => make(), reject);
        }
      });
    });
  }

  #judged(verdict: Verdict): void {
    const { action } = this;
    this.#release?.();
    if (this.#deferral !== null) {
      if (verdict.kind === 'allow') {
        this.#deferral.approved();
      } else {
        this.#deferral.refused(refusalOf(verdict), verdict.expired === true);
      }
      return;
    }
    if (verdict.kind === 'allow' && action !== null) {
      this.#parts.mcp?.allowed(this.#request, this.#body);
      this.#end(() => (this.#stopped ? this.#owner.stopped(action) : this.#owner.allowed(action)));
    } else if (verdict.kind === 'deny') {
      this.#refuse(refusalOf(verdict));
    }
  }

  #refuse(refusal: RefusalDraft): void {
    this.#end(() => (this.#stopped ? this.#owner.stopped(null) : this.#owner.refused(refusal)));
  }

  #end(tell: () => void): void {
    if (!this.#over) {
      this.#over = true;
      tell();
    }
  }

  /** A fault in a callback belongs to this exchange, and to nothing else. */
  #guard(run: () => void): void {
    try {
      run();
    } catch (error) {
      this.#owner.fault(error);
    }
  }
}

function localAnswer({ status, type, body, fields = [] }: OwnAnswer): LocalAnswer {
  const standing: readonly Field[] = [
    { name: 'Content-Type', value: type },
    { name: 'Cache-Control', value: 'no-store' },
    { name: 'X-Content-Type-Options', value: 'nosniff' },
  ];
  return { status, fields: [...standing, ...fields], body: Buffer.from(body, 'utf8') };
}

function refusalOf({ rule, reason, hint, cause }: Extract<Verdict, { kind: 'deny' }>): RefusalDraft {
  return {
    status: cause === 'unavailable' ? 503 : 403,
    code: cause === 'deny' ? 'denied' : cause,
    rule,
    reason,
    hint,
  };
}
