// Google Cloud: the id that a call has in the service's discovery document, so that a rule can name what `gcloud` and the client libraries
// send (fact reference, 4.3). Hosts are S.googleapis.com, with a region before it or in it, and www.googleapis.com/S.
import { Unknown } from '../../../rules/action.ts';
import type { FactRecord } from '../../../rules/action.ts';
import { decodePercent } from '../../../lib/percent.ts';
import { contentOf } from '../body.ts';
import { possibleValues } from '../query.ts';
import type { BodyReading, HttpRequest } from '../request.ts';
import type { CanonicalTarget } from '../target.ts';
import { ADMINISTERS, DELETES, READS, readingOf, REVEALS, RUNS, unknownCall, WRITES } from './action-class.ts';
import type { Judged } from './action-class.ts';
import { GCP_METHODS } from './data/gcp.ts';
import { readBatch } from './gcp-batch.ts';
import type { Provider, ProviderReading } from './provider.ts';
import { createTemplates, readGroups } from './templates.ts';
import type { TemplateMatch, Templates } from './templates.ts';

interface Service {
  /** First word of its ids. */
  readonly prefix: string;
  /** A colon in the last segment begins a verb (API design guide, "Custom methods"). */
  readonly verbs: boolean;
  readonly templates: Templates;
}

/** Read when first needed, once a process: a pure function of the table. */
const services = new Map<string, Service | null>();
let groups: ReturnType<typeof readGroups> | null = null;

function findService(name: string): Service | null {
  const known = services.get(name);
  if (known !== undefined) {
    return known;
  }
  groups ??= readGroups(GCP_METHODS);
  const group = groups.get(name);
  if (group === undefined) {
    return null;
  }
  const verbs = group.rows.some((row) => row.includes(':'));
  const service = {
    prefix: group.head,
    verbs,
    templates: createTemplates(group.rows, verbs ? { verbAfter: ':' } : {}),
  };
  services.set(name, service);
  return service;
}

export const gcp: Provider = {
  needsBody(request, canonical) {
    const host = parseHost(request.host);
    if (host === null || request.method === 'GET' || request.method === 'HEAD') {
      return false;
    }
    const segments = segmentsOf(canonical);
    const isCall = segments !== null && request.method === 'POST' && isQuery(callOf(host, segments));
    return segments?.[0] === 'batch' || isCall;
  },
  read(request, body, canonical) {
    const host = parseHost(request.host);
    if (host === null) {
      return null;
    }
    const reading = readCall(host, request, { body, canonical });
    return possibleValues(request.rawQuery, isHeadersKey).length > 0 ? { ...reading, refused: HIDDEN_FIELDS } : reading;
  },
};

const HIDDEN_FIELDS = 'its query brings header fields ($httpHeaders), which are not judged';

/** Google's front ends take header fields from that parameter, for pages that may not set them (Closure library, goog.net.rpc.HttpCors). */
function isHeadersKey(key: string): boolean {
  return (decodePercent(key, true) ?? key).trim().toLowerCase() === '$httpheaders';
}

/** `service` null: the path says it. */
interface Host {
  readonly service: string | null;
}

/** What pages in browsers are given: the same services. */
const CONTENT = /^content-(.+)$/;
const REGION = /^(?:[a-z]+-[a-z]+\d+|us|eu|asia)-(.+)$/;

function parseHost(host: string): Host | null {
  if (!host.endsWith('.googleapis.com')) {
    return null;
  }
  const labels = host.slice(0, -'.googleapis.com'.length).split('.');
  const [first = '', second, third] = labels;
  if (first === 'www' && second === undefined) {
    return { service: null };
  }
  // Private Service Connect: `SERVICE-ENDPOINT.p.googleapis.com`.
  if (second === 'p' && third === undefined) {
    return { service: knownBefore(first) ?? first };
  }
  if (second === undefined || (second === 'mtls' && third === undefined) || (third === 'rep' && labels.length === 3)) {
    const inner = REGION.exec(first)?.[1] ?? CONTENT.exec(first)?.[1];
    return { service: findService(first) === null && inner !== undefined ? inner : first };
  }
  // `BUCKET.storage.googleapis.com`, and whatever else: the service is told, its calls are not known.
  return { service: labels.at(-1) ?? '' };
}

/** The longest known service that the label begins with, before a `-`. */
function knownBefore(label: string): string | null {
  const words = label.split('-').slice(0, MAX_WORDS);
  const names = words.map((_, index) => words.slice(0, index + 1).join('-')).toReversed();
  return names.find((name) => findService(name) !== null) ?? null;
}

const MAX_WORDS = 8;

interface Call {
  readonly service: string;
  readonly version: string;
  /** Behind the version. */
  readonly segments: readonly string[];
  /** Under one of the prefixes for uploads. */
  readonly isUpload: boolean;
}

const VERSION = /^(?:v\d+\w*|beta|alpha)$/;
/** First segments of old paths that name the service otherwise. */
const ALIASES: Readonly<Record<string, string>> = { sql: 'sqladmin' };

