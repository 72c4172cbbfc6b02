// Signatures of what channels send and are sent: HMAC-SHA256 over exactly the bytes, with the time in them, and each accepted once. Pure but
// for the memory of what was accepted.
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { Clock } from '../lib/clock.ts';
import type { Secret } from '../lib/secret.ts';

/** How far a signed time may be from ours, either way. */
export const SIGNATURE_WINDOW_MS = 300_000;
/** Accepted signatures under one key that are remembered; when there are more within the window nothing is accepted under that key. */
const MAX_REMEMBERED = 10_000;

/** What came: the body as bytes, and the header fields that a scheme reads ("" for one that is absent). */
export interface Signed {
  readonly body: Buffer;
  readonly header: (name: string) => string;
}

export type SignatureFault = 'unsigned' | 'stale' | 'wrong' | 'replayed';

/** `v0=` HMAC over `v0:TIMESTAMP:BODY` (Slack, "Verifying requests"). */
export function slackSignature(secret: Secret, seconds: string, body: Buffer): string {
  return `v0=${hmac(secret, `v0:${seconds}:`, body)}`;
}

/** `t=UNIX,v1=` HMAC over `UNIX.BODY`: ours, both ways. */
export function webhookSignature(secret: Secret, seconds: string, body: Buffer): string {
  return `t=${seconds},v1=${hmac(secret, `${seconds}.`, body)}`;
}

/** `v1=` HMAC over the body alone (PagerDuty, webhooks v3). */
export function pagerDutySignature(secret: Secret, body: Buffer): string {
  return `v1=${hmac(secret, '', body)}`;
}

/** Whether two texts are equal, in a time that does not tell where they differ. */
function sameSignature(given: string, expected: string): boolean {
  const [one, other] = [Buffer.from(given), Buffer.from(expected)];
  return one.length === other.length && timingSafeEqual(one, other);
}

/** Remembers what was accepted, so that nothing is accepted twice. */
export interface ReplayGuard {
  /** False when it was accepted before, or when too much was accepted under that secret to remember more. */
  accept(key: string, secret: Secret): boolean;
}

export function createReplayGuard(clock: Clock, keepMs: number = 2 * SIGNATURE_WINDOW_MS): ReplayGuard {
  /** By digest of the secret: until when, monotonic, in the order of acceptance. */
  const known = new Map<string, Map<string, number>>();
  return {
    accept(key, secret) {
      const nowMs = clock.monotonicMs();
      for (const [owner, accepted] of known) {
        forgetOld(accepted, nowMs);
        if (accepted.size === 0) {
          known.delete(owner);
        }
      }
      const owner = createHash('sha256').update(secret.reveal()).digest('hex');
      const accepted = known.get(owner) ?? new Map<string, number>();
      known.set(owner, accepted);
      if (accepted.has(key) || accepted.size >= MAX_REMEMBERED) {
        return false;
      }
      accepted.set(key, nowMs + keepMs);
      return true;
    },
  };
}

function forgetOld(accepted: Map<string, number>, nowMs: number): void {
  for (const [old, untilMs] of accepted) {
    if (untilMs > nowMs) {
      return;
    }
    accepted.delete(old);
  }
}

export interface VerifyParts {
  readonly secret: Secret;
  readonly nowMs: number;
  readonly replays: ReplayGuard;
}

/** Why a call that says it is Slack's does not count, or null. */
export function findSlackFault(
  { body, header }: Signed,
  { secret, nowMs, replays }: VerifyParts,
): SignatureFault | null {
  const seconds = header('x-slack-request-timestamp');
  const given = header('x-slack-signature');
  const expected = (): string => slackSignature(secret, seconds, body);
  return findFault({ seconds, given, expected }, { secret, nowMs, replays });
}

/** Why a call that says it comes from the other end of a webhook does not count, or null. */
export function findWebhookFault(
  { body, header }: Signed,
  { secret, nowMs, replays }: VerifyParts,
): SignatureFault | null {
  const given = header('clawpatrol-signature');
  const seconds = /^t=(\d{1,12}),v1=[0-9a-f]{64}$/.exec(given)?.[1] ?? '';
  const expected = (): string => webhookSignature(secret, seconds, body);
  return findFault({ seconds, given, expected }, { secret, nowMs, replays });
}

/** Signatures of one call that are looked at: while a secret is changed there are two. */
const MAX_SIGNATURES = 8;

/**
 * Why a call that says it is PagerDuty's does not count, or null. Its signature covers the body alone: that it is new is for the event's
 * own id and time to say.
 */
export function findPagerDutyFault({ body, header }: Signed, secret: Secret): SignatureFault | null {
  const given = header('x-pagerduty-signature');
  if (given === '') {
    return 'unsigned';
  }
  const expected = pagerDutySignature(secret, body);
  const right = given.split(',', MAX_SIGNATURES).filter((one) => sameSignature(one.trim(), expected));
  return right.length > 0 && isKey(secret) ? null : 'wrong';
}

interface Claim {
  readonly seconds: string;
  readonly given: string;
  readonly expected: () => string;
}

function findFault(
  { seconds, given, expected }: Claim,
  { secret, nowMs, replays }: VerifyParts,
): SignatureFault | null {
  if (given === '' || !/^\d{1,12}$/.test(seconds)) {
    return 'unsigned';
  }
  if (Math.abs(nowMs - Number(seconds) * 1000) > SIGNATURE_WINDOW_MS) {
    return 'stale';
  }
  if (!sameSignature(given, expected()) || !isKey(secret)) {
    return 'wrong';
  }
  return replays.accept(given, secret) ? null : 'replayed';
}

/** With no key at all everybody could sign. */
function isKey(secret: Secret): boolean {
  return secret.reveal() !== '';
}

function hmac(secret: Secret, before: string, body: Buffer): string {
  return createHmac('sha256', secret.reveal()).update(before).update(body).digest('hex');
}
