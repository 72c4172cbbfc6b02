// Requests to a Kubernetes API server, and what rules make of them.
import type { EndpointConfig } from '../../src/config/config.ts';
import type { HttpAnalysis } from '../../src/protocols/http/flavour.ts';
import type { BodyReading, Field, HttpRequest } from '../../src/protocols/http/request.ts';
import { httpNeedsBody } from '../../src/protocols/http/analyser.ts';
import { httpFacts } from '../../src/protocols/http/facts.ts';
import { createKubernetesAnalyser } from '../../src/protocols/kubernetes/facts.ts';
import { createShellReader } from '../../src/protocols/shell/reader.ts';
import type { FactValue } from '../../src/rules/action.ts';
import type { Policy } from '../../src/rules/decision.ts';
import { decide, makeEndpoint, makeRuleAction } from './rule-parts.ts';

export interface RequestOptions {
  readonly headers?: Readonly<Record<string, string>>;
  /** An object is sent as JSON. */
  readonly body?: object | string | Buffer;
  readonly contentType?: string;
  readonly upgrade?: string;
  readonly attributes?: EndpointConfig['attributes'];
}

export function bytesOf(body: RequestOptions['body']): Buffer {
  if (body === undefined) {
    return Buffer.alloc(0);
  }
  return Buffer.isBuffer(body) ? body : Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
}

/** `GET /api/v1/pods?watch=1`. A PATCH of an object is a strategic merge unless the type says otherwise. */
export function requestOf(line: string, options: RequestOptions = {}): HttpRequest {
  const [method = '', target = ''] = line.split(/ (.*)/s);
  const at = target.indexOf('?');
  const bytes = bytesOf(options.body).length;
  const type =
    options.contentType ?? (method === 'PATCH' ? 'application/strategic-merge-patch+json' : 'application/json');
  const fields: Field[] = Object.entries({
    ...options.headers,
    ...(options.body === undefined ? {} : { 'Content-Type': type }),
  }).map(([name, value]) => ({ name, value }));
  return {
    version: '1.1',
    method,
    scheme: 'https',
    host: 'k8s.example',
    port: 443,
    rawPath: at === -1 ? target : target.slice(0, at),
    rawQuery: at === -1 ? null : target.slice(at + 1),
    fields,
    upgrade: options.upgrade ?? 'none',
    framing: bytes > 0 ? 'length' : 'none',
    contentLength: bytes > 0 ? bytes : null,
  };
}

const shell = await createShellReader();
const analyser = createKubernetesAnalyser({ httpFacts, httpNeedsBody, shell });

const config = makeEndpoint('k8s', 'risk');

/** What the analyser makes of a request whose body was there. */
export function analysisOf(line: string, options: RequestOptions = {}): HttpAnalysis {
  const request = requestOf(line, options);
  const body: BodyReading = { kind: 'whole', bytes: bytesOf(options.body) };
  const endpoint = options.attributes === undefined ? config : { ...config, attributes: options.attributes };
  return analyser.analyse(request, body, { config: endpoint, hasCredential: true });
}

/** One fact of the request's only unit. */
export function factOf(line: string, name: string, options: RequestOptions = {}): FactValue | undefined {
  return analysisOf(line, options).units[0]?.facts.get(name);
}

/** `refuse`, or `allow`, `deny`, `approve` as the rules say. */
export function outcomeOf(policy: Policy, line: string, options: RequestOptions = {}): string {
  const { units, risk, refused } = analysisOf(line, options);
  if (refused !== null) {
    return 'refuse';
  }
  return decide(policy, { ...makeRuleAction({ family: 'k8s' }), units, risk, refused }).kind;
}
