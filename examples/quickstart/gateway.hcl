# The quickstart: one PostgreSQL database with the gateway in front of it. `npm start` runs this folder as it is.
schema_version = 1

gateway {
  dashboard_listen = "127.0.0.1:18080"
  metrics_listen   = "127.0.0.1:19464"

  limits {
    connections = 200
  }
}

# The database that agents may work on. Agents connect to `listen`; only the gateway connects to `host`.
endpoint "postgres" "shop" {
  description = "the shop's production database"
  host        = "127.0.0.1:25432"
  sslmode     = "disable" # it is on this machine; elsewhere write "verify-full" and ca_cert
  listen      = "127.0.0.1:15432"
}

# The role that the gateway logs in with, whatever the agent said. Its password is in the gateway's environment
# (CLAWPATROL_SECRET_SHOP), never in this file and never with the agent.
credential "postgres_credential" "shop" {
  endpoint = postgres.shop
  user     = "agent"
}

# What agents of this profile may wield.
profile "responder" {
  description = "answers alerts about the shop"
  credentials = [postgres_credential.shop]
}

# Whoever is on call, with `clawpatrol approvals approve`.
approver "human_approver" "oncall" {
  timeout = "10m"
}
