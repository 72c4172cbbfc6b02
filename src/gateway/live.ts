// What is in force: one configuration with its compiled rules, indexed for the daemon. A reload makes a new one and swaps it as a
// whole, so that no reader ever sees half of two. Pure.
import type { ApproverConfig, Config, EndpointConfig, ProfileConfig, Ref, RuleConfig } from '../config/config.ts';
import { placeholdersOf } from '../credentials/dispatch.ts';
import type { Policy } from '../rules/decision.ts';

export interface Live {
  readonly config: Config;
  readonly policy: Policy;
  readonly endpoints: ReadonlyMap<Ref, EndpointConfig>;
  readonly profiles: ReadonlyMap<string, ProfileConfig>;
  readonly approvers: ReadonlyMap<Ref, ApproverConfig>;
  readonly rules: ReadonlyMap<string, RuleConfig>;
  /** Texts that stand for secrets and must never reach an upstream. */
  readonly placeholders: readonly string[];
  /** True when the profile exists, the endpoint exists, and a credential of the profile is bound to it. */
  reaches(profile: string, endpoint: Ref): boolean;
}

/** Indexes a checked configuration and its policy. */
export function createLive(config: Config, policy: Policy): Live {
  const credentials = new Map(config.credentials.map((credential) => [credential.ref, credential]));
  const reached = new Set<string>();
  for (const profile of config.profiles) {
    for (const entry of profile.credentials) {
      for (const endpoint of credentials.get(entry.credential)?.endpoints ?? []) {
        reached.add(pair(profile.name, endpoint));
      }
    }
  }
  const endpoints = new Map(config.endpoints.map((endpoint) => [endpoint.ref, endpoint]));
  return {
    config,
    policy,
    endpoints,
    profiles: new Map(config.profiles.map((profile) => [profile.name, profile])),
    approvers: new Map(config.approvers.map((approver) => [approver.ref, approver])),
    placeholders: placeholdersOf(config),
    rules: new Map(config.rules.map((rule) => [rule.name, rule])),
    reaches: (profile, endpoint) => endpoints.has(endpoint) && reached.has(pair(profile, endpoint)),
  };
}

function pair(profile: string, endpoint: Ref): string {
  return `${profile}\n${endpoint}`;
}