/** Null: the path is not one of the service's. */
function callOf({ service: named }: Host, whole: readonly string[]): Call | null {
  const media =
    whole[0] === 'resumable' && whole[1] === 'upload' ? 2 : whole[0] === 'upload' || whole[0] === 'download' ? 1 : 0;
  const segments = whole.slice(media);
  const at = segments.slice(0, 3).findIndex((segment) => VERSION.test(segment));
  const version = segments[at];
  if (version === undefined) {
    return null;
  }
  const [before = ''] = segments;
  const byPath = at === 1 ? (ALIASES[before] ?? before) : null;
  const service = named ?? byPath;
  // Knative paths of Cloud Run begin with `api` and `apis/GROUP`.
  const knative = service === 'run' && ((at === 1 && before === 'api') || (at === 2 && before === 'apis'));
  const fits = at === 0 ? named !== null : knative || (at === 1 && byPath === service);
  const isUpload = media > 0 && whole[0] !== 'download';
  return service !== null && fits ? { service, version, segments: segments.slice(at + 1), isUpload } : null;
}

function segmentsOf(canonical: CanonicalTarget): readonly string[] | null {
  const { segments } = canonical;
  if (segments instanceof Unknown) {
    return null;
  }
  return segments.at(-1) === '' ? segments.slice(0, -1) : segments;
}

/** Object names of Cloud Storage hold escaped slashes, which are data there: that path is read from its raw form. */
function storageSegments({ rawPath }: HttpRequest): readonly string[] | null {
  const raw = rawPath.split('/').slice(1);
  const at = raw.indexOf('o');
  const isObject = /^\/(?:(?:resumable\/)?upload\/|download\/)?storage\/v1\/b\/[^/%]+\/o\/[^/]+/.test(rawPath);
  if (!isObject || at === -1) {
    return null;
  }
  const decoded: string[] = [];
  for (const segment of raw) {
    try {
      decoded.push(decodeURIComponent(segment));
    } catch {
      return null;
    }
  }
  return raw.some((segment) => segment === '' || segment === '.' || segment === '..') ? null : decoded;
}

interface Parts {
  readonly body: BodyReading;
  readonly canonical: CanonicalTarget;
}

function readCall(host: Host, request: HttpRequest, { body, canonical }: Parts): ProviderReading {
  const segments = segmentsOf(canonical) ?? (host.service === 'storage' ? storageSegments(request) : null);
  if (segments === null) {
    const unknown = new Unknown('ambiguous');
    const names = ['gcp.method', 'gcp.version', 'gcp.known', 'gcp.project', 'gcp.location', 'gcp.name', 'gcp.resource'];
    const facts = {
      'gcp.service': host.service ?? unknown,
      ...Object.fromEntries(names.map((name) => [name, unknown])),
    };
    return readingOf(unknown, facts, unknownCall(request.method));
  }
  if (segments[0] === 'batch') {
    return readBatch(request, body, { 'gcp.service': segments[1] ?? host.service ?? '', 'gcp.known': true });
  }
  const call = callOf(host, segments);
  if (call === null) {
    const facts = { 'gcp.service': host.service ?? '', 'gcp.known': false, 'gcp.resource': segments.join('/') };
    const method = `${host.service ?? 'www'}.${request.method.toLowerCase()}`;
    return readingOf(`gcp:${method}`, { ...facts, 'gcp.method': method }, unknownCall(request.method));
  }
  return nameCall(call, request, { body, canonical });
}

function nameCall(call: Call, request: HttpRequest, { body, canonical }: Parts): ProviderReading {
  const service = findService(call.service);
  const { segments, verb } = withoutVerb(call.segments, service?.verbs ?? true);
  // HEAD is GET without the answer's body.
  const asked = request.method === 'HEAD' ? 'GET' : request.method;
  // Each piece of an upload is a PUT to where its POST went, with the id that the server gave out then.
  const named = call.isUpload && asked === 'PUT' && goesOn(canonical) ? 'POST' : asked;
  const match = service?.templates.find(named, segments, verb) ?? null;
  const base: FactRecord = {
    'gcp.service': call.service,
    'gcp.version': call.version,
    'gcp.known': match !== null,
    ...placeFacts(segments, match),
  };
  if (service === null || match === null) {
    const collections = segments.filter((_, index) => index % 2 === 0);
    const method = [call.service, ...collections, verb === '' ? request.method.toLowerCase() : verb].join('.');
    return readingOf(`gcp:${method}`, { ...base, 'gcp.method': method }, unknownCall(request.method));
  }
  const method = `${service.prefix}.${match.name}`;
  const by = QUERIES.includes(method) ? judgeQuery(method, request, body) : judgeMethod(method, asked);
  return readingOf(`gcp:${method}`, { ...base, 'gcp.method': method }, by);
}

