// What this folder hands out: the Protocol value for endpoints of type `postgres`.
import type { EndpointConfig } from '../../config/config.ts';
import type { Clock } from '../../lib/clock.ts';
import { GatewayError } from '../../lib/errors.ts';
import { DEFAULT_SEARCH_PATH, type ActionSample, type AnalysedSample, type Protocol } from '../protocol.ts';
import type { SqlAnalyser, SqlNames, SqlState } from '../sql/analysis.ts';
import { sqlSchema } from '../sql/facts.ts';
import { SqlEvidence } from './evidence.ts';
import { measurePostgres } from './connect.ts';
import { servePostgres, sqlOptions } from './serve.ts';

export interface PostgresParts {
  readonly analyser: SqlAnalyser;
  readonly clock: Clock;
}

/** The PostgreSQL protocol over an analysis of its SQL. */
export function createPostgres(parts: PostgresParts): Protocol {
  const { analyser, clock } = parts;
  return {
    name: 'postgres',
    facts: sqlSchema(),
    serve: (connection, context) => servePostgres(connection, context, analyser),
    analyse: (sample, endpoint) => analyseSample(analyser, sample, endpoint),
    measure: (action, context) => measurePostgres(action, context, clock),
  };
}

/** As large as `limits.body_buffer` may sensibly be: a described statement is cut only where it says so. */
const MAX_SAMPLE_BYTES = 16 * 1024 * 1024;

const NO_NAMES: SqlNames = { prepared: () => undefined, cursor: () => undefined };

/** Offline there is no connection: the path that the description gives or the default, no earlier statement, and no role. */
function sampleState(database: string, searchPath: readonly string[]): SqlState {
  return {
    database,
    user: '',
    role: null,
    resetRole: null,
    searchPath,
    schemas: null,
    gatewaySetRole: false,
    readable: true,
    serverMajor: 0,
    shadowedFunctions: null,
  };
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((one) => typeof one === 'string');
}

async function analyseSample(
  analyser: SqlAnalyser,
  sample: ActionSample,
  endpoint: EndpointConfig,
): Promise<AnalysedSample> {
  const { statement, database, search_path: path } = sample.fields;
  if (typeof statement !== 'string') {
    throw new GatewayError('CLIENT_PROTOCOL', 'operator', 'sql.statement must be given');
  }
  const bytes = Buffer.from(statement, 'utf8');
  const text = await analyser.analyse(bytes, sqlOptions(endpoint, sample.truncated ? -1 : MAX_SAMPLE_BYTES));
  const searchPath = isTexts(path) ? path : DEFAULT_SEARCH_PATH;
  const state = sampleState(typeof database === 'string' ? database : '', searchPath);
  const judgeable = analyser.bind(text, state, NO_NAMES, 'idle');
  return {
    units: judgeable.units,
    evidence: new SqlEvidence(statement, bytes, null, !sample.truncated),
    summary: judgeable.summary,
    refused: judgeable.refused ?? (bytes.includes(0) ? 'the text of a statement may not hold a NUL byte' : null),
  };
}
