// The form of a request with its constants taken out: what two requests have in common that a grant of scope `shape` covers. Made of recorded
// facts, so that a live action and a record of the log are read in the same way. Pure. When in doubt there is no form: then only the same
// bytes can be granted.
import { createHash } from 'node:crypto';
import { MASKED } from '../rules/header-name.ts';

export type Shape =
  | { readonly kind: 'shape'; readonly key: string; readonly sentence: string }
  | { readonly kind: 'none'; readonly why: string };

type Json = string | number | boolean | null | readonly Json[] | JsonObject;
interface JsonObject {
  readonly [key: string]: Json;
}

/** One unit's facts by full name; what is neutral or absent is undefined. */
type Read = (name: string) => Json | undefined;

type UnitShape =
  | { readonly parts: readonly (Json | undefined)[]; readonly sentence: string }
  | { readonly why: string };

const MAX_UNITS = 20;

/** The form of a request whose facts are recorded as `factsJson` (rules/facts.ts). */
export function shapeOf(factsJson: string, family: string): Shape {
  const units = readUnits(factsJson);
  if (units === null) {
    return none('its facts cannot be read');
  }
  if (units.length === 0 || units.length > MAX_UNITS) {
    return none('it has too many parts');
  }
  const shapes: { readonly parts: readonly (Json | undefined)[]; readonly sentence: string }[] = [];
  for (const unit of units) {
    const shape = unitShape(unit, family);
    if ('why' in shape) {
      return none(shape.why);
    }
    shapes.push(shape);
  }
  const text = stableText([family, ...shapes.map(({ parts }) => parts.map((part) => part ?? null))]);
  if (text.includes(MASKED)) {
    return none('what it is told apart by is masked');
  }
  const sentence = [...new Set(shapes.map((shape) => shape.sentence))].join('; then ');
  return { kind: 'shape', key: createHash('sha256').update(text).digest('hex'), sentence };
}

function none(why: string): Shape {
  return { kind: 'none', why };
}

function unitShape(unit: JsonObject, family: string): UnitShape {
  if (unit['cut'] === true) {
    return { why: 'its facts are too long to be compared' };
  }
  const unknown = new Set(listOf(unit['unknown']));
  const read: Read = (name) => {
    const dot = name.indexOf('.');
    const group = dot < 0 ? unit : unit[name.slice(0, dot)];
    return isObject(group) ? group[name.slice(dot + 1)] : undefined;
  };
  const make = SHAPES[family];
  if (make === undefined) {
    return { why: `requests of family ${family} have no form` };
  }
  const needed = FACTS[family] ?? [];
  const missing = needed.find((name) => unknown.has(name));
  if (missing !== undefined) {
    return { why: `${missing} is not known` };
  }
  return make(read, needed.map(read));
}

/** Facts that must be equal, by family. What is not here may differ. */
const HTTP_FACTS: readonly string[] = [
  'http.host',
  'http.port',
  'http.scheme',
  'http.method',
  'http.effective_method',
  'http.kind',
  'http.content_type',
  'http.content_encoding',
  'http.upgrade',
  'http.action',
  'http.action_class',
  'graphql.type',
  'graphql.name',
  'graphql.paths',
  'rpc.methods',
  'mcp.method',
  'mcp.tool',
  'mcp.arguments',
  'mcp.uri',
  'mcp.prompt',
  'gcp.service',
  'gcp.method',
  'gcp.project',
  'gcp.location',
  'aws.service',
  'aws.region',
  'aws.action',
  'github.owner',
  'github.repo',
  'github.action',
  'git.operation',
  'git.repo',
  'git.refs',
  'git.options',
];

