// What Slack sends when somebody clicks or submits (block_actions, view_submission), read into what counts. Pure; null for all else.
import {
  APPROVE_ACTION,
  DENY_ACTION,
  DENY_VIEW,
  parseButtonValue,
  REASON_BLOCK,
  REASON_INPUT,
  type ButtonValue,
} from '../../approvals/slack-card.ts';
import { asObject, parseObject, textAt } from './slack-api.ts';

/** Who did it, as Slack says. */
export interface Who {
  readonly user: string;
  readonly team: string;
  /** The workspace of the person; "" when it is not named. */
  readonly userTeam: string;
}

export interface Click extends Who {
  readonly action: 'approve' | 'deny';
  readonly value: ButtonValue;
  readonly channel: string;
  readonly ts: string;
  readonly trigger: string;
}

export interface Reason extends Who {
  readonly value: ButtonValue;
  readonly channel: string;
  readonly ts: string;
  readonly text: string;
}

/** What Slack is answered: JSON, or nothing. */
export interface SlackReply {
  readonly body: Readonly<Record<string, unknown>> | null;
}

export type Interaction =
  | { readonly kind: 'click'; readonly click: Click }
  | { readonly kind: 'reason'; readonly reason: Reason }
  /** Something that needs no answer but a 200. */
  | { readonly kind: 'other' };

/** Reads the form that Slack posts: `payload=JSON`. Null when it is none. */
export function parseForm(body: Buffer): Readonly<Record<string, unknown>> | null {
  const payload = new URLSearchParams(body.toString('utf8')).get('payload');
  return payload === null ? null : parseObject(payload);
}

export function readInteraction(payload: Readonly<Record<string, unknown>>): Interaction {
  const who: Who = {
    user: textAt(payload, 'user', 'id'),
    team: textAt(payload, 'team', 'id'),
    userTeam: textAt(payload, 'user', 'team_id'),
  };
  if (!/^[A-Z0-9]{2,32}$/.test(who.user)) {
    return OTHER;
  }
  switch (payload['type']) {
    case 'block_actions':
      return readClick(payload, who);
    case 'view_submission':
      return readReason(payload, who);
    default:
      return OTHER;
  }
}

const OTHER: Interaction = { kind: 'other' };

function readClick(payload: Readonly<Record<string, unknown>>, who: Who): Interaction {
  const { actions } = payload;
  const [first]: readonly unknown[] = Array.isArray(actions) ? actions : [];
  const name = textAt(first, 'action_id');
  const value = parseButtonValue(asObject(first)?.['value']);
  if (value === null || (name !== APPROVE_ACTION && name !== DENY_ACTION)) {
    return OTHER;
  }
  const click: Click = {
    ...who,
    action: name === APPROVE_ACTION ? 'approve' : 'deny',
    value,
    channel: textAt(payload, 'container', 'channel_id'),
    ts: textAt(payload, 'container', 'message_ts'),
    trigger: textAt(payload, 'trigger_id'),
  };
  return { kind: 'click', click };
}

function readReason(payload: Readonly<Record<string, unknown>>, who: Who): Interaction {
  const carried = parseCarried(textAt(payload, 'view', 'private_metadata'));
  if (textAt(payload, 'view', 'callback_id') !== DENY_VIEW || carried === null) {
    return OTHER;
  }
  const text = textAt(payload, 'view', 'state', 'values', REASON_BLOCK, REASON_INPUT, 'value');
  return { kind: 'reason', reason: { ...who, ...carried, text } };
}

/** The carried part of a modal, which comes back as it was given. */
function parseCarried(text: string): Pick<Click, 'value' | 'channel' | 'ts'> | null {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return null;
  }
  if (!Array.isArray(parsed)) {
    return null;
  }
  const [id, digest, together, channel, ts]: readonly unknown[] = parsed;
  return typeof id === 'string' &&
    typeof digest === 'string' &&
    typeof together === 'number' &&
    typeof channel === 'string' &&
    typeof ts === 'string'
    ? { value: { id, digest, together }, channel, ts }
    : null;
}
