// Facts of one Kubernetes request, each computed when it is first read. The facts of HTTP that this family has too come from the
// analyser of HTTP.
import { Unknown } from '../../rules/action.ts';
import type { FactValue, Facts, Unit } from '../../rules/action.ts';
import { MAX_SUMMARY_CHARS } from '../../lib/limits.ts';
import { shorten, visible } from '../../lib/text.ts';
import type { HttpAnalyser, HttpAnalysis, RequestState } from '../http/flavour.ts';
import type { BodyReading, HttpRequest } from '../http/request.ts';
import type { ShellReader, ShellReading } from '../shell/model.ts';
import { patchTypeOf, readBody } from './body.ts';
import type { ApiBody } from './body.ts';
import { commandsFact, readExec } from './command.ts';
import { isList, isObject, textAt, valueAt } from './json.ts';
import type { JsonObject, JsonValue } from './json.ts';
import { readOptions } from './options.ts';
import { changedPointers, setValues } from './patch.ts';
import { booleanFact, paramsOf, textFact } from './query.ts';
import { readTarget } from './request.ts';
import type { Target } from './request.ts';
import { BUILT_IN_GROUPS, CLUSTER_SCOPED, rowOf } from './risk-table.ts';
import { tierOf } from './risk.ts';
import type { Tier } from './risk.ts';
import { workloadFacts } from './workload.ts';
import type { WorkloadFacts } from './workload.ts';

/** The facts of HTTP of one request; the analyser of that family gives them. */
export type HttpFactsOf = (request: HttpRequest, body: BodyReading, state: RequestState) => Facts;

export interface KubernetesAnalyserParts {
  readonly httpFacts: HttpFactsOf;
  /** Whether the facts of HTTP that a rule reads need the body. */
  readonly httpNeedsBody: HttpAnalyser['needsBody'];
  /** Reads what exec starts. */
  readonly shell: ShellReader;
}

export function createKubernetesAnalyser({ httpFacts, httpNeedsBody, shell }: KubernetesAnalyserParts): HttpAnalyser {
  return {
    needsBody: (request, state, reads) => {
      const reading = readTarget(request);
      if (reading.kind === 'refused' || request.framing === 'none') {
        return false;
      }
      // The tier of every change hangs on its body, which is small; what is sent through a proxy may be anything.
      return reading.target.verb !== 'connect' || httpNeedsBody(request, state, reads);
    },
    analyse: (request, body, state) => {
      const reading = readTarget(request);
      const http = httpFacts(request, body, state);
      if (reading.kind === 'refused') {
        return refusedAnalysis(request, http, reading.why);
      }
      return analysisOf(new RequestFacts({ request, target: reading.target, body, state, http, shell }));
    },
  };
}

/** What is refused has no Kubernetes facts: each is Unknown, and no rule can allow it. */
function refusedAnalysis(request: HttpRequest, http: Facts, why: string): HttpAnalysis {
  const causes = ['opaque'];
  const facts: Facts = {
    get: (name) => {
      if (name.startsWith('k8s.')) {
        return FACTS[name] === undefined ? undefined : new Unknown('ambiguous');
      }
      return name === 'risk' ? 'destructive' : name === 'risk_causes' ? causes : http.get(name);
    },
  };
  const unit: Unit = { facts, risk: 'destructive', riskCauses: causes, riskReason: why, unreadable: true };
  const summary = summaryText(`${request.method} ${request.rawPath}`);
  return { units: [unit], risk: 'destructive', summary, refused: why };
}

function analysisOf(facts: RequestFacts): HttpAnalysis {
  const { tier } = facts;
  return {
    units: [unitOf(facts)],
    risk: tier.risk,
    summary: facts.summary,
    refused: null,
  };
}

function unitOf(facts: RequestFacts): Unit {
  const { risk, causes, reason } = facts.tier;
  return { facts, risk, riskCauses: causes, riskReason: reason, unreadable: false };
}

/** The unit of one port inside a port-forward: that request, with this port. */
export function portUnit(unit: Unit, port: number): Unit {
  const facts: Facts = { get: (name) => (name === 'k8s.ports' ? [BigInt(port)] : unit.facts.get(name)) };
  return { ...unit, facts };
}

/** One line for a person. */
function summaryText(text: string): string {
  return shorten(visible(text), MAX_SUMMARY_CHARS);
}

