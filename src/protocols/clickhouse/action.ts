// A query as the gate judges it: what the analysis made of it, who sent it, and the exact bytes behind it.
import { createHash } from 'node:crypto';
import type { Clock } from '../../lib/clock.ts';
import { uuidv7 } from '../../lib/ids.ts';
import type { Action, Agent, Endpoint, Evidence, Risk, SessionId, Unit } from '../../rules/action.ts';
import type { ClickHouseJudgeable } from './analysis/context.ts';

/** What all actions of a connection have in common. */
export interface Origin {
  readonly session: SessionId;
  readonly agent: Agent;
  readonly endpoint: Endpoint;
  /** Typed reference of the dispatched credential, or null. */
  readonly credential: string | null;
  readonly clock: Clock;
}

export interface EvidenceParts {
  readonly text: string;
  /** What the text comes with, for people: settings, parameters, temporary tables. */
  readonly extras: readonly string[];
  /** Everything that is forwarded on the strength of the verdict. */
  readonly bytes: readonly Buffer[];
  /** False where `text` is a prefix. */
  readonly complete: boolean;
}

/** The text of a query and what it comes with, as they will be forwarded. */
export class QueryEvidence implements Evidence {
  readonly text: string;
  readonly parameters: readonly string[];
  readonly complete: boolean;
  readonly sizeBytes: number;
  readonly #bytes: readonly Buffer[];
  #digest = '';

  constructor({ text, extras, bytes, complete }: EvidenceParts) {
    this.text = text;
    this.parameters = extras;
    this.complete = complete;
    this.sizeBytes = bytes.reduce((sum, part) => sum + part.length, 0);
    this.#bytes = bytes;
  }

  digest(): string {
    if (this.#digest === '') {
      const digest = createHash('sha256');
      for (const part of this.#bytes) {
        digest.update(part);
      }
      this.#digest = digest.digest('hex');
    }
    return this.#digest;
  }
}

/** One query to be judged. */
export class QueryAction implements Action {
  readonly id: string;
  readonly session: SessionId;
  readonly agent: Agent;
  readonly endpoint: Endpoint;
  readonly family = 'sql';
  readonly credential: string | null;
  readonly risk: Risk;
  readonly evidence: Evidence;
  readonly phase = 'execute';
  readonly refused: string | null;
  readonly memo: object | null;
  readonly #judgeable: ClickHouseJudgeable;

  /** `refused` overrides what the analysis says: the protocol itself does not let it through. */
  constructor(origin: Origin, judgeable: ClickHouseJudgeable, evidence: Evidence, refused: string | null) {
    this.id = uuidv7(origin.clock.now());
    this.session = origin.session;
    this.agent = origin.agent;
    this.endpoint = origin.endpoint;
    this.credential = origin.credential;
    this.risk = judgeable.risk;
    this.#judgeable = judgeable;
    this.evidence = evidence;
    this.refused = refused ?? judgeable.refused;
    this.memo = judgeable.memo;
  }

  get units(): readonly Unit[] {
    return this.#judgeable.units;
  }

  get summary(): string {
    return this.#judgeable.summary;
  }
}
