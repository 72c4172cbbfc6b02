// What this folder hands out: the Protocol value for endpoints of type `ssh`.
import type { EndpointConfig } from '../../config/config.ts';
import type { ActionSample, AnalysedSample, Protocol } from '../protocol.ts';
import { sshFacts } from './facts.ts';
import type { SshAnalyser } from './facts.ts';
import { sampleRequest } from './sample.ts';
import { serveSsh } from './serve.ts';

/** SSH over an analysis of its requests. */
export function createSsh({ analyser }: { readonly analyser: SshAnalyser }): Protocol {
  return {
    name: 'ssh',
    facts: sshFacts(),
    serve: (connection, context) => serveSsh(connection, context, analyser),
    analyse: (sample, endpoint) => analyseSample(analyser, sample, endpoint),
  };
}

function analyseSample(analyser: SshAnalyser, sample: ActionSample, endpoint: EndpointConfig): AnalysedSample {
  const { units, summary, evidence, refused } = analyser.analyse(sampleRequest(sample, endpoint), endpoint);
  return { units, summary, evidence, refused };
}
