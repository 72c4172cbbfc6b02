// Requests described by hand (`clawpatrol test`, `explain`), turned into the head that a client would send and read by the code that
// reads clients' heads: what is refused there is refused here.
import { hash } from 'node:crypto';
import type { EndpointConfig } from '../../config/config.ts';
import { GatewayError, messageOf } from '../../lib/errors.ts';
import { MAX_SUMMARY_CHARS } from '../../lib/limits.ts';
import { shorten, visible } from '../../lib/text.ts';
import { Unknown } from '../../rules/action.ts';
import type { Evidence, Unit } from '../../rules/action.ts';
import { HttpEvidence } from '../http/action.ts';
import { HttpFacts } from '../http/facts.ts';
import type { HttpAnalyser } from '../http/flavour.ts';
import { parseRequestHead } from '../http/h1-head.ts';
import { readRequest } from '../http/h1-request.ts';
import type { BodyReading, HttpRequest } from '../http/request.ts';
import type { ActionSample, AnalysedSample } from '../protocol.ts';

/** What the live code makes of a described request. Throws GatewayError CLIENT_PROTOCOL when it is not described well enough. */
export function analyseHttpSample(
  analyser: HttpAnalyser,
  sample: ActionSample,
  endpoint: EndpointConfig,
): AnalysedSample {
  const described = describe(sample, endpoint);
  const head = parseRequestHead(described.head);
  const reading =
    'kind' in head ? { kind: 'refused' as const, why: head.why } : readRequest(head, entranceOf(endpoint));
  if (reading.kind !== 'request') {
    return refusedSample(
      described.head,
      reading.kind === 'refused' ? reading.why : 'CONNECT asks for a tunnel, not for an action',
    );
  }
  const { request } = reading;
  const { bytes } = described;
  checkLength(request, bytes, sample.truncated);
  const body: BodyReading = sample.truncated ? { kind: 'cut', cause: 'too_large', bytes } : { kind: 'whole', bytes };
  const { units, summary, refused } = analyser.analyse(request, body, {
    config: endpoint,
    hasCredential: sample.hasCredential ?? true,
  });
  return { units, evidence: new HttpEvidence(request, body), summary, refused };
}

interface Described {
  /** One character a byte, without the empty line behind it. */
  readonly head: string;
  readonly bytes: Buffer;
}

function describe(sample: ActionSample, endpoint: EndpointConfig): Described {
  const { fields } = sample;
  const method = textOf(fields['method']) || 'GET';
  const path = textOf(fields['path']) || '/';
  const pairs = pairsOf(fields['query']).map(([name, value]) => `${escaped(name)}=${escaped(value)}`);
  const target = pairs.length === 0 ? path : `${path}${path.includes('?') ? '&' : '?'}${pairs.join('&')}`;
  const bytes =
    typeof fields['body_b64'] === 'string'
      ? Buffer.from(fields['body_b64'], 'base64')
      : Buffer.from(textOf(fields['body']));
  const headers = pairsOf(fields['headers']);
  const named = new Set(headers.map(([name]) => name.toLowerCase()));
  const lines = [`${method} ${target} HTTP/1.1`];
  if (!named.has('host')) {
    lines.push(`Host: ${hostOf(sample, endpoint)}`);
  }
  lines.push(...headers.map(([name, value]) => `${name}: ${value}`));
  const sizeBytes = bytes.length + (sample.truncated ? 1 : 0);
  if (sizeBytes > 0 && !named.has('content-length') && !named.has('transfer-encoding')) {
    lines.push(`Content-Length: ${sizeBytes}`);
  }
  return { head: Buffer.from(lines.join('\r\n'), 'utf8').toString('latin1'), bytes };
}

/** The host that the action names, else the endpoint's first one. */
function hostOf({ host }: ActionSample, endpoint: EndpointConfig): string {
  if (host !== undefined && host !== null) {
    return host;
  }
  const own = endpoint.hosts.find(({ wildcard }) => !wildcard);
  if (own === undefined) {
    throw bad(`${endpoint.ref} has hosts by pattern only: action.host must name one`);
  }
  return `${own.host.includes(':') ? `[${own.host}]` : own.host}:${own.port}`;
}

function entranceOf({ hosts }: EndpointConfig): Parameters<typeof readRequest>[1] {
  return {
    patterns: hosts,
    target: null,
    serverName: null,
    secure: true,
    dialled: { host: '', port: 0 },
    ownNames: new Set(),
    tunnelOnly: false,
  };
}

function checkLength({ contentLength }: HttpRequest, bytes: Buffer, truncated: boolean): void {
  if (contentLength !== null && (truncated ? contentLength < bytes.length : contentLength !== bytes.length)) {
    throw bad(`Content-Length says ${contentLength}, and the body has ${bytes.length} bytes`);
  }
}

/** What the gateway answers itself, before there are facts. */
function refusedSample(head: string, why: string): AnalysedSample {
  const causes = ['opaque'];
  const unknown = new Unknown('unparseable');
  const unit: Unit = {
    facts: {
      get: (name) =>
        name === 'risk'
          ? 'destructive'
          : name === 'risk_causes'
            ? causes
            : HttpFacts.names.includes(name)
              ? unknown
              : undefined,
    },
    risk: 'destructive',
    riskCauses: causes,
    riskReason: why,
    unreadable: true,
  };
  const bytes = Buffer.from(head, 'latin1');
  const evidence: Evidence = {
    text: bytes.toString('utf8'),
    parameters: [],
    sizeBytes: bytes.length,
    complete: true,
    digest: () => hash('sha256', bytes, 'hex'),
  };
  const summary = shorten(visible(head.slice(0, head.indexOf('\r\n'))), MAX_SUMMARY_CHARS);
  return { units: [unit], evidence, summary, refused: why };
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

/** Pairs of an object of lists, in order. */
function pairsOf(value: unknown): readonly (readonly [string, string])[] {
  const entries = typeof value === 'object' && value !== null ? Object.entries(value) : [];
  return entries.flatMap(([name, list]) =>
    Array.isArray(list) ? list.map((item) => [name, String(item)] as const) : [],
  );
}

function escaped(text: string): string {
  try {
    return encodeURIComponent(text);
  } catch (error) {
    throw bad(`a query cannot hold half a surrogate pair: ${messageOf(error)}`);
  }
}

function bad(message: string): GatewayError {
  return new GatewayError('CLIENT_PROTOCOL', 'operator', message);
}
