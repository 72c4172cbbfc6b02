// What a called function or table function can do (fact reference 7.7).
import type { Risk } from '../../../rules/action.ts';
import { AGGREGATES, AGGREGATES_ANY_CASE, FUNCTIONS, FUNCTIONS_ANY_CASE } from './function-names.ts';

export interface Call {
  /** Entry of `sql.function_effects`. */
  readonly class: string;
  readonly tier: Risk;
  /** Entries of `sql.effects`. */
  readonly effects: readonly string[];
  /** For a person: what a call does. */
  readonly why: string;
  /** It may do what cannot be seen. */
  readonly opaque?: 'unknown_function' | 'dynamic_sql';
}

function words(text: string): ReadonlySet<string> {
  return new Set(text.split(' ').filter((word) => word !== ''));
}

const functions = words(FUNCTIONS);
const functionsAnyCase = words(FUNCTIONS_ANY_CASE);
const aggregates = words(AGGREGATES);
const aggregatesAnyCase = words(AGGREGATES_ANY_CASE);

const COMBINATORS =
  'SimpleState|OrDefault|Distinct|Resample|ForEach|ArgMax|ArgMin|OrNull|Tuple|Merge|State|Array|Null|Map|If'.split('|');
const MAX_COMBINATORS = 6;

/** Name of an aggregate function without its combinators, or null when it is none. */
export function aggregateBase(name: string): string | null {
  let base = name;
  for (let taken = 0; taken <= MAX_COMBINATORS; taken += 1) {
    if (aggregates.has(base) || aggregatesAnyCase.has(base.toLowerCase())) {
      return base;
    }
    const suffix = COMBINATORS.find((combinator) => base.endsWith(combinator) && base.length > combinator.length);
    if (suffix === undefined) {
      return null;
    }
    base = base.slice(0, -suffix.length);
  }
  return null;
}

const SAFE: Call = { class: 'safe', tier: 'safe', effects: [], why: '' };
const UNKNOWN: Call = {
  class: 'unknown',
  tier: 'destructive',
  effects: ['opaque'],
  why: 'which is in no list of known functions',
  opaque: 'unknown_function',
};

/** By lower-case name: what the server brings with it and is not harmless. */
const SPECIAL: ReadonlyMap<string, Call> = new Map([
  ...rows('file', { class: 'file', tier: 'destructive', effects: ['file'], why: 'which reads files of the server' }),
  ...rows('catboostevaluate modelevaluate', {
    class: 'file',
    tier: 'destructive',
    effects: ['file', 'exec'],
    why: 'which loads a model from a file of the server',
  }),
  ...rows(
    'reversednsquery aiclassify aiembed aiextract aifilter aigenerate airedact aisimilarity aitranslate aigeneratecontent aigeneratetext',
    { class: 'network', tier: 'destructive', effects: ['network'], why: 'which reaches other hosts' },
  ),
  ...rows('getclienthttpheader', {
    class: 'server',
    tier: 'destructive',
    effects: ['server'],
    why: 'which shows what the gateway sent with the query',
  }),
  ...rows('sleep sleepeachrow', {
    class: 'sleep',
    tier: 'suspicious',
    effects: [],
    why: 'which holds a thread of the server',
  }),
  ...rows('generateserialid logtrace', {
    class: 'write',
    tier: 'suspicious',
    effects: ['write'],
    why: 'which writes on the server',
  }),
  ...rows('addresstoline addresstolinewithinlines addresstosymbol demangle', {
    class: 'server',
    tier: 'suspicious',
    effects: ['read'],
    why: 'which looks into the server process',
  }),
]);

function rows(names: string, call: Call): (readonly [string, Call])[] {
  return names.split(' ').map((name) => [name, call]);
}

/** Judges a function by its name as written; `hasColumnInTable` with a host is the caller's. */
export function judgeFunction(name: string, trusted: ReadonlySet<string>): Call {
  const lower = name.toLowerCase();
  const special = SPECIAL.get(lower);
  if (special !== undefined) {
    return special;
  }
  if (functions.has(name) || functionsAnyCase.has(lower) || aggregateBase(name) !== null || trusted.has(lower)) {
    return SAFE;
  }
  return UNKNOWN;
}

