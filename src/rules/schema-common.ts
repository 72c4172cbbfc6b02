// Facts that every family has (fact reference, section 2). `risk` and `risk_causes` come with the unit, the rest is
// added by the evaluator from the action, the policy's endpoint and the moment of the decision.
import type { FactDefinition } from './fact-schema.ts';
import { INT, STRING, STRING_MAP, STRINGS, TIMESTAMP, facts } from './schema-parts.ts';

const unit = facts('shape', 'gateway');
const agent = facts('connection', 'gateway');
const profile = facts('shape', 'gateway');
const endpoint = facts('shape', 'operators');
const time = facts('volatile', 'gateway');
const said = facts('volatile', 'agent');
const outside = facts('volatile', 'upstream');

export const COMMON_FACTS: readonly FactDefinition[] = [
  unit.closed('risk', STRING, 'safe|suspicious|destructive', 'tier of this unit, everything nested in it included'),
  unit.open('risk_causes', STRINGS, 'codes behind the tier, for example unbounded_delete; [] for safe'),
  agent.plain('agent.device', STRING, 'enrolled device name; from the transport, never from a header'),
  // A rule set is made per profile, so within one set the profile is as constant as the endpoint.
  profile.plain('agent.profile', STRING, 'profile of the device at this moment'),
  agent.plain('agent.run', STRING, 'id of the `clawpatrol run` the flow belongs to; "" for a whole-host enrolment'),
  agent.plain('agent.user', STRING, 'person or service account that owns the device; "" for a direct listener'),
  agent.plain('agent.ip', STRING, 'source address, canonical text; IPv4-mapped IPv6 is written as IPv4'),
  agent.closed(
    'agent.transport',
    STRING,
    'direct|wireguard|tailscale|proxy',
    'how the flow arrived; proxy: `clawpatrol run --mode proxy`',
  ),
  endpoint.plain('endpoint.name', STRING, 'name of the endpoint block'),
  endpoint.plain('endpoint.type', STRING, 'type label of the endpoint block'),
  endpoint.plain('endpoint.host', STRING, 'upstream host that is dialled, canonical'),
  time.plain('time.now', TIMESTAMP, 'gateway clock, sampled once per decision'),
  time.plain('time.hour', INT, 'hour of the day in gateway.timezone, 0 to 23'),
  time.plain('time.minute', INT, 'minute of the hour in gateway.timezone'),
  time.closed('time.weekday', STRING, 'mon|tue|wed|thu|fri|sat|sun', 'day of the week in gateway.timezone'),
  time.plain('time.date', STRING, 'YYYY-MM-DD in gateway.timezone'),
  said.plain('context.incident', STRING, 'id of the incident that the run named, checked to be open; "" when none'),
  outside.plain('context.alert', STRING_MAP, 'fields of the incident as text; written by outsiders'),
  said.plain('context.reason', STRING, "the agent's own words; never a ground for allowing"),
];
