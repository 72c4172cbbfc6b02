// A request as units with facts and tiers: what providers, GraphQL, JSON-RPC and the method say of it, put together. Pure and total.
import { MAX_SUMMARY_CHARS } from '../../lib/limits.ts';
import { shorten, visible } from '../../lib/text.ts';
import { RISKS, Unknown } from '../../rules/action.ts';
import type { FactRecord, Unit } from '../../rules/action.ts';
import { DEFAULT_BODY_BYTES, isBodiless } from './body.ts';
import { canDecode } from './codings.ts';
import { BODY_FACTS, HttpFacts, RequestReading } from './facts.ts';
import type { HttpAnalyser, HttpAnalysis, RequestState } from './flavour.ts';
import { GRAPHQL_FACTS, isGraphqlPath, possibleGraphql, readGraphql } from './graphql.ts';
import type { GraphqlRequests, GraphqlUnit } from './graphql.ts';
import { readCodings } from './headers.ts';
import { mayBeForm, mustHoldForm } from './override.ts';
import type { Provider, ProviderReading } from './providers/provider.ts';
import type { BodyReading, HttpRequest } from './request.ts';
import {
  SAFE,
  UPGRADE,
  WEBSOCKET_UPGRADE,
  destructive,
  highest,
  opaque,
  suspicious,
  tierOfGraphql,
  tierOfGrpc,
  tierOfMethod,
} from './risk.ts';
import type { Tier } from './risk.ts';
import { MCP_FACTS, RPC_FACTS, mcpUseOf, readRpc } from './rpc.ts';
import type { RpcMessages } from './rpc.ts';

export interface HttpAnalyserParts {
  /** Asked in order; the first that knows a request names it. */
  readonly providers: readonly Provider[];
}

/** Embedded requests of one batch, all levels together. */
const MAX_PARTS = 1000;
const PROVIDER_FACT = /^(?:gcp|aws|github|git)\.|^http\.action/;

/** Makes units of requests of `https` endpoints. */
export function createHttpAnalyser({ providers }: HttpAnalyserParts): HttpAnalyser {
  return {
    needsBody: (request, state, reads) => needsBody(new RequestReading(request, UNREAD, state), providers, reads),
    analyse: (request, body, state) => new Analysis(request, body, { state, providers }).make(),
  };
}

const UNREAD: BodyReading = { kind: 'unread' };

/** All names of facts of providers, for asking whether a rule reads one. */
const PROVIDER_FACTS: readonly string[] = HttpFacts.names.filter((name) => PROVIDER_FACT.test(name));

/** Whether facts of HTTP alone, without providers and dialects, need the body (also for kubernetes). */
export function httpNeedsBody(request: HttpRequest, _state: RequestState, reads: (fact: string) => boolean): boolean {
  if (isBodiless(request)) {
    return false;
  }
  return (
    BODY_FACTS.some(reads) ||
    (request.contentLength === null && reads('http.body_size')) ||
    (mayBeForm(request) && reads('http.effective_method'))
  );
}

function needsBody(reading: RequestReading, providers: readonly Provider[], reads: (fact: string) => boolean): boolean {
  const { request, state } = reading;
  if (isBodiless(request)) {
    return false;
  }
  if (httpNeedsBody(request, state, reads) || [...GRAPHQL_FACTS, ...RPC_FACTS].some(reads)) {
    return true;
  }
  // A form may ask to be run as another method, which is refused or judged whatever rules read.
  if (mustHoldForm(request, state.bodyBufferBytes ?? DEFAULT_BODY_BYTES)) {
    return true;
  }
  const { attributes, unmatched } = state.config;
  const mcp = mcpUseOf(request, attributes);
  const judgesTier = unmatched === 'risk' || reads('risk') || reads('risk_causes');
  if (mcp !== 'none' && (judgesTier || MCP_FACTS.some(reads))) {
    return true;
  }
  const named = judgesTier || PROVIDER_FACTS.some(reads);
  // A provider names the mutations that stand in the body.
  if (named && isGraphqlPath(reading)) {
    return true;
  }
  return named && providers.some((provider) => provider.needsBody(request, reading.target));
}

interface AnalysisParts {
  readonly state: RequestState;
  readonly providers: readonly Provider[];
}

/** What is laid over the facts of the request to make one unit. */
interface UnitParts {
  readonly over: FactRecord;
  readonly tier: Tier;
  readonly unreadable: boolean;
}

/** One analysis: units in the order of the text. */
class Analysis {
  readonly #reading: RequestReading;
  readonly #parts: AnalysisParts;
  readonly #units: Unit[] = [];
  readonly #refusals: string[] = [];

  constructor(request: HttpRequest, body: BodyReading, parts: AnalysisParts) {
    this.#reading = new RequestReading(request, body, parts.state);
    this.#parts = parts;
  }

