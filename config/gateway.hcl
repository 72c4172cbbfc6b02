# A starting point for one Postgres database. Copy it to /etc/clawpatrol/gateway.hcl, change the host, and put the password of the
# database role that agents shall act as into the encrypted store:
#
#   clawpatrol validate /etc/clawpatrol/gateway.hcl
#   clawpatrol gateway /etc/clawpatrol/gateway.hcl
#   clawpatrol secrets set orders-agent
#
# Agents connect to 127.0.0.1:15432 with any password; the real one never leaves this machine.
schema_version = 1

gateway {
  metrics_listen = "127.0.0.1:9464"
}

endpoint "postgres" "orders" {
  description = "the orders database, primary"
  host        = "pg.internal.example:5432"
  sslmode     = "verify-full"
  listen      = "127.0.0.1:15432"
}

credential "postgres_credential" "orders-agent" {
  endpoint = postgres.orders
  user     = "agent"
}

profile "responders" {
  description = "agents that answer alerts"
  credentials = [postgres_credential.orders-agent]
}

# Reads are allowed and writes wait for a person: that is what the risk tiers mean without a risk block. Rules come before the tiers.

rule "no-customer-secrets" {
  endpoint  = postgres.orders
  condition = "sql.tables.exists(t, t in ['api_keys', 'password_resets'])"
  verdict   = "deny"
  priority  = 100
  reason    = "these tables hold secrets; ask the owning team"
}

rule "no-drops" {
  endpoint  = postgres.orders
  condition = "sql.verb in ['drop', 'truncate']"
  verdict   = "deny"
  priority  = 90
  reason    = "schema changes and truncation go through a migration"
}
