// Every protocol that this version serves, by the label of its endpoint type.
import { systemClock } from '../lib/clock.ts';
import { createPostgresAnalyser } from './postgres/facts.ts';
import { createPostgres } from './postgres/index.ts';
import type { Protocol } from './protocol.ts';

// The grammar is WebAssembly, which loads asynchronously; whoever imports this file gets analysers that are ready.
const analyser = await createPostgresAnalyser({ clock: systemClock });

export const protocols: ReadonlyMap<string, Protocol> = new Map([
  ['postgres', createPostgres({ analyser, clock: systemClock })],
]);
