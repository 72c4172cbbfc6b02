// The canonical form of a record: what is hashed, stored, exported and verified is this one text.
//
// A record's body is one JSON object on one line, UTF-8, no spaces outside strings, strings escaped as JSON.stringify does, every key
// present, in the order of bodyOf() below. "" and null are both written as null; times are RFC 3339 UTC with milliseconds; `facts`
// is the JSON text that the gate gave, as given. The chain:
//
//   hash = SHA-256( prev as 64 lower-case hex digits, then the body's bytes ), in lower-case hex; prev of the first record is 64 zeros
//
// so `printf '%s%s' "$prev" "$body" | sha256sum` checks one record. An exported line is the body with `,"prev":"…","hash":"…"`
// before its closing brace: stripping that again gives the hashed text.
import { hash as digestOf } from 'node:crypto';
import type { Agent, Risk } from '../rules/action.ts';
import type { AuditEventType, AuditRecord } from './event.ts';

export const ZERO_HASH = '0'.repeat(64);

/** Parts of a body that many records share; each is JSON text ending in a comma. */
export interface SharedText {
  /** Session, agent, endpoint and family. */
  readonly origin: string;
  /** Risk, verdict, rule, approvers, by and reason. */
  readonly word: string;
}

/** Parts of a body that are the record's own. All but the first two are JSON text. */
export interface OwnText {
  readonly timeMs: number;
  readonly type: AuditEventType;
  readonly actionId: string;
  readonly summary: string;
  readonly digest: string;
  readonly text: string;
  readonly textComplete: boolean;
  readonly facts: string;
  readonly outcome: string;
  readonly data: string;
}

/** JSON of a text, with "" as null. */
export function quoted(text: string | null): string {
  if (text === null || text === '') {
    return 'null';
  }
  return ESCAPED.test(text) ? JSON.stringify(text) : `"${text}"`;
}

/** What JSON.stringify may escape, and all beyond ASCII. Most texts have nothing of it, and looking is cheaper than escaping. */
const ESCAPED = /[^ !#-[\]-~]/;

export interface Origin {
  readonly session: string;
  readonly agent: Agent | null;
  readonly endpoint: string;
  readonly family: string;
}

export function originText({ session, agent, endpoint, family }: Origin): string {
  return (
    `"session":${quoted(session)},"device":${quoted(agent?.device ?? null)},"profile":${quoted(agent?.profile ?? null)},` +
    `"run":${quoted(agent?.run ?? null)},"user":${quoted(agent?.user ?? null)},"agent_ip":${quoted(agent?.ip ?? null)},` +
    `"transport":${quoted(agent?.transport ?? null)},"endpoint":${quoted(endpoint)},"family":${quoted(family)},`
  );
}

export interface Word {
  readonly type: AuditEventType;
  readonly risk: Risk | null;
  readonly verdict: string;
  readonly rule: string;
  readonly approvers: readonly string[];
  readonly by: string;
  readonly reason: string;
}

export function wordText(word: Word): string {
  return (
    `"risk":${quoted(word.risk)},"verdict":${quoted(word.verdict)},"rule":${quoted(word.rule)},` +
    `"approvers":${JSON.stringify(word.approvers)},"by":${quoted(word.by)},"reason":${quoted(word.reason)},`
  );
}

/** The canonical text begins with this and the record's number. */
export const BODY_START = '{"seq":';

/** The canonical text. */
export function bodyOf(seq: number, own: OwnText, shared: SharedText): string {
  return `${BODY_START}${seq}${bodyRest(own, shared)}`;
}

/** The canonical text behind the record's number. */
export function bodyRest(own: OwnText, shared: SharedText): string {
  return (
    `,"time":"${timeText(own.timeMs)}","type":"${own.type}","action_id":${own.actionId},` +
    `${shared.origin}${shared.word}"summary":${own.summary},"digest":${own.digest},"text":${own.text},` +
    `"text_complete":${own.textComplete ? 'true' : 'false'},"facts":${own.facts},"outcome":${own.outcome},"data":${own.data}}`
  );
}

export function hashOf(prev: string, body: string): string {
  return sha256(prev + body);
}

/** Hex SHA-256 of bytes, or of a text's UTF-8 bytes. One call in place of a hash object: this runs once or twice for every record. */
export function sha256(text: string | Uint8Array): string {
  return digestOf('sha256', text, 'hex');
}

/** Last millisecond that a JavaScript date can hold. */
const MAX_TIME_MS = 8.64e15;
let lastMs = Number.NaN;
let lastText = '';

/** RFC 3339 in UTC with milliseconds. Anything that is no time at all is the epoch: a record is never refused for its clock. */
export function timeText(timeMs: number): string {
  if (timeMs !== lastMs) {
    lastText = new Date(normalTime(timeMs)).toISOString();
    lastMs = timeMs;
  }
  return lastText;
}

/** The time as a record has it, in whole milliseconds. */
export function normalTime(timeMs: number): number {
  const usable = Number.isFinite(timeMs) && Math.abs(timeMs) <= MAX_TIME_MS;
  return usable ? Math.floor(timeMs) : 0;
}

/** One line of an export, without its line end. */
export function lineOf(body: string, prev: string, hash: string): string {
  return `${body.slice(0, -1)},"prev":"${prev}","hash":"${hash}"}`;
}

const LINE_END = /,"prev":"([0-9a-f]{64})","hash":"([0-9a-f]{64})"\}$/;

