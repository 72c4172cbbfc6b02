# Analytics in ClickHouse for agents: they read what is no personal data, load into a scratch database, and ask before anything is deleted.
schema_version = 1

gateway {
  dashboard_listen = "off"
}

# The same server over both of its protocols. Agents connect to `listen` with any login; only the gateway knows the real one.
endpoint "clickhouse_native" "analytics" {
  description = "the analytics cluster, for clickhouse-client and native drivers"
  hosts       = ["clickhouse.internal.example"]
  tls         = true
  listen      = "127.0.0.1:19000"
}

endpoint "clickhouse_https" "analytics-http" {
  description = "the same, for HTTP clients"
  hosts       = ["clickhouse.internal.example:8443"]
  listen      = "127.0.0.1:18123"
}

# The password is in the gateway's environment (CLAWPATROL_SECRET_ANALYTICS), never in this file and never with the agent.
credential "clickhouse_credential" "analytics" {
  endpoints = [clickhouse_native.analytics, clickhouse_https.analytics-http]
  user      = "agents"
}

profile "analyst" {
  description = "answers questions about usage"
  credentials = [clickhouse_credential.analytics]
}

approver "human_approver" "data-team" {
  timeout = "15m"
}

rule "no-personal-data" {
  endpoints = [clickhouse_native.analytics, clickhouse_https.analytics-http]
  priority  = 100
  condition = "sql.tables.exists(t, t in ['users', 'emails', 'crm.users', 'crm.emails'])"
  verdict   = "deny"
  reason    = "Tables with personal data are not for agents"
}

# file, url, s3, remote, mysql and their like: data would leave the cluster, or come from anywhere.
rule "no-way-out" {
  endpoints = [clickhouse_native.analytics, clickhouse_https.analytics-http]
  priority  = 90
  condition = "sql.effects.exists(e, e in ['network', 'file', 'exec', 'server'])"
  verdict   = "deny"
  reason    = "Queries stay within the cluster"
}

# A statement that may use more than the profile of the user grants is for people to start.
rule "no-looser-limits" {
  endpoints = [clickhouse_native.analytics, clickhouse_https.analytics-http]
  priority  = 80
  condition = "['max_memory_usage', 'max_execution_time', 'max_rows_to_read', 'readonly'].exists(s, s in sql.settings)"
  verdict   = "deny"
  reason    = "Limits are set by the data team"
}

rule "load-into-scratch" {
  endpoints = [clickhouse_native.analytics, clickhouse_https.analytics-http]
  condition = "sql.verb == 'insert' && !sql.is_opaque && sql.writes.size() > 0 && sql.writes.all(t, t.startsWith('scratch.') || sql.writes.exists(f, f == 'scratch.' + t))"
  verdict   = "allow"
}

rule "deletes-are-asked" {
  endpoints = [clickhouse_native.analytics, clickhouse_https.analytics-http]
  condition = "sql.verb in ['alter', 'delete', 'drop', 'truncate']"
  approve   = [human_approver.data-team]
  reason    = "what is deleted here is gone on every replica"
}

risk "safe" {
  verdict = "allow"
}

risk "suspicious" {
  approve = [human_approver.data-team]
}

risk "destructive" {
  verdict = "deny"
  reason  = "not something that an analyst's agent does"
}
