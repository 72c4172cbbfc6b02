// What a parked request would do, without doing it: the API server's own dry run of a change as a difference to the live object, and
// for a deletion what goes with it. Only what the server itself serves is asked; values of Secrets are never fetched.
import { shorten, visible } from '../../lib/text.ts';
import { Unknown } from '../../rules/action.ts';
import type { Action, Facts } from '../../rules/action.ts';
import type { Effect } from '../protocol.ts';
import { MASKED } from '../../rules/header-name.ts';
import { BUILT_IN_REDACTOR } from '../../rules/redactor.ts';
import { isList, isObject, textAt, valueAt } from './json.ts';
import type { JsonObject, JsonValue } from './json.ts';
import { BUILT_IN_GROUPS } from './risk-table.ts';

/** One question to the API server. */
export interface ApiRequest {
  readonly method: string;
  /** With query. */
  readonly target: string;
  readonly accept: string;
  readonly contentType: string;
  readonly body: string;
}

export interface ApiAnswer {
  readonly status: number;
  /** Null when it is no JSON, or too long. */
  readonly value: JsonValue | null;
}

/** Asks one question after the other; rejects when there is no answer. */
export type Ask = (request: ApiRequest) => Promise<ApiAnswer>;

const MAX_LINES = 200;
const MAX_VALUE_CHARS = 200;
const MAX_NAMES = 20;
/** Objects per list call; more are counted by what the server says remains. */
const LIST_LIMIT = 500;

const JSON_TYPE = 'application/json';
/** Names and owners, never contents. */
const METADATA_LIST = 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1';
const METADATA = 'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1';

/** Null where nothing can be said. */
export async function measureEffect(action: Action, ask: Ask): Promise<Effect | null> {
  const [unit] = action.units;
  const facts = unit?.facts;
  if (facts === undefined || action.units.length !== 1) {
    return null;
  }
  const text = (name: string): string => {
    const value = facts.get(name);
    return typeof value === 'string' ? value : '';
  };
  const known = BUILT_IN_GROUPS.has(text('k8s.group')) && text('k8s.resource') !== '';
  switch (text('k8s.verb')) {
    case 'update':
    case 'patch':
    case 'create':
      return known ? measureChange(facts, text, ask) : null;
    case 'delete':
      return known && text('k8s.subresource') === '' ? measureDeletion(text, ask) : null;
    case 'deletecollection':
      return known ? measureCollection(text, ask) : null;
    default:
      return null;
  }
}

type Text = (name: string) => string;

/** Subresources whose writing the server can try: the others act even in a dry run, or are no objects. */
const TRIED: ReadonlySet<string> = new Set(['', 'status', 'scale', 'resize', 'ephemeralcontainers', 'finalize']);

async function measureChange(facts: Facts, text: Text, ask: Ask): Promise<Effect | null> {
  const isSecret = text('k8s.resource_type') === 'secrets' && text('k8s.group') === '';
  if (isSecret || !TRIED.has(text('k8s.subresource')) || facts.get('k8s.dry_run') === true) {
    return null;
  }
  const request = dryRunOf(facts, text);
  if (request === null) {
    return null;
  }
  const created = text('k8s.verb') === 'create';
  const before = created ? null : await ask(getOf(text('http.raw_path'), JSON_TYPE));
  const after = await ask(request);
  if (after.status >= 300 || after.value === null) {
    const why = textAt(after.value ?? {}, 'message');
    const line = `the server would refuse it: ${after.status} ${shown(why)}`;
    return { lines: [line], data: { dry_run: 'refused', status: after.status } };
  }
  const old = before !== null && before.status === 200 ? before.value : null;
  const changes = differences(old, after.value);
  const head = created || old === null ? 'would create' : 'would change';
  const paths = new Set(changes.map((line) => line.slice(2, line.indexOf(': ')))).size;
  const count = paths === 0 ? 'nothing' : `${paths} value(s)`;
  const lines = [`${head} ${count} (server-side dry run)`, ...changes.slice(0, MAX_LINES)];
  const cut = changes.length > MAX_LINES;
  return {
    lines: cut ? [...lines, `… ${changes.length - MAX_LINES} more`] : lines,
    data: { dry_run: 'ok', changes: paths, cut },
  };
}

function getOf(target: string, accept: string): ApiRequest {
  return { method: 'GET', target, accept, contentType: '', body: '' };
}

