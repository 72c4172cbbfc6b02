// Every protocol that this version serves, by the label of its endpoint type.
import { systemClock } from '../lib/clock.ts';
import { createKubernetesAnalyser } from './kubernetes/facts.ts';
import { httpFacts } from './kubernetes/http-facts.ts';
import { createKubernetes } from './kubernetes/index.ts';
import { standardInjector } from './http/injector.ts';
import { createPostgresAnalyser } from './postgres/facts.ts';
import { createPostgres } from './postgres/index.ts';
import type { Protocol } from './protocol.ts';

// The grammar is WebAssembly, which loads asynchronously; whoever imports this file gets analysers that are ready.
const analyser = await createPostgresAnalyser({ clock: systemClock });

export const protocols: ReadonlyMap<string, Protocol> = new Map([
  [
    'kubernetes',
    createKubernetes({
      analyser: createKubernetesAnalyser({ httpFacts, httpNeedsBody: () => false }),
      injector: standardInjector,
    }),
  ],
  ['postgres', createPostgres({ analyser, clock: systemClock })],
]);
