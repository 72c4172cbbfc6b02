# Reading from ClickHouse, and nothing else. Include it from a configuration that has an endpoint "clickhouse_https" "analytics", or copy it
# and change the name and type (clickhouse_native is judged the same):
#
#   include = ["policies/clickhouse-readonly.hcl"]
#
# `risk` is what the gateway makes of a statement: safe when it only reads tables of this server, with functions that are known, and with
# settings that tighten limits or say how answers look. Table functions that reach files, programs or other hosts (file, executable, url,
# s3, remote, mysql …), functions in no list (name them in `trusted_functions`), sleeps, looser limits and whatever cannot be read completely
# are not safe. A view is judged as the name that it is: what it reads, it reads with its owner's choice.
schema_version = 1

rule "clickhouse-read-only" {
  endpoint  = clickhouse_https.analytics
  condition = "risk == 'safe' && sql.verb in ['select', 'show', 'describe', 'exists', 'explain', 'check', 'use', 'set']"
  verdict   = "allow"
}

# A text without a statement, which drivers send to see whether the server is there.
rule "clickhouse-empty" {
  endpoint  = clickhouse_https.analytics
  condition = "risk == 'safe' && sql.verb == 'other' && sql.statements == 0"
  verdict   = "allow"
}

rule "clickhouse-nothing-else" {
  endpoint = clickhouse_https.analytics
  verdict  = "deny"
  priority = -100
  reason   = "only reading is allowed on this database"
}