const FACTS: Readonly<Record<string, readonly string[]>> = {
  sql: [
    'sql.verb',
    'sql.verbs',
    'sql.context',
    'sql.fingerprint',
    'sql.tables',
    'sql.writes',
    'sql.columns',
    'sql.write_columns',
    'sql.functions',
    'sql.object',
    'sql.objects',
    'sql.cascade',
    'sql.roles',
    'sql.settings',
    'sql.copy_direction',
    'sql.copy_channel',
    'sql.copy_program',
    'sql.copy_file',
    'sql.table_functions',
    'sql.outfile',
    'sql.infile',
    'sql.cluster',
    'sql.database',
    'sql.user',
    'sql.role',
    'sql.has_where',
    'sql.bounded',
    'sql.predicates',
    'sql.predicates_complete',
    'sql.is_opaque',
    'sql.effects',
    'sql.reads',
    'sql.row_limit',
    'sql.locking',
  ],
  k8s: [
    ...HTTP_FACTS.filter((name) => /^http\.(?:host|port|scheme|method)$/.test(name)),
    'k8s.verb',
    'k8s.api_verb',
    'k8s.group',
    'k8s.version',
    'k8s.resource',
    'k8s.namespace',
    'k8s.all_namespaces',
    'k8s.is_collection',
    'k8s.dry_run',
    'k8s.field_selector',
    'k8s.label_selector',
    'k8s.force',
    'k8s.grace_period',
    'k8s.propagation',
    'k8s.command',
    'k8s.container',
    'k8s.stdin',
    'k8s.tty',
    'k8s.ports',
    'k8s.proxy_path',
    'k8s.patch_type',
    'k8s.changed',
    'k8s.kind',
    'k8s.images',
    'k8s.privileged',
    'k8s.host_path',
    'k8s.host_namespaces',
    'k8s.capabilities',
    'k8s.service_account',
    'k8s.secret_refs',
    'k8s.config_refs',
    'k8s.replicas',
    'k8s.rbac_verbs',
    'k8s.rbac_resources',
    'k8s.role_ref',
    'k8s.subjects',
    'k8s.webhook_urls',
  ],
  http: HTTP_FACTS,
  ssh: [
    'ssh.verb',
    'ssh.subsystem',
    'ssh.user',
    'ssh.host',
    'ssh.stdin',
    'ssh.env',
    'ssh.pty',
    'ssh.sudo',
    'ssh.argv',
    'ssh.is_simple',
    'ssh.is_opaque',
    'ssh.redirects',
    'ssh.forward_host',
    'ssh.forward_port',
    'ssh.sftp_op',
    'ssh.sftp_target',
  ],
};

const SHAPES: Readonly<Record<string, (read: Read, equal: readonly (Json | undefined)[]) => UnitShape>> = {
  sql: sqlShape,
  k8s: k8sShape,
  http: httpShape,
  ssh: sshShape,
};

/** Comparisons of which any value is covered: each picks out what it names and nothing more. */
const PICKING = new Set(['=', 'in']);
/** A column of these is a switch: the other value means half of the table, not another row. */
const SWITCHES = new Set(['true', 'false']);
/** Statements whose constants are values of rows. In all others a constant may be code, a bound or an option. */
const ROW_VERBS = new Set(['select', 'insert', 'update', 'delete', 'merge']);
const PARAMETER = /\$\d/;

/** Why another constant of this statement could do something else than the same to another row, or null. */
function findMeantConstant(read: Read): string | null {
  const effects = listOf(read('sql.function_effects'));
  const calls = listOf(read('sql.functions')).length > 0;
  const rows = ROW_VERBS.has(textOf(read('sql.verb')));
  if (rows && calls && (effects.length === 0 || effects.some((effect) => effect !== 'safe'))) {
    return 'it calls a function, to which another constant could mean anything';
  }
  if (listOf(read('sql.table_functions')).length > 0) {
    return 'it reads or writes through a table function, to which another constant could mean anything';
  }
  if (
    textOf(read('sql.verb')) === 'insert' &&
    listOf(read('sql.reads')).length > 0 &&
    itemsOf(read('sql.predicates')).length === 0
  ) {
    return 'it takes rows out of a table, and another constant could take more of them';
  }
  const statement = textOf(read('sql.statement'));
  return !rows && (statement === '' || PARAMETER.test(statement))
    ? 'its parameters are no values of rows, so others could do something else'
    : null;
}

/**
 * A statement's fingerprint (all constants taken out), its tables, and its conditions. A constant that a column must be equal to may be another;
 * one that bounds a range stays, since another one would touch more rows.
 */
