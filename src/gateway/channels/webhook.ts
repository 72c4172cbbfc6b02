// A webhook, both ways: what waits is sent under our signature, and a decision may come back under the same key. A decision names one
// operator, one request and its digest, and counts once.
import type { RefusedCode, VoteResult } from '../../approvals/approval.ts';
import type { ApprovalNews } from '../../approvals/notify.ts';
import { findWebhookFault, webhookSignature, type ReplayGuard, type Signed } from '../../approvals/signature.ts';
import { MAX_NOTE_CHARS } from '../../approvals/stages.ts';
import type { NamedBlock, Ref } from '../../config/config.ts';
import { uuidv7 } from '../../lib/ids.ts';
import type { Secret } from '../../lib/secret.ts';
import { calledBy, isAlarm } from './alarm.ts';
import { createOutbox, Later, Permanent, type Outbox } from './outbox.ts';
import {
  fillMessage,
  flagOf,
  linkTo,
  numberOf,
  refused,
  textOf,
  voterOf,
  wants,
  type CallbackReply,
  type Channel,
  type ChannelParts,
} from './parts.ts';
import { asObject, parseObject, reasonOf } from './slack-api.ts';
import { describeNews } from './told.ts';

const TELL_TIMEOUT_MS = 5_000;

export interface WebhookNotifier extends Channel {
  readonly interactive: boolean;
  /** A decision that came back. */
  decide(signed: Signed, replays: ReplayGuard): Promise<CallbackReply>;
}

export function createWebhookNotifier(block: NamedBlock, parts: ChannelParts): WebhookNotifier {
  return new Webhook(block, parts);
}

class Webhook implements WebhookNotifier {
  readonly interactive: boolean;
  readonly #block: NamedBlock;
  readonly #parts: ChannelParts;
  readonly #outbox: Outbox;
  readonly #ref: Ref;

  constructor(block: NamedBlock, parts: ChannelParts) {
    this.#block = block;
    this.#parts = parts;
    this.#ref = block.ref;
    this.interactive = flagOf(block, 'interactive');
    this.#outbox = createOutbox({ clock: parts.clock, failed: (key, why) => parts.failed(this.#ref, key, why) });
  }