  make(): HttpAnalysis {
    const { request } = this.#reading;
    this.#read(this.#reading);
    const strength = Math.max(...this.#units.map(({ risk }) => RISKS.indexOf(risk)));
    return {
      units: this.#units,
      risk: RISKS[strength] ?? 'destructive',
      summary: this.#summary(request),
      refused: this.#refusals[0] ?? null,
    };
  }

  #summary({ method, host, rawPath }: HttpRequest): string {
    const names = new Set(this.#units.flatMap(({ facts }) => nameOf(facts.get('http.action'), facts.get('mcp.tool'))));
    const named = names.size === 0 ? '' : ` (${[...names].slice(0, 5).join(', ')})`;
    return shorten(visible(`${method} ${host}${rawPath}${named}`), MAX_SUMMARY_CHARS);
  }

  #read(reading: RequestReading): void {
    this.#refuseForms(reading);
    const provider = this.#provider(reading);
    const parts = provider?.parts ?? [];
    if (provider !== null && parts.length > 0) {
      this.#readParts(reading, provider);
      return;
    }
    // Nothing reads the body, so what it would say of units and tiers is not asked for.
    if (reading.isUnread) {
      this.#add(reading, { over: provider?.facts ?? {}, tier: this.#tierOf(reading, provider), unreadable: false });
      return;
    }
    const graphql = readGraphql(reading);
    if (graphql !== null) {
      this.#graphql(reading, graphql, provider);
      return;
    }
    const { config, mcp } = reading.state;
    const rpc = readRpc(reading, mcpUseOf(reading.request, config.attributes), mcp ?? null);
    if (rpc !== null) {
      this.#rpc(reading, rpc, provider);
      return;
    }
    this.#add(reading, {
      over: { ...provider?.facts, ...possibleGraphql(reading) },
      tier: this.#tierOf(reading, provider),
      unreadable: provider?.opaque === true,
    });
  }

  /** What never reaches a rule. */
  #refuseForms(reading: RequestReading): void {
    const { method, override, request, state } = reading;
    if (['trace', 'connect', 'pri'].includes(method)) {
      this.#refusals.push(`${request.method} is not forwarded`);
    }
    if (request.upgrade === 'h2c') {
      this.#refusals.push('an upgrade to h2c is not forwarded');
    }
    if (override.present && state.config.attributes['method_override'] !== 'judge') {
      this.#refusals.push('the request asks to be run as another method, which this endpoint does not allow');
    }
    if (state.mcp !== undefined && state.mcp.refused !== null) {
      this.#refusals.push(state.mcp.refused);
    }
  }

  /** What a provider says; as the method that would run, where the endpoint has overrides judged. */
  #provider(reading: RequestReading): ProviderReading | null {
    const { override, request, content, target, state } = reading;
    const { effective } = override;
    const asRun =
      override.present && typeof effective === 'string' ? { ...request, method: effective.toUpperCase() } : request;
    for (const provider of this.#parts.providers) {
      const found = provider.read(asRun, content.body, target, state);
      if (found !== null) {
        if (found.refused !== null) {
          this.#refusals.push(found.refused);
        }
        return found;
      }
    }
    return null;
  }

  #readParts(reading: RequestReading, provider: ProviderReading): void {
    const parts = provider.parts ?? [];
    if (this.#units.length + parts.length > MAX_PARTS) {
      const tier = opaque('the batch holds more requests than are read');
      this.#add(reading, { over: provider.facts, tier, unreadable: true });
      return;
    }
    for (const { request, body } of parts) {
      this.#read(new RequestReading(request, body, reading.state));
    }
  }

  #graphql(reading: RequestReading, { declared, units }: GraphqlRequests, provider: ProviderReading | null): void {
    // A GraphQL server runs what POST and GET bring; another method means something else.
    const known = declared && ['get', 'post'].includes(reading.method);
    const base = known ? this.#floor(reading) : this.#tierOf(reading, provider);
    for (const unit of units) {
      const { operation } = unit;
      const calls =
        this.#parts.providers
          .map((each) => each.readGraphql?.(reading.request, operation, reading.target) ?? null)
          .find((found) => found !== null) ?? [];
      // Where no path says that it is GraphQL, a text of another language is none.
      const isOther = unit.foreign && !declared;
      const tiers = isOther ? [base] : [base, graphqlTier(unit, reading.state)];
      if (calls.length === 0) {
        const own = provider === null ? [] : [providerTier(provider)];
        this.#add(reading, {
          over: { ...provider?.facts, ...unit.facts },
          tier: highest([...tiers, ...own]),
          unreadable: (operation === null && !isOther) || provider?.opaque === true,
        });
      }
      for (const call of calls) {
        const tier = highest([...tiers, providerTier(call)]);
        const unreadable = operation === null || call.opaque === true;
        this.#add(reading, { over: { ...call.facts, ...unit.facts }, tier, unreadable });
      }
    }
  }

  #rpc(reading: RequestReading, { units, refused }: RpcMessages, provider: ProviderReading | null): void {
    const { request, state } = reading;
    if (refused !== null) {
      this.#refusals.push(refused);
    }
    const declared = mcpUseOf(request, state.config.attributes) === 'declared' && reading.method === 'post';
    const base = declared
      ? highest([this.#floor(reading), ...(provider === null ? [] : [providerTier(provider)])])
      : this.#tierOf(reading, provider);
    const session = state.mcp === undefined ? {} : { 'mcp.session': state.mcp.session };
    for (const unit of units) {
      const tier = unit.tier === null ? base : highest([base, unit.tier]);
      this.#add(reading, {
        over: { ...provider?.facts, ...possibleGraphql(reading), ...session, ...unit.facts },
        tier,
        unreadable: unit.unreadable || provider?.opaque === true,
      });
    }
  }

  /** The tier of a request that is nothing but itself. */
  #tierOf(reading: RequestReading, provider: ProviderReading | null): Tier {
    const { request, method } = reading;
    const hasBody = !isBodiless(request);
    const floor = this.#floor(reading);
    if (provider !== null) {
      return highest([floor, providerTier(provider)]);
    }
    if (endsOwnSession(reading)) {
      return floor;
    }
    const grpc = isGrpc(reading) ? tierOfGrpc(request.rawPath) : null;
    const own = grpc ?? tierOfMethod(method, hasBody);
    return highest([floor, own, ...(hasBody && own.causes.includes('write') ? [undecodable(reading)] : [])]);
  }

  /** What holds whatever else the request is: overrides, upgrades. */
  #floor(reading: RequestReading): Tier {
    const { override, request } = reading;
    const tiers: Tier[] = [SAFE];
    if (override.present) {
      const { effective } = override;
      tiers.push(
        effective instanceof Unknown
          ? opaque('nobody can tell as which method it would run')
          : highest([
              tierOfMethod(effective, !isBodiless(request)),
              suspicious('method_override', `runs as ${effective.toUpperCase()}`),
            ]),
      );
    }
    if (request.upgrade !== 'none') {
      tiers.push(request.upgrade === 'websocket' ? WEBSOCKET_UPGRADE : UPGRADE);
    }
    return highest(tiers);
  }

  #add(reading: RequestReading, { over, tier, unreadable }: UnitParts): void {
    const { risk, causes, reason } = tier;
    const facts = new HttpFacts(reading, { ...over, risk, risk_causes: causes });
    this.#units.push({ facts, risk, riskCauses: causes, riskReason: reason, unreadable });
  }
}