/** The inverse of lineOf, or null when the line is not one. */
export function parseLine(
  line: string,
): { readonly body: string; readonly prev: string; readonly hash: string } | null {
  const match = LINE_END.exec(line);
  return match === null ? null : { body: `${line.slice(0, match.index)}}`, prev: match[1] ?? '', hash: match[2] ?? '' };
}

/** A body's keys as JSON.parse gives them. */
export interface BodyJson {
  readonly seq: number;
  readonly time: string;
  readonly type: AuditEventType;
  readonly action_id: string | null;
  readonly session: string | null;
  readonly device: string | null;
  readonly profile: string | null;
  readonly run: string | null;
  readonly user: string | null;
  readonly agent_ip: string | null;
  readonly transport: Agent['transport'] | null;
  readonly endpoint: string | null;
  readonly family: string | null;
  readonly risk: Risk | null;
  readonly verdict: string | null;
  readonly rule: string | null;
  readonly approvers: readonly string[];
  readonly by: string | null;
  readonly reason: string | null;
  readonly summary: string | null;
  readonly digest: string | null;
  readonly text: string | null;
  readonly text_complete: boolean;
  readonly facts: unknown;
  readonly outcome: Readonly<Record<string, unknown>> | null;
  readonly data: Readonly<Record<string, unknown>> | null;
}

/** The body as an object, or null when it is not the JSON of a record. */
export function parseBody(body: string): BodyJson | null {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    return null;
  }
  return isBody(value) ? value : null;
}

function isBody(value: unknown): value is BodyJson {
  return (
    typeof value === 'object' &&
    value !== null &&
    'seq' in value &&
    typeof value.seq === 'number' &&
    'time' in value &&
    typeof value.time === 'string' &&
    'type' in value &&
    typeof value.type === 'string' &&
    'data' in value
  );
}

/** A stored row as the record that the rest of the program reads. */
export function recordOf(row: {
  readonly body: string;
  readonly prev: string;
  readonly hash: string;
}): AuditRecord | null {
  const body = parseBody(row.body);
  if (body === null) {
    return null;
  }
  return {
    seq: body.seq,
    timeMs: Date.parse(body.time),
    type: body.type,
    actionId: body.action_id,
    agent: agentOf(body),
    session: body.session ?? '',
    endpoint: body.endpoint ?? '',
    family: body.family ?? '',
    factsJson: body.facts === null ? null : factsTextOf(row.body),
    risk: body.risk,
    verdict: body.verdict ?? '',
    rule: body.rule ?? '',
    approvers: body.approvers,
    by: body.by ?? '',
    reason: body.reason ?? '',
    summary: body.summary ?? '',
    text: body.text,
    textComplete: body.text_complete,
    digest: body.digest ?? '',
    data: body.outcome === null ? body.data : { ...body.data, outcome: body.outcome },
    prev: row.prev,
    hash: row.hash,
  };
}

function agentOf(body: BodyJson): Agent | null {
  return body.device === null
    ? null
    : {
        device: body.device,
        profile: body.profile ?? '',
        run: body.run ?? '',
        user: body.user ?? '',
        ip: body.agent_ip ?? '',
        transport: body.transport ?? 'direct',
      };
}

/**
 * The facts exactly as given: numbers beyond 2^53 do not survive JSON.parse. Before the key `facts` there are only strings, numbers
 * and lists of strings, in which an unescaped quote cannot occur, so the first `,"facts":` is the key.
 */
function factsTextOf(body: string): string {
  const start = body.indexOf(',"facts":') + ',"facts":'.length;
  const token = /"[^"\\]*(?:\\.[^"\\]*)*"|[[{]|[\]}]|,|[^"[\]{},]+/y;
  token.lastIndex = start;
  let depth = 0;
  for (let match = token.exec(body); match !== null; match = token.exec(body)) {
    const first = match[0];
    if (depth === 0 && first === ',') {
      return body.slice(start, match.index);
    }
    if (first === '{' || first === '[') {
      depth += 1;
    } else if (first === '}' || first === ']') {
      depth -= 1;
    }
  }
  return body.slice(start, -1);
}