interface RequestParts {
  readonly request: HttpRequest;
  readonly target: Target;
  readonly body: BodyReading;
  readonly state: RequestState;
  readonly http: Facts;
  readonly shell: ShellReader;
}

/** Everything that is known of one request. */
class RequestFacts implements Facts {
  readonly request: HttpRequest;
  readonly target: Target;
  readonly #parts: RequestParts;
  readonly #values = new Map<string, FactValue>();
  #body: ApiBody | null = null;
  #workload: WorkloadFacts | null = null;
  #tier: Tier | null = null;
  #exec: ShellReading | null = null;

  constructor(parts: RequestParts) {
    this.request = parts.request;
    this.target = parts.target;
    this.#parts = parts;
  }

  get(name: string): FactValue | undefined {
    const make = FACTS[name];
    if (make === undefined) {
      return this.#parts.http.get(name);
    }
    const known = this.#values.get(name);
    const value = known ?? make(this);
    if (known === undefined) {
      this.#values.set(name, value);
    }
    return value;
  }

  get body(): ApiBody {
    this.#body ??= readBody(this.request, this.target, this.#parts.body);
    return this.#body;
  }

  /** What an exec starts. */
  get exec(): ShellReading {
    this.#exec ??= readExec(this.#parts.shell, argvOf(this), this.get('k8s.tty') !== false);
    return this.#exec;
  }

  get tier(): Tier {
    this.#tier ??= tierOf({
      target: this.target,
      body: this.body,
      upgrade: this.request.upgrade,
      fact: (name) => this.get(name),
      isReading: () => argvOf(this).length > 0 && this.exec.tier.risk === 'safe',
      options: readOptions(this.#parts.state.config),
    });
    return this.#tier;
  }

  /** Of the values that the body sets; Unknown where they cannot be told. */
  get workload(): WorkloadFacts | Unknown {
    const trees = this.trees;
    if (trees instanceof Unknown) {
      return trees;
    }
    this.#workload ??= workloadFacts(trees, this.target.verb !== 'patch');
    return this.#workload;
  }

  /** The values that the body sets. A step that takes them from the live object leaves them unknown. */
  get trees(): readonly JsonValue[] | Unknown {
    const { body } = this;
    if (body.kind === 'unknown') {
      return body.unknown;
    }
    const { trees, moves } = setValues(body);
    return moves ? new Unknown('dynamic') : trees;
  }

  /** Items of a list count like the list itself. */
  get objects(): readonly JsonObject[] | Unknown {
    const { trees } = this;
    if (trees instanceof Unknown) {
      return trees;
    }
    return trees.filter(isObject).flatMap((tree) => {
      const items = tree['items'];
      return isList(items) ? [tree, ...items.filter(isObject)] : [tree];
    });
  }

  get summary(): string {
    const { verb, group, namespace, name } = this.target;
    if (verb === 'meta') {
      return summaryText(`meta ${this.request.rawPath}`);
    }
    const kind = group === '' ? resourceOf(this.target) : `${resourceOf(this.target)}.${group}`;
    const place = namespace === '' || this.target.resource === 'namespaces' ? '' : ` in ${namespace}`;
    const command = commandLine(this);
    return summaryText(`${verb} ${kind}${name === '' ? bodyName(this) : ` ${name}`}${place}${command}`);
  }
}

function bodyName(facts: RequestFacts): string {
  const name = facts.target.verb === 'create' ? facts.get('k8s.object_name') : '';
  return typeof name === 'string' && name !== '' ? ` ${name}` : '';
}

function commandLine(facts: RequestFacts): string {
  const argv = argvOf(facts);
  return argv.length === 0
    ? ''
    : `: ${argv.map((word) => (/^[\w./:=@%+,-]+$/.test(word) ? word : JSON.stringify(word))).join(' ')}`;
}

function resourceOf({ resource, subresource }: Target): string {
  return subresource === '' ? resource : `${resource}/${subresource}`;
}

function argvOf({ target }: RequestFacts): readonly string[] {
  return target.verb === 'connect' && target.subresource === 'exec' ? (target.query.get('command') ?? []) : [];
}

const isInteractive = ({ verb, subresource }: Target): boolean =>
  verb === 'connect' && (subresource === 'exec' || subresource === 'attach');

