// What this folder hands out: the Protocol value for endpoints of type `https`, and for types that are served like it.
import type { HttpAnalyser, HttpFlavour } from '../http/flavour.ts';
import type { Injector } from '../http/injector.ts';
import type { Protocol } from '../protocol.ts';
import { refuseHttps } from './denial.ts';
import { httpsFacts } from './facts.ts';
import { analyseHttpSample } from './sample.ts';
import { serveHttps } from './serve.ts';
import { createWebSocketSession } from './session.ts';

export interface HttpsParts {
  /** Label of the endpoint type. */
  readonly name: string;
  readonly analyser: HttpAnalyser;
  readonly injector: Injector;
}

/** HTTP APIs over an analysis of their requests. */
export function createHttps({ name, analyser, injector }: HttpsParts): Protocol {
  const flavour: HttpFlavour = {
    family: 'http',
    analyser,
    refuse: refuseHttps,
    upgrades: ['websocket'],
    upgraded: createWebSocketSession,
  };
  return {
    name,
    facts: httpsFacts(),
    serve: (connection, context) => serveHttps(connection, context, { flavour, injector }),
    analyse: (sample, endpoint) => analyseHttpSample(analyser, sample, endpoint),
  };
}