function providerTier({ risk, causes, reason, opaque: isOpaque }: ProviderReading): Tier {
  const tier: Tier = { risk, causes, reason };
  return isOpaque === true ? highest([tier, opaque(reason === '' ? 'its effects cannot be read' : reason)]) : tier;
}

function graphqlTier({ operation }: GraphqlUnit, { config }: RequestState): Tier {
  if (operation === null) {
    return opaque('the operation of GraphQL cannot be told');
  }
  const listed = config.attributes['secret_fields'];
  const secret = Array.isArray(listed) ? listed.filter((name) => typeof name === 'string') : [];
  const read = secret.filter((name) => operation.names.has(name) || operation.paths.includes(name));
  return tierOfGraphql(operation.type, operation.fields, read);
}

/** DELETE without a body at an endpoint of MCP ends the session that it names, and nothing else; one of somebody else is refused. */
function endsOwnSession({ request, method, state }: RequestReading): boolean {
  const { mcp, config } = state;
  return (
    method === 'delete' &&
    isBodiless(request) &&
    mcpUseOf(request, config.attributes) === 'declared' &&
    mcp?.isIssued === true
  );
}

/** Whether a gRPC server would take it: only over HTTP/2, and with its media type. */
function isGrpc({ request, content: { media } }: RequestReading): boolean {
  return request.version === '2' && !(media instanceof Unknown) && media.type.startsWith('application/grpc');
}

/** A write whose body has a coding or charset that is not understood. */
function undecodable({ content, request }: RequestReading): Tier {
  const { bytes } = content;
  const isOpaque = bytes instanceof Unknown ? bytes.cause === 'undecodable' : false;
  return isOpaque || !canDecode(readCodings(request.fields))
    ? destructive('opaque', 'its body cannot be decoded')
    : SAFE;
}

function nameOf(...values: readonly unknown[]): readonly string[] {
  return values.filter((value): value is string => typeof value === 'string' && value !== '');
}