function sqlShape(read: Read, equal: readonly (Json | undefined)[]): UnitShape {
  const verb = textOf(read('sql.verb'));
  if (read('sql.is_opaque') === true || read('sql.fingerprint') === undefined) {
    return { why: 'what the statement does cannot be told by its form' };
  }
  const filtered = read('sql.has_where') === true;
  const meant = findMeantConstant(read);
  if (meant !== null) {
    return { why: meant };
  }
  const changes = ['update', 'delete', 'merge'].some((word) => listOf(read('sql.verbs')).includes(word));
  if (changes && (!filtered || read('sql.bounded') !== true)) {
    return { why: 'it changes rows without a bound' };
  }
  if (filtered && changes && read('sql.predicates_complete') !== true) {
    return { why: 'its WHERE is more than plain comparisons, so another constant could mean other rows' };
  }
  const predicates = itemsOf(read('sql.predicates')).flatMap((one) => (isObject(one) ? [one] : []));
  const bounds = predicates.map((one) => {
    const { table = '', column = '', op = '', kind = '' } = one;
    const free = isFree(one);
    return [table, column, op, kind, free ? itemsOf(one['values']).length : (one['value'] ?? null)];
  });
  const where = predicates.map((one) => {
    const name = `${textOf(one['column'])} ${textOf(one['op'])}`;
    return isFree(one) ? `${name} any value` : `${name} ${textOf(one['value'])}`;
  });
  const tables = listOf(read('sql.writes')).concat(listOf(read('sql.tables')));
  const [table = 'no table'] = tables.toSorted((a, b) => b.length - a.length);
  const condition = where.length === 0 ? '' : ` where ${where.join(' and ')}`;
  const values = ['insert', 'update'].includes(verb) ? ', whatever values are written' : '';
  const many = verb === 'insert' ? ' and however many rows' : '';
  // The fingerprint has no constants, so a statement in which they are more than values is covered as it is written.
  const text = ROW_VERBS.has(verb) ? null : textOf(read('sql.statement'));
  const as = text === null ? 'the statement as written, with other constants' : 'exactly the statement as written';
  const index = (FACTS['sql'] ?? []).indexOf('sql.predicates');
  return {
    parts: [...equal.with(index, bounds), text],
    sentence: `${verb} on ${table}${condition}${values}${many} (${as})`,
  };
}

function isFree({ op = '', value = '' }: JsonObject): boolean {
  return PICKING.has(textOf(op)) && !SWITCHES.has(textOf(value).toLowerCase());
}

/** Verb, resource and namespace, and everything of the object that says what it may do; its name and the rest of it may differ. */
function k8sShape(read: Read, equal: readonly (Json | undefined)[]): UnitShape {
  if (read('k8s.is_collection') === true && !['list', 'watch'].includes(textOf(read('k8s.verb')))) {
    return { why: 'it changes a whole collection' };
  }
  const namespace = textOf(read('k8s.namespace'));
  const where = namespace === '' ? 'of the cluster' : `in namespace ${namespace}`;
  const command = listOf(read('k8s.command'));
  const changed = listOf(read('k8s.changed'));
  const what = [
    command.length === 0 ? '' : `, command ${command.join(' ')}`,
    changed.length === 0 ? '' : `, changing ${changed.join(', ')}`,
  ].join('');
  return {
    parts: equal,
    sentence: `${textOf(read('k8s.verb'))} ${textOf(read('k8s.resource'))} ${where}, whatever its name${what}`,
  };
}

