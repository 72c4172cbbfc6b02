// What this folder hands out: the Protocol values for endpoints of the types `clickhouse_native` and `clickhouse_https`.
import type { EndpointConfig } from '../../config/config.ts';
import { GatewayError } from '../../lib/errors.ts';
import type { ActionSample, AnalysedSample, Protocol } from '../protocol.ts';
import { sqlSchema } from '../sql/facts.ts';
import { QueryEvidence } from './evidence.ts';
import type { ClickHouseAnalyser, ClickHouseContext } from './analysis/context.ts';
import { createClickHouseHttp } from './flavour.ts';
import { clickHouseOptions } from './options.ts';
import { serveClickHouseHttp, serveClickHouseNative } from './serve.ts';

export interface ClickHouseParts {
  readonly analyser: ClickHouseAnalyser;
}

/** ClickHouse's native protocol over an analysis of its SQL. */
export function createClickHouseNative({ analyser }: ClickHouseParts): Protocol {
  return {
    name: 'clickhouse_native',
    facts: sqlSchema(),
    serve: (connection, context) => serveClickHouseNative(connection, context, analyser),
    analyse: (sample, endpoint) => analyseSample(analyser, sample, { endpoint, over: 'native' }),
  };
}

/** ClickHouse's HTTP interface over the same analysis. */
export function createClickHouseHttps({ analyser }: ClickHouseParts): Protocol {
  const parts = createClickHouseHttp(analyser);
  return {
    name: 'clickhouse_https',
    facts: sqlSchema(),
    serve: (connection, context) => serveClickHouseHttp(connection, context, parts),
    analyse: (sample, endpoint) => analyseSample(analyser, sample, { endpoint, over: 'http' }),
  };
}

/** As large as `limits.body_buffer` may sensibly be: a described statement is cut only where it says so. */
const MAX_SAMPLE_BYTES = 16 * 1024 * 1024;

async function analyseSample(
  analyser: ClickHouseAnalyser,
  sample: ActionSample,
  { endpoint, over }: { readonly endpoint: EndpointConfig; readonly over: ClickHouseContext['interface'] },
): Promise<AnalysedSample> {
  const { statement, database } = sample.fields;
  if (typeof statement !== 'string') {
    throw new GatewayError('CLIENT_PROTOCOL', 'operator', 'sql.statement must be given');
  }
  const bytes = Buffer.from(statement, 'utf8');
  const options = clickHouseOptions(endpoint, sample.truncated ? -1 : MAX_SAMPLE_BYTES);
  const text = await analyser.analyse(bytes, options);
  const context: ClickHouseContext = {
    database: typeof database === 'string' ? database : '',
    user: '',
    role: null,
    interface: over,
    settings: new Map(),
    parameters: new Map(),
    externalTables: [],
    temporaryTables: [],
    sessionSettings: new Map(),
  };
  const { units, summary, refused } = analyser.bind(text, context, options);
  return {
    units,
    evidence: new QueryEvidence({ text: statement, extras: [], bytes: [bytes], complete: !sample.truncated }),
    summary,
    refused,
  };
}
