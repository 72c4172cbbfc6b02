# The examples of the configuration reference, in one file.
schema_version = 1

defaults {
  unmatched       = "risk"     # no rule matched: the risk tier decides
  unknown_host    = "deny"
  unknown_private = "deny"     # when unknown_host = "passthrough": private space stays shut
}

risk "safe"        { verdict = "allow" }
risk "suspicious"  { approve = [llm_approver.reviewer] }
risk "destructive" {
  approve = [llm_approver.reviewer, human_approver.oncall]
  reason  = "destroys data or hands out power"
}

endpoint "postgres" "pg" {
  host    = "pg.internal.example:5432"
  sslmode = "verify-full"
  ca_cert = "<<file:pg-ca.pem>>"
  listen  = "127.0.0.1:15432"
  profile = "default"
}

gateway {
  dashboard_listen = "127.0.0.1:8080"
  enroll_listen    = "0.0.0.0:8444"
  metrics_listen   = "127.0.0.1:9464"
  public_url       = "https://clawpatrol.example.com/"
  store {
    sqlite { path = "clawpatrol.db" }
  }
  audit {
    durability = "standard"
    retention  = "2160h"
    checkpoint {
      key     = "{{secret:file:/etc/clawpatrol/audit.key}}"
      publish = "/var/log/clawpatrol/checkpoints.jsonl"
    }
  }
}

credential "postgres_credential" "pg" {
  endpoint = postgres.pg
  user     = "agent_ro"
  secret {
    command = ["op", "read", "op://prod/pg-agent/password"]
    ttl     = "15m"
  }
}
endpoint "kubernetes" "prod" {
  hosts = ["k8s.example.com:6443"]
}
credential "mtls_credential" "k8s" {
  endpoint = kubernetes.prod
  secret "cert" { file = "/etc/clawpatrol/k8s.crt" }
  secret "key"  { file = "/etc/clawpatrol/k8s.key" }
}
endpoint "https" "github" {
  hosts = ["api.github.com", "*.githubusercontent.com"]
}
credential "bearer_token" "github" {
  endpoint = https.github
  secret { store = "github-agent" }        # or: secret { env = "GH_AGENT_PAT" }
}

approver "llm_approver" "reviewer" {
  provider  = "openai_compatible"
  model     = "qwen3-235b"
  base_url  = "http://127.0.0.1:11434/v1"
  policy    = "<<file:review-policy.md>>"
  timeout   = "20s"
  cache_ttl = "5m"
  on_error  = "escalate"
  escalate_to           = human_approver.oncall
  different_family_from = ["agent", llm_approver.second]
}
approver "llm_approver" "second" {
  model      = "gpt-5"
  credential = bearer_token.openai
}
credential "bearer_token" "openai" {}

approver "human_approver" "oncall" {
  notifiers            = [slack.ops, pagerduty.primary]
  approvers            = ["alice", "*@example.com", "slack:U02ABCDEF"]
  require_approvers    = 2
  timeout              = "10m"
  on_timeout           = "escalate"
  escalate_to          = human_approver.leads
  separation_of_duties = true
  grant { max_duration = "15m" }
}
approver "human_approver" "leads" {}

credential "slack_tokens" "bot" {}
notifier "slack" "ops" {
  credential  = slack_tokens.bot
  channel     = "#agent-approvals"
  interactive = true
}
notifier "webhook" "bus" {
  url    = "https://hooks.example.com/clawpatrol"
  secret = "{{secret:HOOK_SECRET}}"
}
notifier "pagerduty" "primary" { routing_key = "{{secret:file:/run/secrets/pd}}" }

credential "header_token" "pagerduty" {
  header = "Authorization"
  prefix = "Token token="
}
context "pagerduty" "oncall" {
  credential = header_token.pagerduty
  services   = ["PABC123"]
  select     = "declared"
  timeout    = "3s"
}
profile "responder" {
  credentials  = [postgres_credential.pg, mtls_credential.k8s]
  context      = pagerduty.oncall
  agent_family = "anthropic"
}
profile "default" {
  credentials  = [postgres_credential.pg, bearer_token.github]
  agent_family = "anthropic"
}

grant {
  max_duration = "30m"
  max_uses     = 20
  scopes       = ["exact", "shape"]
  max_risk     = "suspicious"
}

rule "no-passwords" {
  endpoint  = postgres.pg
  condition = "sql.statement.matches('(?i)\\\\bpassword\\\\b')"
  verdict   = "deny"
  reason    = "credentials stay where they are"
}
