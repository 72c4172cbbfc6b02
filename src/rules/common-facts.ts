// Where the facts come from that no unit carries: the agent, the endpoint, the moment, the incident (fact reference, 2).
import { Unknown } from './action.ts';
import type { Action, Agent, Unit } from './action.ts';
import { Timestamp, civilIn } from './cel-time.ts';
import type { Civil } from './cel-time.ts';
import type { Element } from './cel-values.ts';
import type { CommonFacts } from './decision.ts';

/** Everything a common fact can be computed from. */
export interface Moment {
  readonly action: Action;
  readonly common: CommonFacts;
  readonly timezone: string;
}

/** Computes a fact's value. */
export type Reader = (moment: Moment, unit: Unit) => Element;

/** Fields of an incident as `context.alert` has them; each is present, "" where nothing is known. */
export const ALERT_FIELDS = ['title', 'urgency', 'service', 'body', 'assignees', 'notes', 'timeline'] as const;
export const NO_ALERT: ReadonlyMap<string, string> = new Map(ALERT_FIELDS.map((name) => [name, '']));

const UNAVAILABLE = new Unknown('unavailable');

const WEEKDAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] as const;

/** Known on the live path; offline (`explain`, `test`) only what was given. */
function ofAgent(key: keyof Agent): [string, Reader] {
  const name = `agent.${key}`;
  return [name, ({ action, common }) => (common.unknownFacts?.has(name) === true ? UNAVAILABLE : action.agent[key])];
}

function ofTime(read: (civil: Civil) => Element): Reader {
  return ({ common, timezone }) => {
    const civil = common.nowMs === null ? null : civilIn(Timestamp.ofMs(common.nowMs), timezone);
    return civil === null ? UNAVAILABLE : read(civil);
  };
}

function two(value: number): string {
  return String(value).padStart(2, '0');
}

function dateOf({ year, month, dayOfMonth }: Civil): string {
  return `${String(year).padStart(4, '0')}-${two(month)}-${two(dayOfMonth)}`;
}

/** Reader by fact name. */
export const COMMON: ReadonlyMap<string, Reader> = new Map<string, Reader>([
  ['risk', (_, unit) => unit.risk],
  ['risk_causes', (_, unit) => unit.riskCauses],
  ofAgent('device'),
  ofAgent('profile'),
  ofAgent('run'),
  ofAgent('user'),
  ofAgent('ip'),
  ofAgent('transport'),
  ['endpoint.name', ({ action }) => action.endpoint.name],
  ['endpoint.type', ({ action }) => action.endpoint.type],
  ['endpoint.host', ({ action }) => action.endpoint.host],
  ['time.now', ({ common }) => (common.nowMs === null ? UNAVAILABLE : Timestamp.ofMs(common.nowMs))],
  ['time.hour', ofTime((civil) => BigInt(civil.hour))],
  ['time.minute', ofTime((civil) => BigInt(civil.minute))],
  ['time.weekday', ofTime((civil) => WEEKDAYS[civil.dayOfWeek] ?? UNAVAILABLE)],
  ['time.date', ofTime(dateOf)],
  ['context.incident', ({ common }) => common.incident],
  ['context.alert', ({ common }) => common.alert],
  ['context.reason', ({ common }) => common.reason],
]);
