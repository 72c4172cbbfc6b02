# An agent answers a PagerDuty incident on a production database. `node examples/incident-response/run.mjs` plays it with stand-ins on this
# machine; what differs for a real one is said where it stands.
schema_version = 1

gateway {
  dashboard_listen = "127.0.0.1:18090"

  # Where PagerDuty's webhook subscription sends events: PUBLIC_URL/api/context/oncall/events. For a real one, an address of yours with TLS.
  public_url = "http://127.0.0.1:18090"

  # Agents reach http://clawpatrol.internal through it, and say there which incident they work on.
  proxy {
    listen  = "127.0.0.1:18091"
    profile = "responder"
  }
}

endpoint "postgres" "shop" {
  description = "the shop's production database"
  host        = "127.0.0.1:25433"
  sslmode     = "disable" # it is on this machine; elsewhere write "verify-full" and ca_cert
  listen      = "127.0.0.1:15433"
}

# Its password is in the gateway's environment (CLAWPATROL_SECRET_SHOP), never with the agent.
credential "postgres_credential" "shop" {
  endpoint = postgres.shop
  user     = "agent"
}

# PagerDuty's REST key (CLAWPATROL_SECRET_PAGERDUTY): the gateway looks incidents up with it. No agent holds it.
credential "header_token" "pagerduty" {
  header = "Authorization"
  prefix = "Token token="
}

# What an incident is: told by signed webhooks as it happens, and looked up when an agent names one. Nobody is asked to approve anything for
# an agent that has named none.
context "pagerduty" "oncall" {
  credential     = header_token.pagerduty
  signing_secret = "{{secret:PD_SIGNING_SECRET}}"
  services       = ["PSHOPDB"]
  fields         = ["title", "urgency", "service", "body", "assignees", "notes"]
  required       = true
  base_url       = "http://127.0.0.1:18092" # the stand-in; leave it out for PagerDuty itself
}

profile "responder" {
  description  = "answers incidents of the shop"
  credentials  = [postgres_credential.shop]
  context      = pagerduty.oncall
  agent_family = "anthropic"
}

# A model of another family than the agent's looks first; people decide what destroys.
approver "llm_approver" "reviewer" {
  provider              = "openai_compatible"
  model                 = "qwen3-235b"
  base_url              = "http://127.0.0.1:18093/v1" # the stand-in; a local model's address, say
  different_family_from = ["agent"]
  on_error              = "escalate"
}

approver "human_approver" "oncall" {
  timeout = "10m"
}
