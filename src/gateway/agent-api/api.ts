// The gateway's own name, for agents: what they can reach, what of theirs waits, why they do what they do, and whether something would be
// allowed. Who asks is whoever the connection is of; nothing that is sent says it. Nothing here approves, changes a verdict, or tells of rules.
import type { Approval } from '../../approvals/approval.ts';
import { findFault, identityOf } from '../../approvals/claims.ts';
import type { Claim, ClaimChange, Claims } from '../../approvals/claims.ts';
import type { AuditLog } from '../../audit/log.ts';
import { MAX_JSON_DEPTH, readJson } from '../../lib/json.ts';
import { createThrottle } from '../../lib/throttle.ts';
import type { Throttle, ThrottleLimits } from '../../lib/throttle.ts';
import { shorten, visible } from '../../lib/text.ts';
import type { OwnAnswer, OwnRequest } from '../../protocols/protocol.ts';
import { MAX_OWN_BODY_BYTES } from '../../protocols/protocol.ts';
import type { Agent } from '../../rules/action.ts';
import type { Incidents } from '../channels/incidents.ts';
import { BadSample } from '../judging/sample.ts';
import { describeManifest, manifestText } from './manifest.ts';
import { wouldAllow } from './would-allow.ts';
import type { WouldAllowParts } from './would-allow.ts';

export interface AgentApiParts extends WouldAllowParts {
  readonly clock: WouldAllowParts['clock'] & Parameters<typeof createThrottle>[0];
  readonly claims: Claims;
  /** Whether the source of a profile's incidents knows an id; within the source's own limit. */
  readonly incidents: Pick<Incidents, 'lookUp'>;
  readonly pending: () => readonly Approval[];
  readonly audit: Pick<AuditLog, 'append'>;
  readonly caPem: () => string;
  readonly fingerprint: () => string;
  readonly version: string;
  /** A fault of the gateway itself. */
  readonly onFault: (error: unknown) => void;
}

export interface AgentApi {
  /** The answer to a request of that agent. Never rejects. `refused` hears of what is not served. */
  answer(agent: Agent, request: OwnRequest, refused: (cause: string, detail: string) => void): Promise<OwnAnswer>;
}

/** Reads, words and questions have supplies of their own. */
const READS = { supply: 60, refillMs: 250 };
const WORDS = { supply: 20, refillMs: 2_000 };
const QUESTIONS = { supply: 20, refillMs: 2_000 };

/** What all agents of one device, or behind one listener, have together: an address behind a listener is whatever its owner likes. */
const CROWD = 10;

/** What stands for a number or text that readers read differently: it fits nowhere. */
const NO_HOLES = { number: null, text: null };
const JSON_TYPE = 'application/json';
const MAX_SUMMARY_CHARS = 500;

/** An answer that is "no". */
class Refusal extends Error {
  readonly status: number;
  readonly code: string;
  readonly hint: string;
  readonly fields: OwnAnswer['fields'];

  constructor(
    status: number,
    code: string,
    message: string,
    more: { hint?: string; fields?: OwnAnswer['fields'] } = {},
  ) {
    super(message);
    this.status = status;
    this.code = code;
    this.hint = more.hint ?? '';
    this.fields = more.fields;
  }
}

interface Route {
  readonly method: 'GET' | 'POST';
  readonly limit: 'reads' | 'words' | 'questions';
  readonly run: (agent: Agent, request: OwnRequest) => OwnAnswer | Promise<OwnAnswer>;
}

function get(run: Route['run']): Route {
  return { method: 'GET', limit: 'reads', run };
}

function post(limit: Route['limit'], run: Route['run']): Route {
  return { method: 'POST', limit, run };
}

export function createAgentApi(parts: AgentApiParts): AgentApi {
  return new Answers(parts);
}

class Answers implements AgentApi {
  readonly #parts: AgentApiParts;
  readonly #limits: Readonly<Record<Route['limit'], Throttle>>;
  readonly #crowds: Readonly<Record<Route['limit'], Throttle>>;
  readonly #routes: ReadonlyMap<string, Route>;