function goesOn({ query }: CanonicalTarget): boolean {
  const ids = query instanceof Unknown ? [] : (query.get('upload_id') ?? []);
  return ids.length === 1 && ids[0] !== '';
}

function withoutVerb(
  segments: readonly string[],
  verbs: boolean,
): { readonly segments: readonly string[]; readonly verb: string } {
  const last = segments.at(-1) ?? '';
  const colon = verbs ? last.lastIndexOf(':') : -1;
  return colon === -1
    ? { segments, verb: '' }
    : { segments: [...segments.slice(0, -1), last.slice(0, colon)], verb: last.slice(colon + 1) };
}

/** Project and place stand behind their collections, whatever the call; the name is the last value of the template. */
function placeFacts(segments: readonly string[], match: TemplateMatch | null): FactRecord {
  const behind = (names: readonly string[]): string => {
    const at = segments.findIndex((segment, index) => index % 2 === 0 && names.includes(segment));
    return at === -1 ? '' : (segments[at + 1] ?? '');
  };
  const last = match?.values.at(-1);
  const place = behind(['zones', 'regions', 'locations']);
  return {
    'gcp.project': behind(['projects']),
    'gcp.location': place === '' && segments[2] === 'global' ? 'global' : place,
    'gcp.name': match === null ? (segments.at(-1) ?? '') : last === undefined ? '' : segments.slice(...last).join('/'),
    'gcp.resource': segments.slice(0, last === undefined ? segments.length : last[1]).join('/'),
  };
}

const SECRET =
  /^(?:secretmanager\..*\.access|iamcredentials\..*|iam\..*serviceAccounts\.keys\.(?:create|upload)|.*\.(?:signBlob|signJwt|generateAccessToken|generateIdToken)|cloudkms\..*\.(?:\w*[dD]ecrypt|decapsulate|asymmetricSign|macSign)|sql\.\w+\.generateEphemeralCert|sql\.sslCerts\.\w*(?:insert|createEphemeral)|cloudfunctions\..*\.generateDownloadUrl|storage\.projects\.hmacKeys\.create)$/;
const RUNNING =
  /^(?:cloudfunctions\..*\.call|sql\.instances\.(?:executeSql|import)|spanner\..*\.(?:executeSql|executeStreamingSql|executeBatchDml|updateDdl)|run\..*\.jobs\.run)$/;
const READING =
  /^(?:get|list|aggregatedList|search|testIamPermissions|batchGet|lookup|query(?:Grantable)?|count|fetch)(?:[A-Z]\w*)?$/;
const DELETING = /^(?:delete|destroy|undelete|purge|remove|abandon|truncate|detach|drop)(?:[A-Z]\w*)?$/;
const ADMIN =
  /^(?:setIamPolicy|setIamPermissions|setMetadata|setCommonInstanceMetadata|setServiceAccount|set\w*Policy|clear\w*Policy|disable\w*)$/;

/** The tiers of the fact reference, 7.9. */
function judgeMethod(method: string, asked: string): Judged {
  const parts = method.split('.');
  const verb = parts.at(-1) ?? '';
  if (SECRET.test(method)) {
    return REVEALS;
  }
  if (RUNNING.test(method)) {
    return RUNS;
  }
  if (ADMIN.test(verb)) {
    return ADMINISTERS;
  }
  if (asked === 'GET' || READING.test(verb) || /\.operations\.wait$|Operations\.wait$|\.entries\.list$/.test(method)) {
    return READS;
  }
  if (asked === 'DELETE' || DELETING.test(verb)) {
    return DELETES;
  }
  // A project itself, and who pays for it: `projects.*`, `billing.*`.
  const onProject = parts.at(-2) === 'projects' && parts.length === 3;
  return onProject || parts[0] === 'cloudbilling' ? ADMINISTERS : WRITES;
}

/** Calls whose body is a program: SQL that is not judged here. */
const QUERIES: readonly string[] = ['bigquery.jobs.insert', 'bigquery.jobs.query'];

function isQuery(call: Call | null): boolean {
  return call?.service === 'bigquery' && /^(?:jobs|queries)$/.test(call.segments.at(-1) ?? '');
}

function judgeQuery(method: string, request: HttpRequest, body: BodyReading): Judged {
  return isDryRun(method, request, body) ? READS : RUNS;
}

/** True only where no reader of that body could take it otherwise: the name once, and in no second spelling. */
function isDryRun(method: string, request: HttpRequest, body: BodyReading): boolean {
  const { json } = contentOf(request, body);
  const holder = method === 'bigquery.jobs.insert' ? fieldOf(json, 'configuration') : json;
  const spellings = typeof holder === 'object' && holder !== null ? Object.keys(holder).filter(isDryRunName) : [];
  return spellings.length === 1 && fieldOf(holder, 'dryRun') === true;
}

/** Google's servers take a field's name in both spellings. */
function isDryRunName(name: string): boolean {
  return /^dry_?run$/i.test(name);
}

function fieldOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, name)
    ? Reflect.get(value, name)
    : undefined;
}
