// Answers of an MCP server on their way to the agent: tools that may not be called are taken out of lists, what the server asks of the
// agent is judged before it is seen, and what the server issues is remembered. Events and bodies are whole before anything of them is
// passed on. Pure: bytes in, pieces out.
import { hash } from 'node:crypto';
import { brotliCompressSync, constants, deflateSync, gzipSync } from 'node:zlib';
import { isObject } from '../../lib/fields.ts';
import { readJson } from '../../lib/json.ts';
import { decodeUtf8 } from '../../lib/utf8.ts';
import { Unknown } from '../../rules/action.ts';
import type { FactRecord, Facts, Unit } from '../../rules/action.ts';
import { decodeBody } from './codings.ts';
import { parseMediaType, readCodings } from './headers.ts';
import type { McpIssues } from './mcp-session.ts';
import { fieldValues } from './request.ts';
import type { HttpResponse } from './request.ts';
import { tierOfServerMethod } from './risk.ts';
import { SseReader } from './sse.ts';
import type { SseEvent } from './sse.ts';

const MAX_BODY_BYTES = 16 * 1024 * 1024;

/** What comes out, in order. */
export type AnswerPiece =
  | { readonly kind: 'pass'; readonly bytes: Buffer }
  /** To be passed on when it is allowed, else left out. */
  | { readonly kind: 'judge'; readonly unit: Unit; readonly method: string; readonly bytes: Buffer }
  /** What follows cannot be read: the answer is to be cut. */
  | { readonly kind: 'cut'; readonly why: string };

export interface McpAnswerParts {
  /** Facts of the request that is answered. */
  readonly facts: Facts;
  /** Whether rules let a tool of that name be called at all. */
  readonly mayCall: (tool: string) => boolean;
  readonly issues: McpIssues;
  /** The server says something else of a tool than before in this session (MC-06). */
  readonly toolChanged: (tool: string) => void;
}

/** Looks into one answer. */
export interface McpAnswerFilter {
  push(bytes: Buffer): readonly AnswerPiece[];
  end(): readonly AnswerPiece[];
}

/** The filter for an answer; null: it holds no messages. */
export function createMcpAnswerFilter(response: HttpResponse, parts: McpAnswerParts): McpAnswerFilter | null {
  const [value = ''] = fieldValues(response.fields, 'content-type');
  const type = parseMediaType(value)?.type ?? '';
  const isEvents = type === 'text/event-stream';
  if (!isEvents && !/[/+]json$/.test(type)) {
    return null;
  }
  const codings = readCodings(response.fields).filter((coding) => coding !== 'identity');
  const reader = new MessageReader(parts);
  if (!isEvents) {
    return new BodyFilter(reader, codings);
  }
  return codings.length > 0 ? new CodedFilter() : new EventFilter(reader, parts.issues);
}

/** Coded events are not passed on unread. */
class CodedFilter implements McpAnswerFilter {
  push(): readonly AnswerPiece[] {
    return [{ kind: 'cut', why: 'the events have a content coding, and must be looked into' }];
  }

  end(): readonly AnswerPiece[] {
    return [];
  }
}

class BodyFilter implements McpAnswerFilter {
  readonly #reader: MessageReader;
  readonly #codings: readonly string[];
  readonly #parts: Buffer[] = [];
  #size = 0;

  constructor(reader: MessageReader, codings: readonly string[]) {
    this.#reader = reader;
    this.#codings = codings;
  }

  push(bytes: Buffer): readonly AnswerPiece[] {
    this.#size += bytes.length;
    if (this.#size > MAX_BODY_BYTES) {
      return [{ kind: 'cut', why: `the answer is longer than ${MAX_BODY_BYTES} bytes` }];
    }
    this.#parts.push(Buffer.from(bytes));
    return [];
  }

  end(): readonly AnswerPiece[] {
    const bytes = Buffer.concat(this.#parts);
    const plain = decodeBody(bytes, this.#codings, MAX_BODY_BYTES);
    const text = plain instanceof Unknown ? null : decodeUtf8(plain);
    if (text === null) {
      return [{ kind: 'cut', why: 'the answer cannot be decoded' }];
    }
    const read = this.#reader.read(text);
    const written = read.text === null ? bytes : encode(Buffer.from(read.text), this.#codings);
    return [written === null ? { kind: 'cut', why: 'the answer cannot be encoded again' } : piece(read, written)];
  }
}

const ENCODERS: Readonly<Record<string, (bytes: Buffer) => Buffer>> = {
  gzip: (bytes) => gzipSync(bytes),
  'x-gzip': (bytes) => gzipSync(bytes),
  deflate: (bytes) => deflateSync(bytes),
  br: (bytes) => brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 4 } }),
};

/** The bytes with codings as the head of the answer says; null where one cannot be made. */
function encode(bytes: Buffer, codings: readonly string[]): Buffer | null {
  let coded: Buffer | null = bytes;
  for (const coding of codings) {
    coded = coded === null ? null : (ENCODERS[coding]?.(coded) ?? null);
  }
  return coded;
}

class EventFilter implements McpAnswerFilter {
  readonly #reader: MessageReader;
  readonly #issues: McpIssues;
  readonly #events = new SseReader();

  constructor(reader: MessageReader, issues: McpIssues) {
    this.#reader = reader;
    this.#issues = issues;
  }