  constructor(parts: AgentApiParts) {
    this.#parts = parts;
    const { clock } = parts;
    this.#limits = {
      reads: createThrottle(clock, READS),
      words: createThrottle(clock, WORDS),
      questions: createThrottle(clock, QUESTIONS),
    };
    this.#crowds = {
      reads: createThrottle(clock, ofCrowd(READS)),
      words: createThrottle(clock, ofCrowd(WORDS)),
      questions: createThrottle(clock, ofCrowd(QUESTIONS)),
    };
    const manifest = get((agent, request) => this.#manifest(agent, request));
    this.#routes = new Map<string, Route>([
      ['/', manifest],
      ['/manifest', manifest],
      ['/ca.crt', get(() => this.#certificate())],
      ['/info', get((agent) => this.#info(agent))],
      ['/pending', get((agent) => this.#pending(agent))],
      ['/intent', post('words', (agent, request) => this.#intent(agent, request))],
      ['/context', post('words', (agent, request) => this.#context(agent, request))],
      ['/would-allow', post('questions', (agent, request) => this.#wouldAllow(agent, request))],
    ]);
  }

  async answer(
    agent: Agent,
    request: OwnRequest,
    refused: (cause: string, detail: string) => void,
  ): Promise<OwnAnswer> {
    try {
      return await this.#find(agent, request).run(agent, request);
    } catch (error) {
      if (error instanceof Refusal) {
        if (error.status === 404 || error.status === 405) {
          refused('own-name', `${visible(request.method)} ${visible(request.path)}`.slice(0, MAX_SUMMARY_CHARS));
        }
        return refusalAnswer(error);
      }
      this.#parts.onFault(error);
      return refusalAnswer(new Refusal(503, 'unavailable', 'the gateway cannot take this now', { hint: 'Try again.' }));
    }
  }

  #find(agent: Agent, { method, path }: OwnRequest): Route {
    const route = this.#routes.get(path);
    if (route === undefined) {
      throw new Refusal(404, 'not_found', 'there is nothing here', { hint: 'GET /manifest lists what there is.' });
    }
    if (method !== route.method && !(method === 'HEAD' && route.method === 'GET')) {
      const fields = [{ name: 'Allow', value: route.method === 'GET' ? 'GET, HEAD' : 'POST' }];
      throw new Refusal(405, 'method', `this is asked for with ${route.method}`, { fields });
    }
    const waitMs = this.#take(agent, route.limit);
    if (waitMs !== null) {
      const seconds = String(Math.ceil(waitMs / 1000));
      const fields = [{ name: 'Retry-After', value: seconds }];
      throw new Refusal(429, 'too_many', 'too many requests', { hint: `Wait ${seconds} s.`, fields });
    }
    return route;
  }

  /** How long the agent has to wait, or null. */
  #take(agent: Agent, limit: Route['limit']): number | null {
    const own = [identityOf(agent)];
    const waitMs = this.#limits[limit].take(own);
    if (waitMs !== null) {
      return waitMs;
    }
    const crowdMs = this.#crowds[limit].take([agent.device]);
    if (crowdMs !== null) {
      this.#limits[limit].giveBack(own);
    }
    return crowdMs;
  }

  #manifest({ profile }: Agent, { query, accept }: OwnRequest): OwnAnswer {
    const manifest = describeManifest(this.#parts.live(), profile);
    if (manifest === null) {
      throw new Refusal(503, 'unavailable', 'your profile is no longer configured');
    }
    const format = new URLSearchParams(query).get('format') ?? (prefersJson(accept) ? 'json' : 'markdown');
    return format === 'json'
      ? jsonAnswer(manifest)
      : { status: 200, type: 'text/markdown; charset=utf-8', body: manifestText(manifest) };
  }

  #certificate(): OwnAnswer {
    return { status: 200, type: 'application/x-pem-file', body: this.#parts.caPem() };
  }

  #info({ device, profile, run }: Agent): OwnAnswer {
    const { version, fingerprint } = this.#parts;
    return jsonAnswer({ version, ca_fingerprint: fingerprint(), agent: { device, profile, run } });
  }

  /** No ids: they are for people. Of equal ones that wait there is one entry with their number. */
  #pending(agent: Agent): OwnAnswer {
    const identity = identityOf(agent);
    const own = this.#parts.pending().filter((approval) => identityOf(approval.agent) === identity);
    return jsonAnswer({
      items: own.map(({ endpoint, family, risk, summary, createdMs, expiresMs, alike }) => ({
        endpoint,
        family,
        risk,
        summary: withoutQuery(family, visible(summary)).slice(0, MAX_SUMMARY_CHARS),
        since: new Date(createdMs).toISOString(),
        until: new Date(expiresMs).toISOString(),
        equal: alike,
      })),
    });
  }

  #intent(agent: Agent, request: OwnRequest): Promise<OwnAnswer> {
    const { text } = readTexts(request, ['text']);
    if (text === undefined) {
      throw badRequest('text is missing: {"text": "why you do what you do"}');
    }
    return this.#claim(agent, { intent: text });
  }

  #context(agent: Agent, request: OwnRequest): Promise<OwnAnswer> {
    const { reason, ...rest } = readTexts(request, ['incident', 'task', 'reason', 'parent', 'traceparent']);
    const change: ClaimChange = { ...rest, ...(reason === undefined ? {} : { intent: reason }) };
    if (Object.keys(change).length === 0) {
      throw badRequest('nothing is said: give incident, task, reason or parent');
    }
    return this.#claim(agent, change);
  }

  async #claim(agent: Agent, change: ClaimChange): Promise<OwnAnswer> {
    const fault = findFault(change);
    if (fault !== null) {
      throw badRequest(fault);
    }
    const claim = await this.#parts.claims.set(agent, change, 'agent');
    const { incident = '' } = change;
    // Asked for now, so that rules that read it do not meet it unknown.
    const known = incident === '' ? 'no-source' : await this.#lookUp(agent, incident);
    return jsonAnswer({ said: claimJson(claim), ...(known === 'no-source' ? {} : { incident_is: known }) });
  }

  #lookUp({ profile, device }: Agent, incident: string): ReturnType<Incidents['lookUp']> {
    return this.#parts.incidents.lookUp(profile, incident, device);
  }

  async #wouldAllow(agent: Agent, request: OwnRequest): Promise<OwnAnswer> {
    const described = readBody(request);
    try {
      const { opinion, event } = await wouldAllow(agent, described, this.#parts);
      if (this.#parts.audit.append(event) === null) {
        throw new Refusal(503, 'unavailable', 'the question cannot be recorded now', { hint: 'Try again.' });
      }
      return jsonAnswer(opinion);
    } catch (error) {
      throw error instanceof BadSample ? badRequest(shorten(error.message, MAX_SUMMARY_CHARS)) : error;
    }
  }
}

function ofCrowd({ supply, refillMs }: ThrottleLimits): ThrottleLimits {
  return { supply: supply * CROWD, refillMs: refillMs / CROWD };
}

function claimJson({ incident, task, intent, parent, traceparent }: Claim): Readonly<Record<string, string>> {
  return { incident, task, reason: intent, parent, traceparent };
}

function prefersJson(accept: string): boolean {
  return /(?:^|[,\s])application\/json(?:[;,\s]|$)/i.test(accept) && !/text\/markdown/i.test(accept);
}

function withoutQuery(family: string, summary: string): string {
  const mark = family === 'http' || family === 'k8s' ? summary.indexOf('?') : -1;
  return mark === -1 ? summary : summary.slice(0, mark);
}

function badRequest(message: string): Refusal {
  return new Refusal(400, 'bad_request', message, { hint: 'GET /manifest lists what there is.' });
}

/** A JSON object. What a page in an agent's browser can send without being asked (a form, plain text) is none. */
function readBody({ body, contentType }: OwnRequest): Readonly<Record<string, unknown>> {
  if (body === null) {
    throw new Refusal(413, 'too_large', `the body is longer than ${MAX_OWN_BODY_BYTES} bytes, or did not come whole`);
  }
  if (!/^application\/json(?:\s*;|$)/i.test(contentType)) {
    throw new Refusal(415, 'bad_request', 'the body must be application/json');
  }
  const text = body.toString('utf8');
  const reading = Buffer.from(text, 'utf8').equals(body) ? readJson(text, NO_HOLES) : null;
  if (reading === null || reading.kind !== 'value') {
    throw badRequest(`the body is not JSON in UTF-8 without repeated keys, at most ${MAX_JSON_DEPTH} levels deep`);
  }
  const { value } = reading;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw badRequest('the body must be a JSON object');
  }
  return Object.fromEntries(Object.entries(value));
}

/** Text values under known keys. */
function readTexts<K extends string>(request: OwnRequest, known: readonly K[]): Partial<Record<K, string>> {
  const texts: Partial<Record<K, string>> = {};
  for (const [name, value] of Object.entries(readBody(request))) {
    const key = known.find((one) => one === name);
    if (key === undefined) {
      throw badRequest(`there is no key ${JSON.stringify(name)}; known: ${known.join(', ')}`);
    }
    if (typeof value !== 'string') {
      throw badRequest(`${name} must be text`);
    }
    texts[key] = value;
  }
  return texts;
}

function jsonAnswer(value: unknown): OwnAnswer {
  return { status: 200, type: JSON_TYPE, body: `${JSON.stringify(value)}\n` };
}

function refusalAnswer({ status, code, message, hint, fields }: Refusal): OwnAnswer {
  const error = { code, reason: message, ...(hint === '' ? {} : { hint }) };
  const body = `${JSON.stringify({ error })}\n`;
  return { status, type: JSON_TYPE, body, ...(fields === undefined ? {} : { fields }) };
}
