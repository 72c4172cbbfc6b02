// JSON-RPC 2.0 messages in a request's body, and what the Model Context Protocol makes of them: every member of a batch is judged, and
// what is not exactly a message of the protocol is not believed to be one.
import { asciiLower } from '../../lib/text.ts';
import { Unknown } from '../../rules/action.ts';
import type { FactRecord, FactValue, Risk, UnknownCause } from '../../rules/action.ts';
import { isBodiless } from './body.ts';
import type { RequestReading } from './facts.ts';
import type { McpView } from './flavour.ts';
import { isJsonObject, jsonKeys, jsonValue } from './json-value.ts';
import { fieldValues } from './request.ts';
import type { HttpRequest } from './request.ts';
import { opaque, tierOfMcpMethod, tierOfServerMethod, tierOfTool } from './risk.ts';
import type { Tier } from './risk.ts';
import { isCanonicalUri } from './uri.ts';

const MAX_BATCH = 500;

/** Names of facts that need the body where it may be JSON-RPC. */
export const RPC_FACTS: readonly string[] = ['rpc.methods', 'rpc.batch'];
export const MCP_FACTS: readonly string[] = ['mcp.method', 'mcp.tool', 'mcp.arguments', 'mcp.uri', 'mcp.prompt'];

/** One message. */
export interface RpcUnit {
  readonly facts: FactRecord;
  /** Null where the method says nothing about the tier (JSON-RPC that is not MCP). */
  readonly tier: Tier | null;
  /** The message could not be read. */
  readonly unreadable: boolean;
}

export interface RpcMessages {
  readonly units: readonly RpcUnit[];
  /** Why the gateway itself refuses; null when it does not. */
  readonly refused: string | null;
}

/** How far MCP holds for a request. */
export type McpUse =
  /** Neither the endpoint nor the client says so. */
  | 'none'
  /** The client says so: facts are there, the tier of the request is not lowered. */
  | 'claimed'
  /** The endpoint is declared to speak it. */
  | 'declared';

export function mcpUseOf(request: HttpRequest, attributes: Readonly<Record<string, unknown>>): McpUse {
  if (attributes['mcp'] === true) {
    return 'declared';
  }
  const named = ['mcp-protocol-version', 'mcp-session-id'].some((name) => fieldValues(request.fields, name).length > 0);
  return named ? 'claimed' : 'none';
}

/** What a message may have as keys; others are ignored by servers. */
const KEYS: ReadonlySet<string> = new Set(['jsonrpc', 'id', 'method', 'params', 'result', 'error']);

/** The messages of a request; null when its body is none of JSON-RPC. */
export function readRpc(reading: RequestReading, mcp: McpUse, view: McpView | null): RpcMessages | null {
  const { content, request } = reading;
  if (isBodiless(request)) {
    return null;
  }
  const { json } = content;
  if (json instanceof Unknown) {
    return unreadJson(reading, mcp, json.cause);
  }
  const batch = Array.isArray(json);
  const members: readonly FactValue[] = batch ? (json as readonly FactValue[]) : [json];
  if (mcp === 'none' && !members.some(looksLikeRpc)) {
    return null;
  }
  if (members.length === 0 || members.length > MAX_BATCH) {
    return malformed(mcp, members.length > MAX_BATCH ? 'too_large' : 'unparseable');
  }
  const reader = new MessageReader(mcp, view, toolsOf(reading.state.config.attributes));
  const size = batch ? BigInt(members.length) : 0n;
  const units = members.map((member) => reader.read(member, size));
  return { units, refused: reader.refused };
}

/** A body that is not one JSON value: on an MCP endpoint it is refused, elsewhere it may be anything. */
function unreadJson(reading: RequestReading, mcp: McpUse, cause: UnknownCause): RpcMessages | null {
  if (mcp !== 'none') {
    return malformed(mcp, cause);
  }
  return reading.content.mayBeJson ? { units: [unknownUnit(cause, null)], refused: null } : null;
}

function malformed(mcp: McpUse, cause: UnknownCause): RpcMessages {
  // What was cut or is read in two ways is denied with its facts Unknown; what is no message is refused as none.
  const refused = mcp !== 'none' && cause === 'unparseable' ? NOT_RPC : null;
  return { units: [unknownUnit(cause, opaque('the message cannot be read'))], refused };
}

const NOT_RPC = 'the body is not a message of JSON-RPC 2.0';

function looksLikeRpc(member: FactValue): boolean {
  return jsonKeys(member).some((key) => ['jsonrpc', 'method'].includes(asciiLower(key.trim())));
}

function unknownUnit(cause: UnknownCause, tier: Tier | null): RpcUnit {
  const unknown = new Unknown(cause);
  const names = tier === null ? RPC_FACTS : [...RPC_FACTS, ...MCP_FACTS];
  return { facts: Object.fromEntries(names.map((name) => [name, unknown])), tier, unreadable: tier !== null };
}

/** Reads the members of one body. */
class MessageReader {
  /** Why one of the members is refused. */
  refused: string | null = null;
  readonly #mcp: McpUse;
  readonly #view: McpView | null;
  readonly #tools: ReadonlyMap<string, Risk>;

  constructor(mcp: McpUse, view: McpView | null, tools: ReadonlyMap<string, Risk>) {
    this.#mcp = mcp;
    this.#view = view;
    this.#tools = tools;
  }

