// An action described by hand: a fixture's `action`, a line of `explain --jsonl`, the flags of `explain`
// (config reference 6.5 and 6.6). Turns JSON into a typed value; unknown keys are errors at every level.
import { messageOf } from '../../lib/errors.ts';
import { isObject, type JsonObject } from '../../lib/fields.ts';
import { nearest } from '../../lib/text.ts';
import { FAMILIES, RISKS, type Family } from '../../rules/action.ts';
import { DECISION_KINDS, type DecisionKind } from '../../rules/decision.ts';

/** A described action after its shape has been checked. What was left out is null. */
export interface HandAction {
  readonly family: Family;
  /** host or host:port as written. */
  readonly host: string | null;
  /** Typed or bare endpoint, which pins it. */
  readonly endpoint: string | null;
  readonly profile: string | null;
  readonly credential: string | null;
  readonly peerIp: string | null;
  readonly run: string | null;
  /** Keys of the family block, `truncated` left out. */
  readonly fields: Readonly<Record<string, unknown>>;
  readonly truncated: boolean;
}

/** What a fixture says must come out. Null is "not compared". */
export interface Expectation {
  readonly verdict: DecisionKind | 'passthrough';
  /** "" = no rule matched, "*" = any. */
  readonly rule: string;
  readonly endpoint: string | null;
  readonly risk: 'safe' | 'suspicious' | 'destructive' | null;
  readonly approvers: readonly string[] | null;
  readonly unknown: readonly string[] | null;
}

export type SampleFault =
  | 'bad-json'
  | 'bad-action'
  | 'unknown-endpoint'
  | 'ambiguous-host'
  | 'family-mismatch'
  | 'not-served'
  | 'too-long';

/** A description that cannot be judged: what is wrong with it, in one sentence. */
export class BadSample extends Error {
  override readonly name = 'BadSample';
  readonly code: SampleFault;

  constructor(message: string, code: SampleFault = 'bad-action') {
    super(message);
    this.code = code;
  }
}

type Shape = 'string' | 'bool' | 'port' | 'strings' | 'lists' | 'texts';
type Shapes = Readonly<Record<string, Shape>>;

const FAMILY_SHAPES: Readonly<Record<Family, Shapes>> = {
  http: {
    method: 'string',
    path: 'string',
    query: 'lists',
    headers: 'lists',
    body: 'string',
    body_b64: 'string',
    truncated: 'bool',
  },
  k8s: {
    verb: 'string',
    resource: 'string',
    namespace: 'string',
    name: 'string',
    params: 'texts',
    method: 'string',
    path: 'string',
    query: 'lists',
    headers: 'lists',
    body: 'string',
    body_b64: 'string',
    truncated: 'bool',
  },
  sql: {
    statement: 'string',
    database: 'string',
    search_path: 'strings',
    verb: 'string',
    tables: 'strings',
    functions: 'strings',
    truncated: 'bool',
  },
  ssh: {
    verb: 'string',
    command: 'string',
    subsystem: 'string',
    forward_host: 'string',
    forward_port: 'port',
    user: 'string',
    stdin: 'string',
    truncated: 'bool',
  },
};

const REQUIRED: Readonly<Record<Family, readonly string[]>> = { http: [], k8s: [], sql: ['statement'], ssh: ['verb'] };

const ACTION_KEYS: readonly string[] = ['host', 'credential', 'peer_ip', 'profile', 'run'];

/** `passthrough` is the word about a destination that no endpoint declares. */
const OUTCOMES = [...DECISION_KINDS, 'passthrough'] as const;

/** The `action` of a fixture, or with `batch` a line of `explain --jsonl`, which may pin the endpoint. Throws BadSample. */
export function parseAction(value: unknown, batch: boolean): HandAction {
  const action = asObject(value, 'action');
  const keys = [...ACTION_KEYS, ...FAMILIES, ...(batch ? ['endpoint', 'id'] : [])];
  checkKeys(action, keys, 'action');
  const named = FAMILIES.filter((family) => action[family] !== undefined);
  const [family] = named;
  if (family === undefined || named.length > 1) {
    const found = named.length > 1 ? `, not ${named.join(' and ')}` : '';
    throw new BadSample(`action needs exactly one of ${FAMILIES.join(', ')}${found}`);
  }
  const block = asObject(action[family], `action.${family}`);
  const fields = checkBlock(family, block);
  const { truncated, ...rest } = fields;
  return {
    family,
    host: textOf(action, 'host', 'action'),
    endpoint: batch ? textOf(action, 'endpoint', 'action') : null,
    profile: textOf(action, 'profile', 'action'),
    credential: textOf(action, 'credential', 'action'),
    peerIp: textOf(action, 'peer_ip', 'action'),
    run: textOf(action, 'run', 'action'),
    fields: rest,
    truncated: truncated === true,
  };
}

