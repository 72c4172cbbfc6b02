// Every protocol that this version serves, by the label of its endpoint type.
import { systemClock } from '../lib/clock.ts';
import { createKubernetesAnalyser } from './kubernetes/facts.ts';
import { createKubernetes } from './kubernetes/index.ts';
import { createClickHouseAnalyser } from './clickhouse/facts.ts';
import { createClickHouseHttps, createClickHouseNative } from './clickhouse/index.ts';
import { createHttpAnalyser, httpNeedsBody } from './http/analyser.ts';
import { httpFacts } from './http/facts.ts';
import { standardInjector } from './http/injector.ts';
import { providers } from './http/providers/all.ts';
import { createHttps } from './https/index.ts';
import { createPostgresAnalyser } from './postgres/facts.ts';
import { createPostgres } from './postgres/index.ts';
import type { Protocol } from './protocol.ts';
import { createShellReader } from './shell/reader.ts';
import { createSshAnalyser } from './ssh/facts.ts';
import { createSsh } from './ssh/index.ts';

// The grammars are WebAssembly, which loads asynchronously; whoever imports this file gets analysers that are ready.
const analyser = await createPostgresAnalyser({ clock: systemClock });
const shell = await createShellReader();

const clickhouse = createClickHouseAnalyser();

const http = { analyser: createHttpAnalyser({ providers }), injector: standardInjector };

export const protocols: ReadonlyMap<string, Protocol> = new Map([
  ['https', createHttps({ name: 'https', ...http })],
  ['openai_codex_https', createHttps({ name: 'openai_codex_https', ...http })],
  [
    'kubernetes',
    createKubernetes({
      analyser: createKubernetesAnalyser({ httpFacts, httpNeedsBody, shell }),
      injector: standardInjector,
      clock: systemClock,
    }),
  ],
  ['clickhouse_native', createClickHouseNative({ analyser: clickhouse })],
  ['clickhouse_https', createClickHouseHttps({ analyser: clickhouse })],
  ['postgres', createPostgres({ analyser, clock: systemClock })],
  ['ssh', createSsh({ analyser: createSshAnalyser({ shell }) })],
]);
