// MCP on one connection: what requests may know of sessions, and the filter for answers. Binds the pure parts (mcp-session.ts,
// mcp-answer.ts) to the gateway's services.
import { hash } from 'node:crypto';
import { shorten } from '../../lib/text.ts';
import { Unknown } from '../../rules/action.ts';
import type { Action, Evidence, FactRecord, FactValue, Unit } from '../../rules/action.ts';
import type { ServeContext } from '../protocol.ts';
import { HttpAction } from './action.ts';
import type { Origin } from './action.ts';
import { contentOf, isBodiless } from './body.ts';
import type { McpView } from './flavour.ts';
import { jsonValue } from './json-value.ts';
import { createMcpAnswerFilter } from './mcp-answer.ts';
import type { AnswerPiece, McpAnswerFilter } from './mcp-answer.ts';
import { McpSessions } from './mcp-session.ts';
import type { BodyReading, HttpRequest, HttpResponse } from './request.ts';
import { tierOfTool } from './risk.ts';
import { mcpUseOf, toolsOf } from './rpc.ts';

const MAX_NAME_CHARS = 200;

/** What is asked about MCP while requests of one connection are served. */
export interface McpFollower {
  /** Null where neither the endpoint nor the request speaks MCP. */
  viewOf(request: HttpRequest): McpView | null;
  /** What looks into the answer to an allowed request; null: it passes as it is. */
  follow(
    answered: { readonly request: HttpRequest; readonly action: Action },
    response: HttpResponse,
  ): McpAnswerFilter | null;
  /** The request waits for somebody: `cancel` is called when its client takes it back (MC-15). Gives what to call when it waits no more. */
  waiting(request: HttpRequest, body: BodyReading, cancel: () => void): () => void;
  /** The request may go: where it takes calls back, they are. */
  allowed(request: HttpRequest, body: BodyReading): void;
  /** The action of something that the server asks of the agent. */
  actionOf(asked: Extract<AnswerPiece, { kind: 'judge' }>, action: Action): Action;
}

export function createMcpFollower(context: ServeContext, origin: Origin): McpFollower {
  const { agent, endpoint } = origin;
  const sessions = context.shared('mcp-sessions', () => new McpSessions());
  const owner = [endpoint.ref, agent.device, agent.profile].join('\0');
  const useOf = (request: HttpRequest): string => mcpUseOf(request, context.config().attributes);
  return {
    viewOf: (request) => (useOf(request) === 'none' ? null : sessions.viewOf(owner, endpoint.ref, request)),
    follow: ({ request, action }, response) => {
      const [unit] = action.units;
      if (useOf(request) !== 'declared' || unit === undefined) {
        return null;
      }
      return createMcpAnswerFilter(response, {
        facts: unit.facts,
        issues: sessions.answered(owner, endpoint.ref, { request, response }),
        toolChanged: (tool) =>
          context.noticed(
            'mcp-tool-changed',
            `the server changed what it says of its tool ${shorten(tool, MAX_NAME_CHARS)}`,
          ),
        mayCall: (tool) => !context.forbids(toolCall(context, origin, { tool, unit, credential: action.credential })),
      });
    },
    waiting: (request, body, cancel) => {
      const ids = useOf(request) === 'declared' ? callsIn(request, body).flatMap(({ id }) => id ?? []) : [];
      return ids.length === 0 ? () => undefined : sessions.wait(owner, endpoint.ref, { request, ids, cancel });
    },
    allowed: (request, body) => {
      if (useOf(request) === 'declared' && !isBodiless(request)) {
        const ids = callsIn(request, body).flatMap(({ cancels }) => cancels ?? []);
        sessions.cancel(owner, endpoint.ref, { request, ids });
      }
    },
    actionOf: ({ unit, method, bytes }, { credential }) => {
      const summary = `${method} of the server at ${endpoint.host}`;
      const analysis = { units: [unit], risk: unit.risk, summary, refused: null };
      return new HttpAction(origin, { analysis, evidence: evidenceOf(bytes), credential, memo: null, id: null });
    },
  };
}

/** Ids of calls in a body, and of calls that it takes back. */
function callsIn(
  request: HttpRequest,
  body: BodyReading,
): readonly { readonly id: string | number | null; readonly cancels: string | number | null }[] {
  const { json } = contentOf(request, body);
  const members: readonly FactValue[] = Array.isArray(json) ? (json as readonly FactValue[]) : [json];
  return members.map((member) => {
    const isCancel = jsonValue(member, 'method') === 'notifications/cancelled';
    return {
      id: idOf(jsonValue(member, 'id')),
      cancels: isCancel ? idOf(jsonValue(jsonValue(member, 'params'), 'requestId')) : null,
    };
  });
}

function idOf(value: FactValue): string | number | null {
  return typeof value === 'string' || typeof value === 'number' ? value : null;
}

/** A call of that tool as it would be judged, but that nobody knows its arguments. */
function toolCall(
  context: ServeContext,
  origin: Origin,
  { tool, unit, credential }: { readonly tool: string; readonly unit: Unit; readonly credential: string | null },
): Action {
  const { risk, causes, reason } = tierOfTool(tool, toolsOf(context.config().attributes));
  const unknown = new Unknown('dynamic');
  const over: FactRecord = {
    'mcp.method': 'tools/call',
    'mcp.direction': 'client',
    'mcp.tool': tool,
    'mcp.arguments': unknown,
    'rpc.methods': ['tools/call'],
    'http.body': unknown,
    'http.body_json': unknown,
    'http.body_sha256': unknown,
    'http.body_size': unknown,
    risk,
    risk_causes: causes,
  };
  const call: Unit = {
    facts: { get: (name) => (Object.hasOwn(over, name) ? over[name] : unit.facts.get(name)) },
    risk,
    riskCauses: causes,
    riskReason: reason,
    unreadable: false,
  };
  const analysis = { units: [call], risk, summary: '', refused: null };
  return new HttpAction(origin, { analysis, evidence: evidenceOf(Buffer.alloc(0)), credential, memo: null, id: null });
}

function evidenceOf(bytes: Buffer): Evidence {
  return {
    text: bytes.toString('utf8'),
    parameters: [],
    sizeBytes: bytes.length,
    complete: true,
    digest: () => hash('sha256', bytes, 'hex'),
  };
}
