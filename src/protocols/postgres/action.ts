// A statement as the gate judges it: the analysis of its text, who sent it, and the exact bytes behind it.
import { hash } from 'node:crypto';
import type { Clock } from '../../lib/clock.ts';
import { uuidv7 } from '../../lib/ids.ts';
import type { Action, Agent, Endpoint, Evidence, Risk, SessionId, Unit } from '../../rules/action.ts';
import type { Judgeable, ParameterValue } from '../sql/analysis.ts';
import { readParameters } from './messages.ts';
import { decodeParameter } from './values.ts';

/** What all actions of a connection have in common. */
export interface Origin {
  readonly session: SessionId;
  readonly agent: Agent;
  readonly endpoint: Endpoint;
  /** Typed reference of the dispatched credential, or null. */
  readonly credential: string | null;
  readonly clock: Clock;
}

const SEPARATOR = Buffer.from([0]);
const NO_PARAMETERS: readonly (string | null)[] = [];

/** Parameters of one Bind, read when first asked for. */
export class BoundValues {
  /** Format codes and values as sent; null when the Bind was too long to be kept. */
  readonly raw: Buffer | null;
  readonly count: number;
  readonly #oids: readonly number[];
  #decoded: readonly ParameterValue[] | null = null;

  constructor(raw: Buffer | null, count: number, oids: readonly number[]) {
    this.raw = raw;
    this.count = count;
    this.#oids = oids;
  }

  get decoded(): readonly ParameterValue[] {
    if (this.#decoded === null) {
      const { raw, count } = this;
      this.#decoded =
        raw === null
          ? Array.from({ length: count }, (): ParameterValue => ({ kind: 'opaque' }))
          : readParameters(raw).map((parameter, index) => decodeParameter(parameter, this.#oids[index] ?? 0));
    }
    return this.#decoded;
  }

  /** For people and the record: text, null for SQL NULL, hexadecimal for what cannot be read. */
  get texts(): readonly (string | null)[] {
    return this.decoded.map((value, index) => {
      switch (value.kind) {
        case 'text':
          return value.text;
        case 'null':
          return null;
        case 'opaque':
          // Rare: what is sent in a format that the gateway does not read.
          return `\\x${this.#hexOf(index)}`;
      }
    });
  }

  #hexOf(index: number): string {
    const parameters = this.raw === null ? [] : readParameters(this.raw);
    return parameters[index]?.bytes?.toString('hex') ?? '';
  }
}

/** The text of a statement and its parameters, as they will be forwarded. */
export class SqlEvidence implements Evidence {
  readonly text: string;
  readonly complete: boolean;
  readonly sizeBytes: number;
  readonly #bytes: Buffer;
  readonly #values: BoundValues | null;
  #digest = '';

  /** `bytes`: the exact bytes that `text` was read from; the analysis leaves out a text that it did not read. */
  constructor(text: string, bytes: Buffer, values: BoundValues | null, complete: boolean) {
    this.text = text === '' && bytes.length > 0 ? bytes.toString('utf8') : text;
    this.#bytes = bytes;
    this.#values = values === null || values.count === 0 ? null : values;
    this.complete = complete && (this.#values === null || this.#values.raw !== null);
    this.sizeBytes = bytes.length + (this.#values?.raw?.length ?? 0);
  }

  get parameters(): readonly (string | null)[] {
    return this.#values === null ? NO_PARAMETERS : this.#values.texts;
  }

  digest(): string {
    if (this.#digest === '') {
      const raw = this.#values?.raw ?? null;
      // The one-shot form costs a third of a Hash object, and every statement has a digest.
      this.#digest = hash('sha256', raw === null ? this.#bytes : Buffer.concat([this.#bytes, SEPARATOR, raw]), 'hex');
    }
    return this.#digest;
  }
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
  readonly #judgeable: Judgeable;

  /** `refused` overrides what the analysis says: the protocol itself does not let it through. */
  constructor(
    origin: Origin,
    judgeable: Judgeable,
    evidence: Evidence,
    { phase, refused }: { readonly phase: 'prepare' | 'execute'; readonly refused: string | null },
  ) {
    this.id = uuidv7(origin.clock.now());
    this.session = origin.session;
    this.agent = origin.agent;
    this.endpoint = origin.endpoint;
    this.credential = origin.credential;
    this.risk = judgeable.risk;
    this.#judgeable = judgeable;
    this.evidence = evidence;
    this.phase = phase;
    this.refused = refused ?? judgeable.refused;
    this.memo = judgeable.memo;
  }

  /** Made when first asked for: a remembered verdict on a safe statement needs none. */
  get units(): readonly Unit[] {
    return this.#judgeable.units;
  }

  get summary(): string {
    return this.#judgeable.summary;
  }
}