/** A fact of what pods may do. */
function ofWorkload(pick: (workload: WorkloadFacts) => FactValue): (facts: RequestFacts) => FactValue {
  return ({ workload }) => (workload instanceof Unknown ? workload : pick(workload));
}

/** A fact of the body as an object, or `none` where there is no body. */
function ofObject(none: FactValue, pick: (object: JsonObject) => FactValue): (facts: RequestFacts) => FactValue {
  return ({ body }) => {
    switch (body.kind) {
      case 'none':
      case 'steps':
        return none;
      case 'unknown':
        return body.unknown;
      case 'object':
        return pick(body.object);
    }
  };
}

/** Texts that every object of the body adds to a list. */
function collected(pick: (object: JsonObject) => readonly string[]): (facts: RequestFacts) => FactValue {
  return ({ objects }) => (objects instanceof Unknown ? objects : [...new Set(objects.flatMap(pick))]);
}

function texts(value: JsonValue | undefined): readonly string[] {
  return isList(value) ? value.filter((item) => typeof item === 'string') : typeof value === 'string' ? [value] : [];
}

function objectsIn(value: JsonValue | undefined): readonly JsonObject[] {
  return isList(value) ? value.filter(isObject) : [];
}

function textMap(key: string): (facts: RequestFacts) => FactValue {
  return ({ objects }) => {
    if (objects instanceof Unknown) {
      return objects;
    }
    const entries = objects.flatMap((object) => {
      const map = valueAt(object, 'metadata', key);
      return isObject(map) ? Object.entries(map) : [];
    });
    // A patch removes with null.
    const set = entries.filter(([, value]) => value !== null);
    const named = set.flatMap(([name, value]): [string, string][] =>
      typeof value === 'string' ? [[name, value]] : [],
    );
    return named.length === set.length ? new Map(named) : new Unknown('undecodable');
  };
}

const parameter =
  (name: string): ((facts: RequestFacts) => FactValue) =>
  ({ target }) =>
    textFact(target.query, name);

const interactiveFlag =
  (name: string): ((facts: RequestFacts) => FactValue) =>
  ({ target }) =>
    isInteractive(target) ? booleanFact(target.query, name) : false;

