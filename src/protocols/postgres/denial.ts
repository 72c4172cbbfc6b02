// A refusal in PostgreSQL's words. The denied message is replaced by one that the server must reject while parsing, and the
// error that comes back is rewritten: so the server itself keeps the order of replies, skips to Sync, and sets the transaction's
// state (notes P4). The nonce is what tells our own rejection from any other error; an agent cannot guess it.
import { randomBytes } from 'node:crypto';
import { visible } from '../../lib/text.ts';
import type { ActionId } from '../../rules/action.ts';
import type { ParkedNotice, Verdict } from '../session.ts';
import { formatDuration } from '../../lib/units.ts';
import { FRONT, errorMessage, noticeMessage, parseMessage, queryMessage } from './codec.ts';

type Denial = Extract<Verdict, { readonly kind: 'deny' }>;

/** One bare identifier that cannot begin a statement; shorter than 63 bytes, so that it draws no truncation notice first. */
const PREFIX = 'clawpatrol_denied_';
const MAX_TEXT_CHARS = 2000;

/** A fresh text that only this denial has. */
export function newNonce(): string {
  return `${PREFIX}${randomBytes(16).toString('hex')}`;
}

/**
 * What goes upstream instead of a denied message. A denied Parse keeps its name: the unnamed statement that it would have replaced is
 * destroyed all the same, so that a Bind behind it cannot reach the old one. Anything else of the extended protocol becomes a Parse
 * under a name of its own, which never comes to exist, so that the client's statements stay.
 */
export function substitute(type: number, name: string, nonce: string): Buffer {
  switch (type) {
    case FRONT.query:
    case FRONT.functionCall:
      return queryMessage(nonce);
    case FRONT.parse:
      return parseMessage(Buffer.from(name, 'latin1'), nonce);
    default:
      return parseMessage(Buffer.from(nonce, 'latin1'), nonce);
  }
}

/** Whether an error of the upstream is the rejection of this nonce's substitute. */
export function isRejection(body: Buffer, nonce: string): boolean {
  return body.includes(nonce, 0, 'latin1');
}

/** The ErrorResponse that the client sees. */
export function denialMessage(denial: Denial, action: ActionId): Buffer {
  const rule =
    denial.rule === '' ? '' : `denied by rule "${denial.rule}"${denial.word === '' ? '' : ` (${denial.word})`}`;
  const hint = denial.hint === '' ? '' : `${denial.hint} `;
  return errorMessage({
    severity: 'ERROR',
    code: codeOf(denial),
    message: shown(denial.cause === 'cancelled' ? `canceling statement due to user request` : denial.reason),
    detail: shown(rule === '' ? denial.word : rule),
    hint: shown(`${hint}(action ${action})`),
  });
}

/** SQLSTATE: insufficient_privilege, query_canceled, or system_error when the gateway could not record or ask. */
function codeOf(denial: Denial): string {
  switch (denial.cause) {
    case 'deny':
      return '42501';
    case 'cancelled':
      return '57014';
    case 'unavailable':
      return '58000';
  }
}

/** Rule names and reasons are the operators' text, and may quote what an agent wrote. */
function shown(text: string): string {
  return visible(text, true).slice(0, MAX_TEXT_CHARS);
}

/** Tells a client that its statement waits, for what, and where to look; later only how long it has waited. */
export function parkedMessage({ approval, waitsFor, expiresInMs, waitedMs = 0 }: ParkedNotice): Buffer {
  const left = formatDuration(Math.max(0, expiresInMs));
  const first = waitedMs < 1_000;
  const times = first ? `expires in ${left}` : `for ${formatDuration(waitedMs)} now, expires in ${left}`;
  return noticeMessage({
    severity: 'NOTICE',
    code: '00000',
    message: shown(`${first ? '' : 'still '}waiting for approval ${approval}: ${waitsFor} (${times})`),
    hint: first
      ? `The statement runs when it is approved. Cancel the query to withdraw it. To look at it: clawpatrol approvals show ${approval}, or the dashboard.`
      : '',
  });
}

/** The connection ends. */
export function fatalMessage(code: string, message: string): Buffer {
  return errorMessage({ severity: 'FATAL', code, message: shown(message) });
}