  push(bytes: Buffer): readonly AnswerPiece[] {
    const events = this.#events.push(bytes);
    return events === null
      ? [{ kind: 'cut', why: 'an event is longer than is read' }]
      : events.map((event) => this.#event(event));
  }

  end(): readonly AnswerPiece[] {
    // Without its empty line it is no event to any client.
    return [{ kind: 'pass', bytes: this.#events.rest() }];
  }

  #event(event: SseEvent): AnswerPiece {
    if (event.id !== null && event.id !== '') {
      this.#issues.event(event.id);
    }
    if (event.data === null) {
      return { kind: 'pass', bytes: event.raw };
    }
    if (event.type === 'endpoint') {
      this.#issues.path(event.data.replace(/^https?:\/\/[^/]*/i, '').replace(/#.*$/s, ''));
      return { kind: 'pass', bytes: event.raw };
    }
    const read = this.#reader.read(event.data);
    const written =
      read.text === null ? event.raw : Buffer.from(`${[...event.others, `data: ${read.text}`].join('\n')}\n\n`);
    return piece(read, written);
  }
}

function piece({ fault, asked }: MessageReading, bytes: Buffer): AnswerPiece {
  if (fault) {
    return { kind: 'cut', why: 'a message of the server can be read in two ways' };
  }
  return asked === null ? { kind: 'pass', bytes } : { kind: 'judge', unit: asked.unit, method: asked.method, bytes };
}

interface MessageReading {
  /** The message in other words; null: as it came. */
  readonly text: string | null;
  /** What the server asks of the agent. */
  readonly asked: { readonly unit: Unit; readonly method: string } | null;
  readonly fault: boolean;
}

/** Reads messages of the server: one, or a batch. */
class MessageReader {
  readonly #parts: McpAnswerParts;

  constructor(parts: McpAnswerParts) {
    this.#parts = parts;
  }

  read(text: string): MessageReading {
    const strict = readJson(text, { number: null, text: null });
    if (strict.kind === 'fault') {
      // What is no JSON is no message; what clients could read differently is not passed on.
      return { text: null, asked: null, fault: strict.fault !== 'syntax' };
    }
    const value: unknown = JSON.parse(text);
    const messages: readonly unknown[] = Array.isArray(value) ? value : [value];
    const shown = messages.map((message) => this.#withoutHidden(message));
    const changed = shown.some((message, index) => message !== messages[index]);
    const asked = messages.map((message) => this.#askedBy(message)).filter((each) => each !== null);
    return {
      text: changed ? JSON.stringify(Array.isArray(value) ? shown : shown[0]) : null,
      asked: strongest(asked),
      fault: false,
    };
  }

  /** The message without tools that may not be called; the same object when there is none. */
  #withoutHidden(message: unknown): unknown {
    const result = isObject(message) ? message['result'] : null;
    const tools = isObject(result) ? result['tools'] : null;
    if (!isObject(message) || !isObject(result) || !Array.isArray(tools)) {
      return message;
    }
    tools.forEach((tool: unknown) => this.#follow(tool));
    const shown = tools.filter((tool: unknown) => {
      const name = isObject(tool) ? tool['name'] : null;
      return typeof name !== 'string' || this.#parts.mayCall(name);
    });
    return shown.length === tools.length ? message : { ...message, result: { ...result, tools: shown } };
  }

  /** Notes what is said of a tool. It is judged by its name all the same. */
  #follow(tool: unknown): void {
    const name = isObject(tool) ? tool['name'] : null;
    if (typeof name === 'string' && this.#parts.issues.tool(name, hash('sha256', sorted(tool), 'hex'))) {
      this.#parts.toolChanged(name);
    }
  }

  /** A request of the server to the agent; its notifications ask for nothing. */
  #askedBy(message: unknown): { readonly unit: Unit; readonly method: string } | null {
    const method = isObject(message) ? message['method'] : null;
    const id = isObject(message) ? message['id'] : null;
    if (typeof method !== 'string' || (typeof id !== 'string' && typeof id !== 'number')) {
      return null;
    }
    this.#parts.issues.asked(id, method);
    return { unit: serverUnit(this.#parts.facts, method), method };
  }
}

/** JSON with keys in one order, so that only another content is another text. */
function sorted(value: unknown): string {
  return JSON.stringify(value, (_, item: unknown) =>
    isObject(item) ? Object.fromEntries(Object.entries(item).toSorted(([a], [b]) => (a < b ? -1 : 1))) : item,
  );
}

/** Of several requests in one batch the one of the highest tier stands for all. */
function strongest<T extends { readonly unit: Unit }>(asked: readonly T[]): T | null {
  return asked.find(({ unit }) => unit.risk !== 'safe') ?? asked[0] ?? null;
}

/** What the server asks of the agent, with the facts of the request on whose stream it came. */
function serverUnit(facts: Facts, method: string): Unit {
  const { risk, causes, reason } = tierOfServerMethod(method);
  const over: FactRecord = {
    'mcp.direction': 'server',
    'mcp.method': method,
    'mcp.tool': '',
    'mcp.arguments': {},
    'mcp.uri': '',
    'mcp.prompt': '',
    'rpc.methods': [method],
    'rpc.batch': 0n,
    risk,
    risk_causes: causes,
  };
  return {
    facts: { get: (name) => (Object.hasOwn(over, name) ? over[name] : facts.get(name)) },
    risk,
    riskCauses: causes,
    riskReason: reason,
    unreadable: false,
  };
}