/** Every fact of `k8s.*`, and the tier. */
const FACTS: Readonly<Record<string, (facts: RequestFacts) => FactValue>> = {
  risk: ({ tier }) => tier.risk,
  risk_causes: ({ tier }) => tier.causes,
  'k8s.verb': ({ target }) => target.verb,
  'k8s.api_verb': ({ target }) => target.apiVerb,
  'k8s.resource': ({ target }) => resourceOf(target),
  'k8s.resource_type': ({ target }) => target.resource,
  'k8s.subresource': ({ target }) => target.subresource,
  'k8s.namespace': ({ target }) => target.namespace,
  'k8s.name': ({ target }) => target.name,
  'k8s.group': ({ target }) => target.group,
  'k8s.version': ({ target }) => target.version,
  'k8s.params': ({ target }) => paramsOf(target.query, isInteractive(target)),
  'k8s.params_all': ({ target }) => new Map([...target.query].map(([name, values]) => [name, [...values]])),
  'k8s.is_collection': ({ target }) =>
    target.verb === 'list' || (target.verb === 'watch' && target.name === '') || target.verb === 'deletecollection',
  'k8s.all_namespaces': ({ target }) => allNamespaces(target),
  'k8s.dry_run': (facts) => isDryRun(facts),
  'k8s.field_selector': parameter('fieldSelector'),
  'k8s.label_selector': parameter('labelSelector'),
  'k8s.field_manager': parameter('fieldManager'),
  'k8s.force': ({ target }) => booleanFact(target.query, 'force'),
  'k8s.grace_period': (facts) => gracePeriod(facts),
  'k8s.propagation': (facts) => propagation(facts),
  'k8s.command': (facts) => [...argvOf(facts)],
  'k8s.commands': (facts) => commandsFact(facts.exec),
  'k8s.container': ({ target }) =>
    isInteractive(target) || target.subresource === 'log' ? textFact(target.query, 'container') : '',
  'k8s.stdin': interactiveFlag('stdin'),
  'k8s.tty': interactiveFlag('tty'),
  'k8s.ports': ({ target }) => portsOf(target),
  'k8s.proxy_path': ({ target }) => target.proxyPath,
  'k8s.patch_type': ({ request }) => patchTypeOf(request),
  'k8s.changed': ({ body, target }) => changedPointers(body, target.verb),
  'k8s.object': ({ body }) => {
    switch (body.kind) {
      case 'none':
        return {};
      case 'object':
        return body.object;
      case 'steps':
        return body.list;
      case 'unknown':
        return body.unknown;
    }
  },
  'k8s.kind': ofObject('', (object) => textAt(object, 'kind')),
  'k8s.object_name': ofObject('', (object) => {
    const generated = textAt(object, 'metadata', 'generateName');
    return textAt(object, 'metadata', 'name') || (generated === '' ? '' : `${generated}*`);
  }),
  'k8s.images': ofWorkload(({ images }) => images),
  'k8s.privileged': ofWorkload(({ privileged }) => privileged),
  'k8s.host_path': ofWorkload(({ hostPath }) => hostPath),
  'k8s.host_namespaces': ofWorkload(({ hostNamespaces }) => hostNamespaces),
  'k8s.capabilities': ofWorkload(({ capabilities }) => capabilities),
  'k8s.service_account': ofWorkload(({ serviceAccounts }) => serviceAccounts),
  'k8s.secret_refs': ofWorkload(({ secretRefs }) => secretRefs),
  'k8s.config_refs': ofWorkload(({ configRefs }) => configRefs),
  'k8s.replicas': ({ objects }) => (objects instanceof Unknown ? objects : replicasOf(objects)),
  'k8s.labels': textMap('labels'),
  'k8s.annotations': textMap('annotations'),
  'k8s.rbac_verbs': collected((object) => objectsIn(object['rules']).flatMap((rule) => texts(rule['verbs']))),
  'k8s.rbac_resources': collected((object) => objectsIn(object['rules']).flatMap((rule) => texts(rule['resources']))),
  'k8s.role_ref': ({ objects }) =>
    objects instanceof Unknown
      ? objects
      : (objects.map((object) => textAt(object, 'roleRef', 'name')).find((name) => name !== '') ?? ''),
  'k8s.subjects': collected((object) => objectsIn(object['subjects']).map(subjectText)),
  'k8s.webhook_urls': ({ trees }) =>
    trees instanceof Unknown ? trees : [...new Set(trees.flatMap((tree) => urlsIn(tree)))],
};

function allNamespaces({ verb, group, resource, namespace }: Target): FactValue {
  if (verb === 'meta' || namespace !== '') {
    return false;
  }
  // What the built-in groups hold is known; whether another resource has namespaces only the server knows.
  return BUILT_IN_GROUPS.has(group) && rowOf(group, resource, '').cause !== 'unknown_resource'
    ? !CLUSTER_SCOPED.has(resource)
    : new Unknown('unresolved');
}

const isDeletion = ({ verb }: Target): boolean => verb === 'delete' || verb === 'deletecollection';
const isEviction = ({ verb, resource, subresource }: Target): boolean =>
  verb === 'create' && resource === 'pods' && subresource === 'eviction';

/** The options of a deletion: those of a body where there is one (the server then ignores the query), or null. */
function deletionOptions({ body, target }: RequestFacts): JsonObject | Unknown | null {
  if (body.kind === 'unknown') {
    return body.unknown;
  }
  if (body.kind !== 'object' || !(isDeletion(target) || isEviction(target))) {
    return null;
  }
  const options = isEviction(target) ? body.object['deleteOptions'] : body.object;
  return isObject(options) ? options : {};
}

/** True only when the server will surely not persist. */
function isDryRun(facts: RequestFacts): boolean {
  const { target } = facts;
  const isChange = ['create', 'update', 'patch', 'delete', 'deletecollection'].includes(target.verb);
  // A token is minted, dry run or not.
  if (!isChange || !BUILT_IN_GROUPS.has(target.group) || target.subresource === 'token') {
    return false;
  }
  const options = isDeletion(target) || isEviction(target) ? deletionOptions(facts) : null;
  if (options instanceof Unknown || facts.body.kind === 'unknown') {
    return false;
  }
  if (isEviction(target) || options !== null) {
    const values = options?.['dryRun'];
    return isList(values) && values.length === 1 && values[0] === 'All';
  }
  const values = target.query.get('dryRun');
  return values !== undefined && values.length === 1 && values[0] === 'All';
}