const HIGHER_ORDER = words(
  'arraymap arrayfilter arrayfill arrayreversefill arraysplit arrayreversesplit arrayexists arrayall arraycount arrayfirst arraylast ' +
    'arrayfirstornull arraylastornull arrayfirstindex arraylastindex arraymin arraymax arraysum arrayavg arrayproduct arraycumsum ' +
    'arraycumsumnonnegative arraycompact arraydifference arraysort arrayreversesort arraypartialsort arraypartialreversesort arraytopk ' +
    'arraybottomk arrayfold mapapply mapfilter mapall mapexists mapsort mapreversesort mappartialsort mappartialreversesort',
);

/** Whether the first of several arguments is called: a lambda, or a function by its bare name. */
export function isHigherOrder(name: string): boolean {
  return HIGHER_ORDER.has(name.toLowerCase());
}

/** Whether every server has a function of that name that is not harmless. */
export function isDangerous(name: string): boolean {
  return SPECIAL.has(name.toLowerCase());
}

export function remoteCall(): Call {
  return { class: 'network', tier: 'destructive', effects: ['network'], why: 'which reaches other hosts' };
}

const GENERATORS =
  'numbers numbers_mt zeros zeros_mt primes generateseries generate_series generaterandom values null format input fuzzjson fuzzquery ' +
  'sqlstandardvalues one';
const LOCAL =
  'merge view viewifpermitted viewexplain dictionary loop mergetreeindex mergetreeparts mergetreeprojection mergetreetextindex ' +
  'mergetreeanalyzeindex mergetreeanalyzeindexes mergetreeanalyzeindexesuuid mergetreecodecblockcounts timeseriesdata timeseriestags ' +
  'timeseriesmetrics timeseriesmetricfamilies timeseriessamples timeseriesselector prometheusquery prometheusqueryrange vectorsearch ' +
  'currentgrants cluster clusterallreplicas';
const FILES =
  'file filecluster filesystem directory sqlite duckdb lance iceberglocal iceberglocalcluster deltalakelocal hudilocal paimonlocal catboostpool';
const NETWORK =
  'url urlcluster remote remotesecure s3 s3cluster gcs oss cosn azureblobstorage azureblobstoragecluster hdfs hdfscluster mysql ' +
  'postgresql mongodb redis odbc jdbc arrowflight bigquery ytsaurus meilisearch cassandra ydb shardbyhash';
const NETWORK_FAMILIES = /^(hive|hudi|deltalake|iceberg|paimon)[a-z0-9]*$/;

const tableCalls: ReadonlyMap<string, Call> = new Map([
  ...rows(GENERATORS, SAFE),
  ...rows(LOCAL, { ...SAFE, effects: ['read'] }),
  ...rows(FILES, { class: 'file', tier: 'destructive', effects: ['file'], why: 'which reaches files of the server' }),
  ...rows(NETWORK, remoteCall()),
  ...rows('executable python', {
    class: 'exec',
    tier: 'destructive',
    effects: ['exec', 'opaque'],
    why: 'which runs a program on the server',
    opaque: 'dynamic_sql',
  }),
  ...rows('eval', {
    class: 'dynamic_sql',
    tier: 'destructive',
    effects: ['opaque'],
    why: 'which runs a query given as text',
    opaque: 'dynamic_sql',
  }),
]);

/** Judges a table function. */
export function judgeTableFunction(name: string, trusted: ReadonlySet<string>): Call {
  const lower = name.toLowerCase();
  const known = tableCalls.get(lower);
  if (known !== undefined) {
    return known;
  }
  return NETWORK_FAMILIES.test(lower) ? remoteCall() : trusted.has(lower) ? { ...SAFE, effects: ['read'] } : UNKNOWN;
}

/** Whether a name is a table function that every server knows as one. */
export function isTableFunction(name: string): boolean {
  const lower = name.toLowerCase();
  return tableCalls.has(lower) || NETWORK_FAMILIES.test(lower);
}
