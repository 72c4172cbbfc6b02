// One statement or query as the gate judges it, whatever dialect it is in.
import type { Clock } from '../../lib/clock.ts';
import { uuidv7 } from '../../lib/ids.ts';
import { traceOfSql } from '../../lib/trace.ts';
import type { Action, Agent, Endpoint, Evidence, Risk, SessionId, Unit } from '../../rules/action.ts';

/** What all actions of a connection have in common. */
export interface Origin {
  readonly session: SessionId;
  readonly agent: Agent;
  readonly endpoint: Endpoint;
  /** Typed reference of the dispatched credential, or null. */
  readonly credential: string | null;
  readonly clock: Clock;
}

/** What an analysis of any dialect says of a text. */
export interface Judged {
  readonly units: readonly Unit[];
  readonly risk: Risk;
  /** One line for a person. */
  readonly summary: string;
  /** Refused whatever rules say, or null. */
  readonly refused: string | null;
  /** See Action.memo. */
  readonly memo: object | null;
}

/** One statement to be judged. */
export class SqlAction implements Action {
  readonly id: string;
  readonly session: SessionId;
  readonly agent: Agent;
  readonly endpoint: Endpoint;
  readonly family = 'sql';
  readonly credential: string | null;
  readonly risk: Risk;
  readonly evidence: Evidence;
  readonly phase: 'prepare' | 'execute';
  readonly refused: string | null;
  readonly memo: object | null;
  readonly #judged: Judged;

  /** `refused` overrides what the analysis says: the protocol itself does not let it through. */
  constructor(
    origin: Origin,
    judged: Judged,
    evidence: Evidence,
    { phase, refused }: { readonly phase: 'prepare' | 'execute'; readonly refused: string | null },
  ) {
    this.id = uuidv7(origin.clock.now());
    this.session = origin.session;
    this.agent = origin.agent;
    this.endpoint = origin.endpoint;
    this.credential = origin.credential;
    this.risk = judged.risk;
    this.#judged = judged;
    this.evidence = evidence;
    this.phase = phase;
    this.refused = refused ?? judged.refused;
    this.memo = judged.memo;
  }

  /** Made when first asked for: a remembered verdict on a safe statement needs none. */
  get units(): readonly Unit[] {
    return this.#judged.units;
  }

  get summary(): string {
    return this.#judged.summary;
  }

  get trace(): string {
    return traceOfSql(this.evidence.text);
  }
}