  read(member: FactValue, batch: bigint): RpcUnit {
    const fault = faultOf(member, this.#mcp !== 'none');
    if (fault !== null) {
      if (fault === 'unparseable' && this.#mcp !== 'none') {
        this.refused ??= NOT_RPC;
      }
      return unknownUnit(fault, this.#mcp === 'none' ? null : opaque('the message cannot be read'));
    }
    const method = jsonValue(member, 'method');
    return typeof method === 'string'
      ? this.#call(method, jsonValue(member, 'params'), batch)
      : this.#answer(member, batch);
  }

  #call(method: string, params: FactValue, batch: bigint): RpcUnit {
    const rpc = { 'rpc.methods': [method], 'rpc.batch': batch };
    if (this.#mcp === 'none') {
      return { facts: rpc, tier: null, unreadable: false };
    }
    return { facts: { ...rpc, ...callFacts(method, params) }, tier: this.#tierOf(method, params), unreadable: false };
  }

  #tierOf(method: string, params: FactValue): Tier {
    const tool = jsonValue(params, 'name');
    return method === 'tools/call'
      ? tierOfTool(typeof tool === 'string' ? tool : '', this.#tools)
      : tierOfMcpMethod(method);
  }

  /** An answer to a request of the server. */
  #answer(member: FactValue, batch: bigint): RpcUnit {
    const rpc = { 'rpc.methods': [], 'rpc.batch': batch };
    if (this.#mcp === 'none') {
      return { facts: rpc, tier: null, unreadable: false };
    }
    const id = jsonValue(member, 'id');
    const asked = typeof id === 'string' || typeof id === 'number' ? (this.#view?.askedBy(id) ?? null) : null;
    if (asked === null && this.#view !== null) {
      this.refused ??= 'the message answers a request that the server never made';
    }
    const method = asked ?? new Unknown('unresolved');
    const tier = asked === null ? opaque('the message answers nobody knows what') : tierOfServerMethod(asked);
    return { facts: { ...rpc, 'mcp.method': method }, tier, unreadable: asked === null };
  }
}

/** The endpoint's own table of tools. */
export function toolsOf({ tools }: Readonly<Record<string, unknown>>): ReadonlyMap<string, Risk> {
  const entries = typeof tools === 'object' && tools !== null && !Array.isArray(tools) ? Object.entries(tools) : [];
  return new Map(entries.flatMap(([name, risk]) => (isRisk(risk) ? [[name, risk] as const] : [])));
}

function isRisk(value: unknown): value is Risk {
  return value === 'safe' || value === 'suspicious' || value === 'destructive';
}

/** What is wrong with a message; null when it is one. */
function faultOf(member: FactValue, mcp: boolean): UnknownCause | null {
  if (!isJsonObject(member)) {
    return 'unparseable';
  }
  // `Method` or `method ` is the method to some readers, and none to others.
  if (jsonKeys(member).some((key) => !KEYS.has(key) && KEYS.has(asciiLower(key.trim())))) {
    return 'ambiguous';
  }
  if (jsonValue(member, 'jsonrpc') !== '2.0' || !hasGoodId(member, mcp)) {
    return 'unparseable';
  }
  const has = (key: string): boolean => Object.hasOwn(member, key);
  if (!has('method')) {
    return has('result') !== has('error') && has('id') && !has('params') ? null : 'unparseable';
  }
  if (has('result') || has('error')) {
    return 'unparseable';
  }
  return isGoodCall(member, mcp) ? null : 'unparseable';
}

function hasGoodId(member: FactRecord, mcp: boolean): boolean {
  const { id } = member;
  if (id === undefined || typeof id === 'string' || typeof id === 'number') {
    return true;
  }
  // JSON-RPC only discourages null; MCP forbids it.
  return id === null && !mcp;
}

function isGoodCall(member: FactRecord, mcp: boolean): boolean {
  const { method, params } = member;
  if (typeof method !== 'string') {
    return false;
  }
  if (params !== undefined && !isJsonObject(params) && (mcp || !Array.isArray(params))) {
    return false;
  }
  if (!mcp) {
    return true;
  }
  const name = Object.hasOwn(NAMED_BY, method) ? NAMED_BY[method] : undefined;
  const call = isJsonObject(params) ? params['arguments'] : undefined;
  return (
    (name === undefined || typeof jsonValue(params, name) === 'string') &&
    (method !== 'tools/call' || call === undefined || isJsonObject(call))
  );
}

/** The parameter that says what a method is about. */
const NAMED_BY: Readonly<Record<string, string>> = {
  'tools/call': 'name',
  'prompts/get': 'name',
  'resources/read': 'uri',
  'resources/subscribe': 'uri',
  'resources/unsubscribe': 'uri',
};

function callFacts(method: string, params: FactValue): FactRecord {
  const named = Object.hasOwn(NAMED_BY, method) ? NAMED_BY[method] : undefined;
  const value = named === undefined ? null : jsonValue(params, named);
  const text = typeof value === 'string' ? value : '';
  return {
    'mcp.method': method,
    'mcp.tool': method === 'tools/call' ? text : '',
    'mcp.arguments': method === 'tools/call' ? (jsonValue(params, 'arguments') ?? {}) : {},
    'mcp.prompt': method === 'prompts/get' ? text : '',
    'mcp.uri': named === 'uri' ? canonicalUri(text) : '',
  };
}

function canonicalUri(uri: string): string | Unknown {
  return isCanonicalUri(uri) ? uri : new Unknown('ambiguous');
}