/** Method, host and the path with its ids taken out; the same parameters, of which ids may differ, and a body of the same fields. */
function httpShape(read: Read, equal: readonly (Json | undefined)[]): UnitShape {
  const path = read('http.path');
  if (typeof path !== 'string') {
    return { why: 'http.path is not known' };
  }
  const template = path.split('/').map(templateOf).join('/');
  const asked = read('http.query');
  const query = isObject(asked) ? Object.entries(asked).map(queryOf).toSorted() : [];
  const json = read('http.body_json');
  const size = read('http.body_size');
  const form = read('http.form');
  const empty = size === undefined || size === 0;
  // A body of which nothing is known but its bytes is covered only as it is.
  const body = empty ? '' : json !== undefined ? fieldsOf(json) : isObject(form) ? Object.keys(form).toSorted() : null;
  if (body === null && read('http.body_sha256') === undefined) {
    return { why: 'its body has no form' };
  }
  const graphql = textOf(read('graphql.type'));
  const document = graphql === '' || !isObject(json) ? null : (json['query'] ?? null);
  const method = textOf(read('http.method')).toUpperCase();
  const named = query.length === 0 ? '' : ` with ${query.join(', ')}`;
  const sent = empty ? '' : body === null ? ', with the same body' : ', whatever values stand in its body';
  return {
    parts: [...equal, template, query, body ?? read('http.body_sha256') ?? null, document],
    sentence: `${method} ${textOf(read('http.host'))}${template}${named}${sent}`,
  };
}

/** The program with its options and operands; numbers, dates and ids among the operands may differ. */
function sshShape(read: Read, equal: readonly (Json | undefined)[]): UnitShape {
  const argv = listOf(read('ssh.argv'));
  if (textOf(read('ssh.verb')) !== 'exec' || read('ssh.is_simple') !== true || argv.length === 0) {
    return { why: 'only one plain command has a form' };
  }
  if (read('ssh.is_opaque') === true) {
    return { why: 'what the command does cannot be told by its form' };
  }
  const template = argv.map((word, index) => (index === 0 || word.startsWith('-') ? word : templateOf(word)));
  const index = (FACTS['ssh'] ?? []).indexOf('ssh.argv');
  return { parts: equal.with(index, template), sentence: `${template.join(' ')} as ${textOf(read('ssh.user'))}` };
}

/** A parameter as `name=value`: a filter, a switch or a scope is part of the form, an id is one of many. */
function queryOf([name, value]: readonly [string, Json]): string {
  const values = Array.isArray(value) ? listOf(value) : [textOf(value)];
  return values
    .map(templateOf)
    .map((one) => `${encodeURIComponent(name)}=${one === '*' ? one : encodeURIComponent(one)}`)
    .join('&');
}

const ID =
  /^(?:\d+|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|\d{4}-\d\d-\d\d|(?=[0-9a-f]*\d)[0-9a-f]{8,64})$/i;

/** `*` for what names one of many: a number, a UUID, a date, a hash. A word that is a star itself gets a backslash: it may mean all of them. */
function templateOf(word: string): string {
  return ID.test(word) ? '*' : /^\\*\*$/.test(word) ? `\\${word}` : word;
}

/** The names and kinds of the values of a JSON body, without the values; equal elements of a list count once. */
function fieldsOf(value: Json): Json {
  if (Array.isArray(value)) {
    const items: readonly Json[] = value;
    return [...new Set(items.map((item) => stableText(fieldsOf(item))))].toSorted();
  }
  if (isObject(value)) {
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, fieldsOf(item)]));
  }
  // A switch is no value among many.
  return typeof value === 'boolean' || value === null ? value : typeof value;
}

function readUnits(factsJson: string): readonly JsonObject[] | null {
  let facts: Json;
  try {
    facts = JSON.parse(factsJson);
  } catch {
    return null;
  }
  if (!isObject(facts) || facts['cut'] === true) {
    return null;
  }
  const units = facts['units'];
  return Array.isArray(units) ? units.filter(isObject) : [facts];
}

/** JSON text that does not hang on the order of keys. */
function stableText(value: Json): string {
  return JSON.stringify(value, (_, item: Json) =>
    isObject(item) ? Object.fromEntries(Object.entries(item).toSorted(([a], [b]) => (a < b ? -1 : 1))) : item,
  );
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function itemsOf(value: Json | undefined): readonly Json[] {
  return Array.isArray(value) ? value : [];
}

function listOf(value: Json | undefined): readonly string[] {
  return itemsOf(value).flatMap((item) => (typeof item === 'string' ? [item] : []));
}

function textOf(value: Json | undefined): string {
  return typeof value === 'string' ? value : '';
}
