// What this folder hands out: the Protocol value for endpoints of type `kubernetes`.
import type { EndpointConfig } from '../../config/config.ts';
import type { Clock } from '../../lib/clock.ts';
import { GatewayError } from '../../lib/errors.ts';
import { factSchemas } from '../../rules/schemas.ts';
import type { FactSchema } from '../../rules/fact-schema.ts';
import { Unknown } from '../../rules/action.ts';
import type { Unit } from '../../rules/action.ts';
import { HttpEvidence } from '../http/action.ts';
import type { HttpAnalyser, HttpFlavour } from '../http/flavour.ts';
import type { Injector } from '../http/injector.ts';
import type { ActionSample, AnalysedSample, Protocol } from '../protocol.ts';
import { measureKubernetes } from './connect.ts';
import { refuseKubernetes } from './denial.ts';
import { portUnit } from './facts.ts';
import { sampleRequest } from './sample.ts';
import { serveKubernetes } from './serve.ts';
import { createUpgradeSession } from './session.ts';

export interface KubernetesParts {
  readonly analyser: HttpAnalyser;
  readonly injector: Injector;
  readonly clock: Clock;
}

/** The Kubernetes API over an analysis of its requests. */
export function createKubernetes({ analyser, injector, clock }: KubernetesParts): Protocol {
  const flavour: HttpFlavour = {
    family: 'k8s',
    analyser,
    refuse: refuseKubernetes,
    upgrades: ['websocket', 'spdy/3.1'],
    upgraded: (request, response, parts) =>
      createUpgradeSession(request, response, {
        ...parts,
        portUnit: (port) => {
          const { units } = analyser.analyse(request, { kind: 'whole', bytes: Buffer.alloc(0) }, parts.state);
          const [unit] = units;
          if (unit === undefined) {
            throw new GatewayError('INTERNAL', 'gateway', 'a request without a unit');
          }
          return portUnit(unit, port);
        },
      }),
  };
  return {
    name: 'kubernetes',
    facts: k8sFacts(),
    serve: (connection, context) => serveKubernetes(connection, context, { flavour, injector }),
    analyse: (sample, endpoint) => analyseSample(analyser, sample, endpoint),
    measure: (action, context) => measureKubernetes(action, context, { clock, injector }),
  };
}

function k8sFacts(): FactSchema {
  const schema = factSchemas.get('k8s');
  if (schema === undefined) {
    throw new GatewayError('INTERNAL', 'gateway', 'there is no fact schema of the family k8s');
  }
  return schema;
}

function analyseSample(analyser: HttpAnalyser, sample: ActionSample, endpoint: EndpointConfig): AnalysedSample {
  const { request, body, groupUnknown } = sampleRequest(sample, endpoint);
  const { units, summary, refused } = analyser.analyse(request, body, { config: endpoint, hasCredential: true });
  for (const unit of units) {
    checkStated(unit, sample);
  }
  return {
    units: groupUnknown ? units.map(withoutGroup) : units,
    evidence: new HttpEvidence(request, body),
    summary,
    refused,
  };
}

/** Facts that a sample states beside method and path must be those that the live code derives. */
function checkStated(unit: Unit, { fields }: ActionSample): void {
  for (const key of ['verb', 'resource', 'namespace', 'name']) {
    const stated = fields[key];
    const derived = unit.facts.get(`k8s.${key}`);
    const meant = key === 'namespace' && fields['resource'] === 'namespaces' ? derived : stated;
    if (typeof meant === 'string' && typeof derived === 'string' && meant.toLowerCase() !== derived.toLowerCase()) {
      throw new GatewayError(
        'CLIENT_PROTOCOL',
        'operator',
        `action.k8s.${key} says "${meant}", and the request gives "${derived}": leave it out or correct it`,
      );
    }
  }
}

/** A plural alone does not say which group it is of. */
function withoutGroup(unit: Unit): Unit {
  const hidden = new Set(['k8s.group', 'k8s.version', 'http.path', 'http.raw_path', 'http.segments']);
  return {
    ...unit,
    facts: { get: (name) => (hidden.has(name) ? new Unknown('unresolved') : unit.facts.get(name)) },
  };
}
