// Tiers of HTTP requests (fact reference, 7.9) as tables: methods, gRPC, GraphQL and JSON-RPC methods. What agents can choose freely
// (a header, a shape of body) never makes a tier lower than the method's own; only what the endpoint declares or the path says does.
import { RISKS } from '../../rules/action.ts';
import type { Risk } from '../../rules/action.ts';

/** A tier, and why. */
export interface Tier {
  readonly risk: Risk;
  /** Codes; empty for safe. */
  readonly causes: readonly string[];
  /** A sentence without full stop; "" for safe. */
  readonly reason: string;
}

export const SAFE: Tier = { risk: 'safe', causes: [], reason: '' };

export function suspicious(cause: string, reason: string): Tier {
  return { risk: 'suspicious', causes: [cause], reason };
}

export function destructive(cause: string, reason: string): Tier {
  return { risk: 'destructive', causes: [cause], reason };
}

export function opaque(reason: string): Tier {
  return destructive('opaque', reason);
}

/** The highest of the tiers, with the causes and reasons of all that are as high. */
export function highest(tiers: readonly Tier[]): Tier {
  const strength = Math.max(0, ...tiers.map(({ risk }) => RISKS.indexOf(risk)));
  const risk = RISKS[strength] ?? 'destructive';
  const deciding = tiers.filter((tier) => tier.risk === risk);
  if (risk === 'safe' || deciding.length === 1) {
    return deciding[0] ?? SAFE;
  }
  return {
    risk,
    causes: [...new Set(deciding.flatMap(({ causes }) => causes))],
    reason: [...new Set(deciding.map(({ reason }) => reason))].join('; '),
  };
}

/** What a method does, by its lower-case name. What is not here is destructive. */
const METHOD_CLASSES: Readonly<Record<string, 'read' | 'query' | 'write' | 'delete'>> = {
  get: 'read',
  head: 'read',
  options: 'read',
  query: 'query',
  search: 'query',
  report: 'query',
  propfind: 'query',
  post: 'write',
  put: 'write',
  patch: 'write',
  delete: 'delete',
  purge: 'delete',
  move: 'delete',
  copy: 'delete',
  lock: 'delete',
  unlock: 'delete',
  mkcol: 'delete',
};

/** The tier of a method on a host without a table of its own. `method` in lower case. */
export function tierOfMethod(method: string, hasBody: boolean): Tier {
  const name = method.toUpperCase();
  switch (Object.hasOwn(METHOD_CLASSES, method) ? METHOD_CLASSES[method] : undefined) {
    case 'read':
      return hasBody ? suspicious('body', `${name} with a body, which is part of what it asks`) : SAFE;
    case 'query':
      return suspicious('body', `${name} asks with its body`);
    case 'write':
      return suspicious('write', `${name} writes`);
    case 'delete':
      return destructive('delete', `${name} removes, moves or locks`);
    case undefined:
      return destructive('unknown_method', `${name} is a method that no table knows`);
  }
}

const GRPC_PATH = /^\/([A-Za-z0-9_]+(?:\.[A-Za-z0-9_]+)+)\/([A-Za-z0-9_]+)$/;
const GRPC_READ = /^(?:Get|List|Watch|Describe|BatchGet)(?![a-z])/;
const GRPC_DELETE = /^(?:Delete|Purge|Drop)/i;

/** The tier of a gRPC call by its `:path`; null when the path is not one of a call. */
export function tierOfGrpc(rawPath: string): Tier | null {
  const match = GRPC_PATH.exec(rawPath);
  if (match === null) {
    return null;
  }
  const [, service = '', method = ''] = match;
  if (GRPC_DELETE.test(method)) {
    return destructive('delete', `${service}/${method} deletes by its name`);
  }
  return GRPC_READ.test(method) ? SAFE : suspicious('write', `${service}/${method} is not known to read only`);
}

const STRONG_FIELD = /delete|remove|destroy|revoke|archive|transfer|merge|grant|admin/i;

/** The tier of a GraphQL operation that will run. */
export function tierOfGraphql(
  type: 'query' | 'mutation' | 'subscription',
  fields: readonly string[],
  secret: readonly string[],
): Tier {
  if (secret.length > 0) {
    return destructive('secret', `reads ${secret.join(', ')}, which the endpoint lists in secret_fields`);
  }
  if (type !== 'mutation') {
    return SAFE;
  }
  const strong = fields.filter((field) => STRONG_FIELD.test(field));
  return strong.length > 0
    ? destructive('delete', `the mutation runs ${strong.join(', ')}`)
    : suspicious('write', `the mutation runs ${fields.join(', ')}`);
}

/** JSON-RPC methods of MCP that only read or say how the session goes. */
const MCP_SAFE: ReadonlySet<string> = new Set([
  'initialize',
  'ping',
  'tools/list',
  'resources/list',
  'resources/read',
  'resources/templates/list',
  'resources/subscribe',
  'resources/unsubscribe',
  'prompts/list',
  'prompts/get',
  'completion/complete',
  'logging/setLevel',
]);

/** What the server asks of the client: an answer to it, or the request itself, hands the agent's words or model over. */
const MCP_SERVER_SAFE: ReadonlySet<string> = new Set(['ping', 'roots/list']);

/** The tier of an MCP request or notification of the client other than `tools/call`. */
export function tierOfMcpMethod(method: string): Tier {
  return MCP_SAFE.has(method) || method.startsWith('notifications/')
    ? SAFE
    : destructive('unknown_method', `${method} is a method that no table knows`);
}

/** The tier of what the server asks of the client, and of the client's answer. */
export function tierOfServerMethod(method: string): Tier {
  return MCP_SERVER_SAFE.has(method) || method.startsWith('notifications/')
    ? SAFE
    : suspicious('message', `${method} makes the agent answer the server`);
}

/** The tier of a tool by the endpoint's own table. What the server says of its tools is not believed (MC-14). */
export function tierOfTool(tool: string, tools: ReadonlyMap<string, Risk>): Tier {
  const risk = tools.get(tool);
  switch (risk) {
    case 'safe':
      return SAFE;
    case 'suspicious':
      return suspicious('tool', `the endpoint lists the tool ${tool} as suspicious`);
    case 'destructive':
      return destructive('tool', `the endpoint lists the tool ${tool} as destructive`);
    case undefined:
      return destructive('unlisted_tool', `the endpoint does not list the tool ${tool}`);
  }
}

/** An upgrade to WebSocket: what follows is not judged unless a rule reads messages. */
export const WEBSOCKET_UPGRADE = suspicious('uninspected', 'what follows the upgrade is not judged');
export const UPGRADE = destructive('uninspected', 'what follows the upgrade cannot be judged');
export const WEBSOCKET_MESSAGE = suspicious('message', 'a message over a WebSocket');