  tell(news: ApprovalNews): void {
    const { approval } = news;
    if (!isAlarm(news) && !wants(this.#block, approval.state)) {
      return;
    }
    const told = describeNews(news, {
      notifier: this.#ref,
      nowMs: this.#parts.clock.now(),
      link: linkTo(this.#parts.publicUrl(), approval.id),
      include: textOf(this.#block, 'include') === 'full' ? 'full' : 'summary',
      message: 'asked' in news ? fillMessage(news.asked, approval) : null,
      ...(isAlarm(news) ? { called: calledBy(news.alarm, this.#parts.people(), news.approval.agent.profile) } : {}),
    });
    const delivery = uuidv7(this.#parts.clock.now());
    const body = Buffer.from(JSON.stringify({ delivery, ...told }), 'utf8');
    this.#outbox.send({
      key: approval.id,
      kind: news.kind === 'changed' ? 'changed' : null,
      timeoutMs: numberOf(this.#block, 'timeout', TELL_TIMEOUT_MS),
      run: (signal) => this.#send(body, delivery, signal),
    });
  }

  drain(limitMs: number): Promise<void> {
    return this.#outbox.drain(limitMs);
  }

  close(): void {
    this.#outbox.close();
  }

  async decide(signed: Signed, replays: ReplayGuard): Promise<CallbackReply> {
    let secret: Secret;
    try {
      secret = this.#secret();
    } catch (error) {
      return refused(503, reasonOf(error));
    }
    const fault = findWebhookFault(signed, { secret, nowMs: this.#parts.clock.now(), replays });
    if (fault !== null) {
      return refused(401, fault);
    }
    const decision = readDecision(signed.body);
    if (decision === null) {
      return refused(400, 'it is no decision');
    }
    const person = this.#parts.people()?.findByName(decision.operator) ?? null;
    if (person === null) {
      return answerOf(403, { result: 'refused', why: 'no operator has that name' });
    }
    const voter = voterOf(person, { via: 'webhook', identity: decision.operator, notifier: this.#ref });
    const ballot = { decision: decision.decision, digest: decision.digest, note: decision.note };
    return voteAnswer(await this.#parts.approvals().vote(decision.approval, ballot, voter));
  }

  /** Signed when it is sent: the time in the signature is that of the try. */
  async #send(body: Buffer, delivery: string, signal: AbortSignal): Promise<void> {
    const { clock, outbound } = this.#parts;
    const seconds = String(Math.floor(clock.now() / 1000));
    const headers = asObject(this.#block.attributes['headers']) ?? {};
    const own = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), String(value)]);
    const response = await outbound({
      url: new URL(textOf(this.#block, 'url') ?? ''),
      method: 'POST',
      headers: {
        ...Object.fromEntries(own),
        'content-type': 'application/json; charset=utf-8',
        'clawpatrol-delivery': delivery,
        'clawpatrol-signature': webhookSignature(this.#secret(), seconds, body),
      },
      body: body.toString('utf8'),
      signal,
    });
    checkStatus(response);
  }

  #secret(): Secret {
    return this.#parts.secretString(textOf(this.#block, 'secret') ?? '', `secret of ${this.#ref}`);
  }
}

/** Throws what the outbox understands when an answer is no success. */
export function checkStatus({ status, headers }: Pick<Response, 'status' | 'headers'>): void {
  if (status >= 200 && status < 300) {
    return;
  }
  const why = `HTTP status ${status}`;
  if (status === 429 || status === 503) {
    throw new Later(why, Number(headers.get('retry-after') ?? '1') * 1000 || 1000);
  }
  throw status >= 500 || status === 408 ? new Error(why) : new Permanent(why);
}

interface Decision {
  readonly approval: string;
  readonly digest: string;
  readonly decision: 'approve' | 'deny';
  readonly note: string;
  readonly operator: string;
}

const DECISION_KEYS: readonly string[] = ['type', 'approval', 'digest', 'decision', 'note', 'operator'];

/** Exactly a decision: what we send ourselves under the same key is never read as one. */
function readDecision(body: Buffer): Decision | null {
  const value = parseObject(body.toString('utf8'));
  if (
    value === null ||
    value['type'] !== 'decision' ||
    Object.keys(value).some((key) => !DECISION_KEYS.includes(key))
  ) {
    return null;
  }
  const { approval, digest, decision, note = '', operator } = value;
  return typeof approval === 'string' &&
    typeof digest === 'string' &&
    digest !== '' &&
    (decision === 'approve' || decision === 'deny') &&
    typeof note === 'string' &&
    note.length <= MAX_NOTE_CHARS &&
    typeof operator === 'string'
    ? { approval, digest, decision, note, operator }
    : null;
}

const STATUS: Readonly<Record<RefusedCode, number>> = {
  'not-permitted': 403,
  'wrong-digest': 409,
  'needs-reason': 400,
  'grant-refused': 409,
};

function voteAnswer(result: VoteResult): CallbackReply {
  switch (result.kind) {
    case 'recorded':
      return answerOf(200, { result: 'recorded', state: result.approval.state });
    case 'decided':
      return answerOf(409, { result: 'decided', state: result.approval.state });
    case 'not-found':
      return answerOf(404, { result: 'not-found' });
    case 'refused':
      return answerOf(STATUS[result.code], { result: 'refused', why: result.why });
    case 'unrecorded':
      return answerOf(503, { result: 'unrecorded' });
  }
}

function answerOf(status: number, body: Readonly<Record<string, unknown>>): CallbackReply {
  return { kind: 'answer', status, body };
}
