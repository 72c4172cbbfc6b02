// The Model Context Protocol's server side as far as four tools on standard input and output need it (specification 2025-11-25: lifecycle, tools,
// stdio): one JSON-RPC message a line. By hand, because the official SDK brings an HTTP server and fifteen other packages into a program that holds
// credentials; its client is what the tests speak to this with. Nothing here knows the gateway: tools are given. Pure but for the tools.
import { messageOf } from '../lib/errors.ts';
import { isObject, type JsonObject } from '../lib/fields.ts';

/** Newest first. */
const VERSIONS: readonly string[] = ['2025-11-25', '2025-06-18', '2025-03-26', '2024-11-05'];

export interface McpTool {
  readonly name: string;
  readonly description: string;
  /** JSON Schema of an object. */
  readonly inputSchema: Readonly<Record<string, unknown>>;
  readonly annotations: Readonly<Record<string, boolean>>;
  /** Text for the model. What it rejects with is told as the tool's error. */
  run(given: Readonly<Record<string, unknown>>): Promise<string>;
}

export interface McpServerParts {
  readonly name: string;
  readonly version: string;
  readonly instructions: string;
  readonly tools: readonly McpTool[];
}

/** Answers one line; null where none is due. Never rejects. */
export type AnswerLine = (line: string) => Promise<string | null>;

const PARSE_ERROR = -32_700;
const INVALID_REQUEST = -32_600;
const METHOD_NOT_FOUND = -32_601;
const INVALID_PARAMS = -32_602;

/** A protocol error, in place of a result. */
class RpcError extends Error {
  readonly code: number;

  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

export function createMcpServer(parts: McpServerParts): AnswerLine {
  return async (line) => {
    let message: unknown;
    try {
      message = JSON.parse(line);
    } catch {
      return failure(null, PARSE_ERROR, 'this line is not JSON');
    }
    if (!isObject(message) || message['jsonrpc'] !== '2.0') {
      return failure(null, INVALID_REQUEST, 'this is no message of JSON-RPC 2.0');
    }
    const { id, method, params } = message;
    // Notifications, and answers to what was never asked.
    if (id === undefined || typeof method !== 'string') {
      return null;
    }
    if (typeof id !== 'string' && typeof id !== 'number') {
      return failure(null, INVALID_REQUEST, 'the id of a request is text or a number');
    }
    try {
      const result = await answer(method, isObject(params) ? params : {}, parts);
      return JSON.stringify({ jsonrpc: '2.0', id, result });
    } catch (error) {
      return error instanceof RpcError
        ? failure(id, error.code, error.message)
        : failure(id, INVALID_REQUEST, messageOf(error));
    }
  };
}

async function answer(method: string, params: JsonObject, parts: McpServerParts): Promise<JsonObject> {
  switch (method) {
    case 'initialize': {
      const { name, version, instructions } = parts;
      const asked = params['protocolVersion'];
      const protocolVersion = VERSIONS.find((one) => one === asked) ?? VERSIONS[0];
      return { protocolVersion, capabilities: { tools: {} }, serverInfo: { name, version }, instructions };
    }
    case 'ping':
      return {};
    case 'tools/list':
      return {
        tools: parts.tools.map(({ name, description, inputSchema, annotations }) => ({
          name,
          description,
          inputSchema,
          annotations,
        })),
      };
    case 'tools/call':
      return callTool(params, parts.tools);
    default:
      throw new RpcError(METHOD_NOT_FOUND, `there is no method ${JSON.stringify(method)}`);
  }
}

/** What goes wrong in a tool is told to the model as its result, so that it can do something about it. */
async function callTool(params: JsonObject, tools: readonly McpTool[]): Promise<JsonObject> {
  const tool = tools.find(({ name }) => name === params['name']);
  const given = params['arguments'] ?? {};
  if (tool === undefined || !isObject(given)) {
    const names = tools.map(({ name }) => name).join(', ');
    throw new RpcError(INVALID_PARAMS, `tools/call takes one of ${names}, and its arguments as an object`);
  }
  try {
    return { content: [{ type: 'text', text: await tool.run(given) }] };
  } catch (error) {
    return { content: [{ type: 'text', text: messageOf(error) }], isError: true };
  }
}

function failure(id: string | number | null, code: number, message: string): string {
  return JSON.stringify({ jsonrpc: '2.0', id, error: { code, message } });
}