/** A whole fixture file. `match.endpoint` pins the action's endpoint. Throws BadSample. */
export function parseFixture(text: string): { readonly action: HandAction; readonly match: Expectation } {
  const fixture = asObject(parseJson(text), 'the fixture');
  checkKeys(fixture, ['action', 'match'], 'the fixture');
  const action = parseAction(fixture['action'], false);
  const match = parseMatch(fixture['match']);
  if (match.endpoint === null && action.host === null) {
    throw new BadSample('action.host is needed unless match.endpoint is set');
  }
  return { action: { ...action, endpoint: match.endpoint }, match };
}

/** JSON text to a value. Throws BadSample with the parser's own words. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    throw new BadSample(`not JSON: ${messageOf(error)}`, 'bad-json');
  }
}

function parseMatch(value: unknown): Expectation {
  const match = asObject(value, 'match');
  checkKeys(match, ['verdict', 'rule', 'endpoint', 'reason', 'risk', 'approvers', 'unknown'], 'match');
  textOf(match, 'reason', 'match');
  const verdict = wordOf(match, 'verdict', OUTCOMES);
  if (verdict === null) {
    throw new BadSample(`match.verdict is needed: one of ${OUTCOMES.join(', ')}`);
  }
  return {
    verdict,
    rule: textOf(match, 'rule', 'match') ?? '',
    endpoint: textOf(match, 'endpoint', 'match'),
    risk: wordOf(match, 'risk', RISKS),
    approvers: stringsOf(match, 'approvers'),
    unknown: stringsOf(match, 'unknown'),
  };
}

function checkBlock(family: Family, block: JsonObject): JsonObject {
  const shapes = FAMILY_SHAPES[family];
  checkKeys(block, Object.keys(shapes), `action.${family}`);
  for (const [key, shape] of Object.entries(shapes)) {
    const value = block[key];
    if (value !== undefined && !FITS[shape](value)) {
      throw new BadSample(`action.${family}.${key} must be ${SHAPE_WORDS[shape]}`);
    }
  }
  for (const key of REQUIRED[family]) {
    if (block[key] === undefined) {
      throw new BadSample(`action.${family}.${key} is needed`);
    }
  }
  if (block['body'] !== undefined && block['body_b64'] !== undefined) {
    throw new BadSample('body and body_b64 exclude one another');
  }
  return block;
}

const SHAPE_WORDS: Readonly<Record<Shape, string>> = {
  string: 'a string',
  bool: 'true or false',
  port: 'a port number',
  strings: 'a list of strings',
  lists: 'an object of lists of strings',
  texts: 'an object of strings',
};

const FITS: Readonly<Record<Shape, (value: unknown) => boolean>> = {
  string: (value) => typeof value === 'string',
  bool: (value) => typeof value === 'boolean',
  port: (value) => typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= 65_535,
  strings: isStrings,
  lists: (value) => isObject(value) && Object.values(value).every(isStrings),
  texts: (value) => isObject(value) && Object.values(value).every((item) => typeof item === 'string'),
};

function isStrings(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}

function asObject(value: unknown, what: string): JsonObject {
  if (value === undefined) {
    throw new BadSample(`${what} is missing`);
  }
  if (!isObject(value)) {
    throw new BadSample(`${what} must be an object`);
  }
  return value;
}

function checkKeys(value: JsonObject, known: readonly string[], what: string): void {
  for (const key of Object.keys(value)) {
    if (!known.includes(key)) {
      const near = nearest(key, known);
      throw new BadSample(`unknown key "${key}" in ${what}${near === null ? '' : `; did you mean "${near}"?`}`);
    }
  }
}

function textOf(value: JsonObject, key: string, what: string): string | null {
  const text = value[key];
  if (text === undefined || text === null) {
    return null;
  }
  if (typeof text !== 'string') {
    throw new BadSample(`${what}.${key} must be a string`);
  }
  return text;
}

function stringsOf(value: JsonObject, key: string): readonly string[] | null {
  const list = value[key];
  if (list === undefined) {
    return null;
  }
  if (!isStrings(list)) {
    throw new BadSample(`match.${key} must be a list of strings`);
  }
  return list;
}

function wordOf<W extends string>(value: JsonObject, key: string, words: readonly W[]): W | null {
  const text = value[key];
  if (text === undefined) {
    return null;
  }
  const word = words.find((candidate) => candidate === text);
  if (word === undefined) {
    throw new BadSample(`match.${key} must be one of ${words.join(', ')}`);
  }
  return word;
}
