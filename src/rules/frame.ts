// The state of one evaluation: fact values read so far, macro variables, the budget, and what was read. One frame serves all
// conditions of a family; evaluation is synchronous, so a frame is never used twice at once.
import { Unknown } from './action.ts';
import type { Action, Unit, UnknownCause } from './action.ts';
import { Budget } from './cel-budget.ts';
import { valueOf } from './cel-values.ts';
import type { Result } from './cel-values.ts';
import { COMMON } from './common-facts.ts';
import type { Moment, Reader } from './common-facts.ts';
import type { CommonFacts, Decision } from './decision.ts';
import type { FactClass, FactSchema } from './fact-schema.ts';

/** A fact that some condition of the family can read. */
interface Slot {
  readonly name: string;
  readonly reach: number;
  readonly common: Reader | null;
}

/** How far a value reaches, as bits: a decision holds as long as the most fleeting fact that was read for it. */
const REACH: Readonly<Record<FactClass, number>> = { shape: 0, connection: 1, text: 2, volatile: 2 };
const HOLDS: readonly Decision['holds'][] = ['shape', 'connection', 'once', 'once'];

/** An Unknown that the condition at hand has met. */
export interface UnknownRead {
  readonly fact: string;
  readonly cause: UnknownCause;
}

export class Frame {
  readonly budget = new Budget();
  /** Values of macro variables by depth. */
  readonly variables: Result[] = [null, null, null, null];
  /** Unknown values that the condition at hand has read. */
  readonly unknowns: UnknownRead[] = [];
  readonly #schema: FactSchema;
  readonly #timezone: string;
  readonly #slots: Slot[] = [];
  readonly #slotOf = new Map<string, number>();
  readonly #values: Result[] = [];
  /** Generation in which a value was read; an older one means: not read for this unit. */
  readonly #readIn: number[] = [];
  #generation = 0;
  #reach = 0;
  #unit: Unit | null = null;
  #moment: Moment | null = null;

  constructor(schema: FactSchema, timezone: string) {
    this.#schema = schema;
    this.#timezone = timezone;
  }

  /** The slot of a fact; a fact has one slot however many conditions read it. */
  slot(name: string): number {
    const known = this.#slotOf.get(name);
    if (known !== undefined) {
      return known;
    }
    const slot = this.#slots.length;
    const factClass = this.#schema.facts.get(name)?.class ?? 'volatile';
    this.#slots.push({ name, reach: REACH[factClass], common: COMMON.get(name) ?? null });
    this.#values.push(null);
    this.#readIn.push(0);
    this.#slotOf.set(name, slot);
    return slot;
  }

  /** Begins a decision. */
  start(action: Action, common: CommonFacts): void {
    this.#moment = { action, common, timezone: this.#timezone };
    this.#reach = 0;
  }

  /** Begins a unit of it. */
  enter(unit: Unit): void {
    this.#unit = unit;
    this.#generation += 1;
  }

  /** Begins a condition. */
  begin(): void {
    this.budget.refill();
    this.unknowns.length = 0;
  }

  /** How long what was decided since `start` holds. */
  get holds(): Decision['holds'] {
    return HOLDS[this.#reach] ?? 'once';
  }

  read(slot: number): Result {
    if (this.#readIn[slot] === this.#generation) {
      const value = this.#values[slot] ?? null;
      return value instanceof Unknown ? this.note(slot, value) : value;
    }
    return this.#load(slot);
  }

  #load(slot: number): Result {
    const { name, reach, common } = this.#slots[slot] ?? NO_SLOT;
    this.#reach |= reach;
    let value: Result = null;
    if (common === null) {
      value = valueOf(this.#unit?.facts.get(name));
    } else if (this.#moment !== null && this.#unit !== null) {
      value = valueOf(common(this.#moment, this.#unit));
    }
    this.#values[slot] = value;
    this.#readIn[slot] = this.#generation;
    return value instanceof Unknown ? this.note(slot, value) : value;
  }

  /** Remembers that an Unknown was met in (a part of) a fact, and passes it on. */
  note(slot: number, unknown: Unknown): Unknown {
    const fact = this.#slots[slot]?.name ?? '';
    if (!this.unknowns.some((read) => read.fact === fact && read.cause === unknown.cause)) {
      this.unknowns.push({ fact, cause: unknown.cause });
    }
    return unknown;
  }
}

const NO_SLOT: Slot = { name: '', reach: 2, common: null };
