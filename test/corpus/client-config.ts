// One database behind three policies: tiers alone, a working agent's rules, and no way in without a person.

/** `strict`: no rules. `work`: writes allowed, drops denied with a reason, deletes asked for. */
export function clientConfig(upstreamPort: number, database: string): string {
  const endpoint = (name: string, unmatched: string): string => `
endpoint "postgres" "${name}" {
  host      = "127.0.0.1:${upstreamPort}"
  sslmode   = "disable"
  listen    = "127.0.0.1:0"
  profile   = "${name}"
  unmatched = "${unmatched}"
}
credential "postgres_credential" "${name}" {
  endpoint = postgres.${name}
  user     = "postgres"
  database = "${database}"
  secret { env = "PG_PASSWORD" }
}
profile "${name}" { credentials = [postgres_credential.${name}] }
`;
  return `schema_version = 1
gateway {
  dashboard_listen = "off"
  metrics_listen   = "127.0.0.1:0"
}
approver "human_approver" "oncall" { timeout = 60 }
${endpoint('strict', 'risk')}
${endpoint('work', 'allow')}
rule "no-drops" {
  endpoint  = postgres.work
  condition = "sql.verb in ['drop', 'truncate']"
  verdict   = "deny"
  reason    = "schema changes need a migration"
}
rule "ask-deletes" {
  endpoint  = postgres.work
  condition = "sql.verb == 'delete'"
  approve   = [human_approver.oncall]
  reason    = "someone looks at every delete"
}
`;
}
