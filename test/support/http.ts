// Requests made by hand, for tests of the facts of HTTP.
import { gzipSync } from 'node:zlib';
import { decide, makeEndpoint, makeRuleAction } from './rule-parts.ts';
import type { AttributeValue, EndpointConfig } from '../../src/config/config.ts';
import { createHttpAnalyser } from '../../src/protocols/http/analyser.ts';
import type { HttpAnalyser, HttpAnalysis, McpView, RequestState } from '../../src/protocols/http/flavour.ts';
import type { BodyReading, HttpRequest } from '../../src/protocols/http/request.ts';
import type { FactValue } from '../../src/rules/action.ts';
import type { Policy } from '../../src/rules/decision.ts';

export interface RequestParts {
  readonly method?: string;
  /** Path and query as sent. */
  readonly target?: string;
  readonly headers?: readonly (readonly [string, string])[];
  /** The body as sent; its length is the Content-Length. */
  readonly body?: string | Buffer;
  readonly host?: string;
  readonly upgrade?: string;
  readonly version?: HttpRequest['version'];
  /** The length is not known before the end. */
  readonly streamed?: boolean;
}

/** A request, and its whole body. */
export function makeRequest(parts: RequestParts = {}): { readonly request: HttpRequest; readonly body: BodyReading } {
  const bytes = Buffer.from(parts.body ?? '');
  const target = parts.target ?? '/';
  const mark = target.indexOf('?');
  const hasBody = parts.body !== undefined;
  const framing = hasBody ? (parts.streamed === true ? 'stream' : 'length') : 'none';
  return {
    request: {
      version: parts.version ?? '1.1',
      method: parts.method ?? (hasBody ? 'POST' : 'GET'),
      scheme: 'https',
      host: parts.host ?? 'api.example.com',
      port: 443,
      rawPath: mark < 0 ? target : target.slice(0, mark),
      rawQuery: mark < 0 ? null : target.slice(mark + 1),
      fields: (parts.headers ?? []).map(([name, value]) => ({ name, value })),
      upgrade: parts.upgrade ?? 'none',
      framing,
      contentLength: framing === 'length' ? bytes.length : null,
    },
    body: { kind: 'whole', bytes },
  };
}

/** An https endpoint with these attributes of its own. */
export function makeHttpEndpoint(
  attributes: Readonly<Record<string, AttributeValue>> = {},
  unmatched: EndpointConfig['unmatched'] = 'risk',
): EndpointConfig {
  return { ...makeEndpoint('http', unmatched), attributes };
}

export function makeState(attributes: Readonly<Record<string, AttributeValue>> = {}): RequestState {
  return { config: makeHttpEndpoint(attributes), hasCredential: false };
}

/** The analysis that a gateway makes, without names of providers' calls. */
export const analyser = createHttpAnalyser({ providers: [] });

export interface JudgeOptions {
  readonly attributes?: Readonly<Record<string, AttributeValue>>;
  /** In place of the whole body. */
  readonly body?: BodyReading;
  readonly analyser?: HttpAnalyser;
  readonly mcp?: McpView;
}

/** What the analysis says of a request. */
export function analysisOf(parts: RequestParts, options: JudgeOptions = {}): HttpAnalysis {
  const made = makeRequest(parts);
  const state = { ...makeState(options.attributes), ...(options.mcp === undefined ? {} : { mcp: options.mcp }) };
  return (options.analyser ?? analyser).analyse(made.request, options.body ?? made.body, state);
}

/** What a policy says of a request: `refuse` where no rule is asked. */
export function verdictOf(policy: Policy, parts: RequestParts, options: JudgeOptions = {}): string {
  const { units, risk, summary, refused } = analysisOf(parts, options);
  const decision = decide(policy, { ...makeRuleAction({ family: 'http' }), units, risk, summary, refused });
  return decision.by === 'protocol' ? 'refuse' : decision.kind;
}

/** A gzip member whose bytes as they come hold a text that is not in its content. */
export function gzipSaying(comment: string, content: string): Buffer {
  const member = gzipSync(content);
  const header = Buffer.from(member.subarray(0, 10));
  header[3] = 0x10;
  return Buffer.concat([header, Buffer.from(`${comment}\0`), member.subarray(10)]);
}

/** A fact of the first unit. */
export function factOf(parts: RequestParts, name: string, options: JudgeOptions = {}): FactValue | undefined {
  return analysisOf(parts, options).units[0]?.facts.get(name);
}