/** The request itself as a dry run; null when its body is not known, or a parameter stands in the way. */
function dryRunOf(facts: Facts, text: Text): ApiRequest | null {
  const params = facts.get('k8s.params_all');
  const type = facts.get('http.content_type');
  const body = facts.get('http.body');
  if (!(params instanceof Map) || params.has('dryRun') || typeof type !== 'string') {
    return null;
  }
  const query = text('http.raw_query');
  const target = `${text('http.raw_path')}?${query === '' ? '' : `${query}&`}dryRun=All`;
  const base = { method: text('http.method').toUpperCase(), target, accept: JSON_TYPE };
  if (typeof body === 'string' && type !== 'application/vnd.kubernetes.protobuf') {
    return { ...base, contentType: type === '' ? JSON_TYPE : type, body };
  }
  const object = facts.get('k8s.object');
  return object instanceof Unknown || object === undefined
    ? null
    : { ...base, contentType: JSON_TYPE, body: JSON.stringify(object) };
}

/** What changes with every write, and says nothing. */
const NOISE = /^(?:metadata\.(?:managedFields|resourceVersion|generation|uid|creationTimestamp)\b|status\b)/;

/** `- path: old`, `+ path: new`, sorted by path. */
export function differences(before: JsonValue | null, after: JsonValue): readonly string[] {
  const old = new Map<string, string>();
  const young = new Map<string, string>();
  flatten(before ?? {}, '', old);
  flatten(after, '', young);
  const paths = [...new Set([...old.keys(), ...young.keys()])].filter((path) => !NOISE.test(path)).toSorted();
  return paths.flatMap((path) => {
    const was = old.get(path);
    const is = young.get(path);
    if (was === is) {
      return [];
    }
    return [
      ...(was === undefined ? [] : [`- ${shown(path)}: ${hidden(path, was)}`]),
      ...(is === undefined ? [] : [`+ ${shown(path)}: ${hidden(path, is)}`]),
    ];
  });
}

/** Values behind names of secrets are compared, and not shown. */
function hidden(path: string, value: string): string {
  return BUILT_IN_REDACTOR.key(path.slice(path.lastIndexOf('.') + 1)) ? MASKED : value;
}

function flatten(value: JsonValue, path: string, into: Map<string, string>): void {
  const entries = isList(value) ? [...value.entries()] : isObject(value) ? Object.entries(value) : [];
  if (entries.length === 0) {
    if (path !== '') {
      into.set(path, shown(JSON.stringify(value)));
    }
    return;
  }
  for (const [key, item] of entries) {
    flatten(item, path === '' ? String(key) : `${path}.${key}`, into);
  }
}

function shown(text: string): string {
  return shorten(visible(text), MAX_VALUE_CHARS);
}

/** What an object of that kind owns, in the same namespace, as far down as matters to people. */
const OWNED: Readonly<Record<string, readonly string[]>> = {
  deployments: ['/apis/apps/v1/replicasets', '/api/v1/pods'],
  replicasets: ['/api/v1/pods'],
  statefulsets: ['/api/v1/pods', '/apis/apps/v1/controllerrevisions'],
  daemonsets: ['/api/v1/pods', '/apis/apps/v1/controllerrevisions'],
  replicationcontrollers: ['/api/v1/pods'],
  jobs: ['/api/v1/pods'],
  cronjobs: ['/apis/batch/v1/jobs', '/api/v1/pods'],
  services: ['/apis/discovery.k8s.io/v1/endpointslices'],
};

/** What people would miss of a namespace. */
const IN_NAMESPACE: readonly string[] = [
  '/apis/apps/v1/deployments',
  '/apis/apps/v1/statefulsets',
  '/apis/apps/v1/daemonsets',
  '/apis/batch/v1/jobs',
  '/apis/batch/v1/cronjobs',
  '/api/v1/pods',
  '/api/v1/services',
  '/api/v1/configmaps',
  '/api/v1/secrets',
  '/api/v1/persistentvolumeclaims',
];

