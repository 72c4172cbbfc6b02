// An HTTP request as the gate judges it: what the analysis made of it, who sent it, and its exact form. Pure.
import { createHash, hash } from 'node:crypto';
import type { Clock } from '../../lib/clock.ts';
import { uuidv7 } from '../../lib/ids.ts';
import type { Action, Agent, Endpoint, Evidence, Family, Risk, SessionId, Unit } from '../../rules/action.ts';
import { Unknown } from '../../rules/action.ts';
import { MASKED, isSecretHeader } from '../../rules/header-name.ts';
import { decodeBody } from './codings.ts';
import type { HttpAnalysis } from './flavour.ts';
import { requestHead } from './h1-write.ts';
import { readCodings } from './headers.ts';
import type { BodyReading, Field, HttpRequest } from './request.ts';

/** What all actions of a connection have in common. */
export interface Origin {
  readonly session: SessionId;
  readonly agent: Agent;
  readonly endpoint: Endpoint;
  readonly family: Family;
  readonly clock: Clock;
}

const NO_PARAMETERS: readonly (string | null)[] = [];
const PLAIN = { expectContinue: false, keepAlive: true };

/** The body of a request that has none. */
export const NO_BODY: BodyReading = { kind: 'whole', bytes: Buffer.alloc(0) };

/** A request as it will be forwarded, before a credential is injected. */
export class HttpEvidence implements Evidence {
  readonly parameters = NO_PARAMETERS;
  readonly sizeBytes: number;
  readonly complete: boolean;
  readonly #request: HttpRequest;
  readonly #body: Buffer | null;
  readonly #head: Buffer;
  #text: string | null = null;
  #digest = '';

  constructor(request: HttpRequest, body: BodyReading) {
    this.#request = request;
    this.#head = requestHead(request, PLAIN);
    this.#body = body.kind === 'unread' ? null : body.bytes;
    this.complete = body.kind === 'whole';
    this.sizeBytes = this.#head.length + (request.contentLength ?? this.#body?.length ?? 0);
  }

  get text(): string {
    this.#text ??= this.#write();
    return this.#text;
  }

  digest(): string {
    if (this.#digest === '') {
      const body = this.#body;
      this.#digest =
        body === null || body.length === 0
          ? hash('sha256', this.#head, 'hex')
          : createHash('sha256').update(this.#head).update(body).digest('hex');
    }
    return this.#digest;
  }

  #write(): string {
    const { fields } = this.#request;
    const shown = { ...this.#request, fields: fields.map(maskField) };
    const head = asText(requestHead(shown, PLAIN)).replaceAll('\r\n', '\n');
    const body = this.#body;
    if (body === null) {
      const { contentLength } = this.#request;
      return `${head}[${contentLength === null ? 'a body' : `a body of ${contentLength} bytes`} that was not held]`;
    }
    return this.complete
      ? head + decodedText(body, this.#request)
      : `${head}${bodyText(body)}\n[cut after ${body.length} bytes]`;
  }
}

function maskField(field: Field): Field {
  return isSecretHeader(field.name) ? { name: field.name, value: MASKED } : field;
}

function asText(bytes: Buffer): string {
  return bytes.toString('utf8');
}

/** Longer bodies are shown as they were sent. */
const MAX_DECODED_BYTES = 4 * 1024 * 1024;

/** A body without its content codings, so that people can read it and names in it be found; the digest is of what was sent. */
function decodedText(body: Buffer, { fields }: HttpRequest): string {
  const codings = readCodings(fields).filter((coding) => coding !== 'identity');
  if (codings.length === 0 || body.length === 0) {
    return bodyText(body);
  }
  const plain = decodeBody(body, codings, MAX_DECODED_BYTES);
  return plain instanceof Unknown ? bodyText(body) : `${bodyText(plain)}\n[decoded from ${codings.join(', ')}]`;
}

/** UTF-8 as it is; anything else so that nothing of it is lost. */
function bodyText(body: Buffer): string {
  const text = body.toString('utf8');
  return text.includes('\ufffd') && !Buffer.from(text, 'utf8').equals(body)
    ? `[base64] ${body.toString('base64')}`
    : text;
}

export interface ActionParts {
  readonly analysis: HttpAnalysis;
  readonly evidence: Evidence;
  readonly credential: string | null;
  readonly memo: object | null;
  /** That of an earlier action of the same request, or null. */
  readonly id: string | null;
  /** Trace id that the request names; left out: none. */
  readonly trace?: string;
}

/** One request to be judged. */
export class HttpAction implements Action {
  readonly id: string;
  readonly session: SessionId;
  readonly agent: Agent;
  readonly endpoint: Endpoint;
  readonly family: Family;
  readonly credential: string | null;
  readonly risk: Risk;
  readonly evidence: Evidence;
  readonly phase = 'execute';
  readonly refused: string | null;
  readonly memo: object | null;
  readonly trace: string;
  readonly #analysis: HttpAnalysis;

  constructor(origin: Origin, { analysis, evidence, credential, memo, id, trace = '' }: ActionParts) {
    this.id = id ?? uuidv7(origin.clock.now());
    this.session = origin.session;
    this.agent = origin.agent;
    this.endpoint = origin.endpoint;
    this.family = origin.family;
    this.credential = credential;
    this.risk = analysis.risk;
    this.evidence = evidence;
    this.refused = analysis.refused;
    this.memo = memo;
    this.trace = trace;
    this.#analysis = analysis;
  }

  get units(): readonly Unit[] {
    return this.#analysis.units;
  }

  get summary(): string {
    return this.#analysis.summary;
  }
}