function gracePeriod(facts: RequestFacts): FactValue {
  if (!isDeletion(facts.target) && !isEviction(facts.target)) {
    return -1n;
  }
  const options = deletionOptions(facts);
  if (options instanceof Unknown) {
    return options;
  }
  if (options !== null) {
    return integerOf(options['gracePeriodSeconds']);
  }
  const text = textFact(facts.target.query, 'gracePeriodSeconds');
  if (text instanceof Unknown) {
    return text;
  }
  return text === '' ? -1n : /^[+-]?\d{1,18}$/.test(text) ? BigInt(text.replace('+', '')) : new Unknown('unparseable');
}

/** -1 when the body says none. */
function integerOf(value: JsonValue | undefined): bigint | Unknown {
  if (value === undefined || value === null) {
    return -1n;
  }
  return typeof value === 'number' && Number.isSafeInteger(value) ? BigInt(value) : new Unknown('unparseable');
}

const PROPAGATIONS: Readonly<Record<string, string>> = {
  '': 'default',
  Background: 'background',
  Foreground: 'foreground',
  Orphan: 'orphan',
};

function propagation(facts: RequestFacts): FactValue {
  const options = isDeletion(facts.target) || isEviction(facts.target) ? deletionOptions(facts) : null;
  if (options instanceof Unknown) {
    return options;
  }
  if (!isDeletion(facts.target) && !isEviction(facts.target)) {
    return 'default';
  }
  const { query } = facts.target;
  const policy = options === null ? textFact(query, 'propagationPolicy') : (options['propagationPolicy'] ?? '');
  const orphans = options === null ? query.has('orphanDependents') : isPresent(options['orphanDependents']);
  if (policy instanceof Unknown) {
    return policy;
  }
  if (orphans) {
    const value = options === null ? booleanFact(query, 'orphanDependents') : options['orphanDependents'];
    // Both together are refused by the server.
    return policy === '' && typeof value === 'boolean' ? (value ? 'orphan' : 'background') : new Unknown('ambiguous');
  }
  return typeof policy === 'string' && Object.hasOwn(PROPAGATIONS, policy)
    ? (PROPAGATIONS[policy] ?? '')
    : new Unknown('unparseable');
}

function isPresent(value: JsonValue | undefined): boolean {
  return value !== undefined && value !== null;
}

/** Ports named in the request itself; streams inside the tunnel name more (session.ts). */
function portsOf({ verb, subresource, query }: Target): FactValue {
  const values = verb === 'connect' && subresource === 'portforward' ? (query.get('ports') ?? []) : [];
  const ports = values.flatMap((value) => value.split(','));
  return ports.every((port) => /^\d{1,5}$/.test(port)) ? ports.map(BigInt) : new Unknown('unparseable');
}

function replicasOf(objects: readonly JsonObject[]): FactValue {
  const found = objects.map((object) => valueAt(object, 'spec', 'replicas')).find((value) => value !== undefined);
  return integerOf(found);
}

/** `User:alice`, `ServiceAccount:team/deployer`. */
function subjectText(subject: JsonObject): string {
  const namespace = textAt(subject, 'namespace');
  return `${textAt(subject, 'kind')}:${namespace === '' ? '' : `${namespace}/`}${textAt(subject, 'name')}`;
}

/** Where client configurations send to, anywhere in a value: URLs, and services as `service:namespace/name`. */
function urlsIn(value: JsonValue): readonly string[] {
  if (isList(value)) {
    return value.flatMap(urlsIn);
  }
  if (!isObject(value)) {
    return [];
  }
  const own = ['clientConfig', 'webhookClientConfig'].flatMap((key) => clientUrls(value[key]));
  const service = textAt(value, 'kind') === 'APIService' ? clientUrls(value['spec']) : [];
  return [...own, ...service, ...Object.values(value).flatMap(urlsIn)];
}

function clientUrls(config: JsonValue | undefined): readonly string[] {
  const url = textAt(config, 'url');
  const service = textAt(config, 'service', 'name');
  return [
    ...(url === '' ? [] : [url]),
    ...(service === '' ? [] : [`service:${textAt(config, 'service', 'namespace')}/${service}`]),
  ];
}