async function measureDeletion(text: Text, ask: Ask): Promise<Effect | null> {
  const found = await ask(getOf(text('http.raw_path'), METADATA));
  if (found.status === 404) {
    return { lines: ['there is no such object'], data: { exists: false } };
  }
  if (found.status !== 200 || found.value === null) {
    return null;
  }
  const resource = text('k8s.resource_type');
  const namespace = text('k8s.namespace');
  const lines: string[] = [];
  const data: Record<string, unknown> = { exists: true };
  const owner = controllerOf(found.value);
  if (resource === 'pods') {
    lines.push(owner === '' ? 'nothing replaces it: it has no controller' : `is replaced by its controller, ${owner}`);
    data['controller'] = owner;
  }
  if (resource === 'namespaces') {
    for (const path of IN_NAMESPACE) {
      const listed = await listOf(ask, inNamespace(path, text('k8s.name')));
      addCount(lines, data, path, listed);
    }
  } else {
    // What an owned object owns goes too, hence the list of all identities so far.
    const gone = new Set([textAt(found.value, 'metadata', 'uid')]);
    for (const path of OWNED[resource] ?? []) {
      const listed = await listOf(ask, inNamespace(path, namespace));
      const owned = listed === null ? null : listed.items.filter((item) => ownersOf(item).some((uid) => gone.has(uid)));
      owned?.forEach((item) => gone.add(textAt(item, 'metadata', 'uid')));
      addCount(lines, data, path, owned === null ? null : { items: owned, more: listed?.more ?? 0 });
    }
  }
  return { lines: lines.length === 0 ? ['nothing else goes with it, as far as is known'] : lines, data };
}

async function measureCollection(text: Text, ask: Ask): Promise<Effect | null> {
  const selectors = ['fieldSelector', 'labelSelector'].map((name): [string, string] => [
    name,
    text(name === 'fieldSelector' ? 'k8s.field_selector' : 'k8s.label_selector'),
  ]);
  const query = selectors
    .filter(([, value]) => value !== '')
    .map(([name, value]) => `&${name}=${encodeURIComponent(value)}`);
  const listed = await listOf(ask, text('http.raw_path'), query.join(''));
  const lines: string[] = [];
  const data: Record<string, unknown> = {};
  addCount(lines, data, text('http.raw_path'), listed);
  return listed === null ? null : { lines, data };
}

function inNamespace(path: string, namespace: string): string {
  const at = path.lastIndexOf('/');
  return `${path.slice(0, at)}/namespaces/${encodeURIComponent(namespace)}${path.slice(at)}`;
}

interface Listed {
  readonly items: readonly JsonObject[];
  /** Beyond the first page. */
  readonly more: number;
}

async function listOf(ask: Ask, path: string, query: string = ''): Promise<Listed | null> {
  const { status, value } = await ask(getOf(`${path}?limit=${LIST_LIMIT}${query}`, METADATA_LIST));
  // An empty list of metadata has null in place of items.
  const items = value === null ? undefined : (valueAt(value, 'items') ?? []);
  if (status !== 200 || value === null || !isList(items)) {
    return null;
  }
  const remaining = valueAt(value, 'metadata', 'remainingItemCount');
  return { items: items.filter(isObject), more: typeof remaining === 'number' ? remaining : 0 };
}

function addCount(lines: string[], data: Record<string, unknown>, path: string, listed: Listed | null): void {
  const plural = path.slice(path.lastIndexOf('/') + 1);
  if (listed === null) {
    lines.push(`${plural}: cannot be told`);
    return;
  }
  const count = listed.items.length;
  data[plural] = count + listed.more;
  if (count > 0) {
    const names = listed.items.slice(0, MAX_NAMES).map((item) => shown(textAt(item, 'metadata', 'name')));
    const rest = count + listed.more - names.length;
    lines.push(`${count + listed.more} ${plural}: ${names.join(', ')}${rest > 0 ? ` and ${rest} more` : ''}`);
  }
}

function ownersOf(object: JsonValue): readonly string[] {
  const owners = valueAt(object, 'metadata', 'ownerReferences');
  return isList(owners) ? owners.map((owner) => textAt(owner, 'uid')).filter((uid) => uid !== '') : [];
}

/** `ReplicaSet web-1`, or "". */
function controllerOf(object: JsonValue): string {
  const owners = valueAt(object, 'metadata', 'ownerReferences');
  const controller = isList(owners) ? owners.find((owner) => valueAt(owner, 'controller') === true) : undefined;
  return controller === undefined ? '' : shown(`${textAt(controller, 'kind')} ${textAt(controller, 'name')}`);
}
