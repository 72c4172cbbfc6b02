# A configuration as it was written for the published grammar: several upstreams, one team, people on Slack.
schema_version = 1

gateway {
  dashboard_listen      = "127.0.0.1:8080"
  public_url            = "https://clawpatrol.corp.example"
  state_dir             = "/var/lib/clawpatrol"
  dashboard_session_ttl = "12h"
  log_path              = "/var/log/clawpatrol/gateway.log"
  session_keep          = "720h"
  actions_keep          = "2160h"

  limits {
    body_buffer  = "1MiB"
    body_storage = "4KiB"
  }

  wireguard {
    subnet_cidr = "10.77.0.0/16"
    listen_port = 51820
    endpoint    = "gw.corp.example:51820"
  }
}

defaults {
  unknown_host     = "deny"
  llm_fail_mode    = "closed"
  llm_cache_ttl    = 300
  human_timeout    = 600
  human_on_timeout = "deny"
}

# --- Postgres -----------------------------------------------------------------

endpoint "postgres" "orders-db" {
  host    = "orders.db.corp.example:5432"
  sslmode = "verify-full"
  ca_cert = "<<file:pg-ca.pem>>"
}

credential "postgres_credential" "orders-ro" {
  endpoint = orders-db
  user     = "agent_ro"
}

credential "postgres_credential" "orders-rw" {
  endpoint = postgres.orders-db
  user     = "agent_rw"
}

rule "orders-reads" {
  endpoint  = orders-db
  condition = "sql.verb in ['select', 'show', 'explain']"
  verdict   = "allow"
}

rule "orders-no-secrets" {
  endpoint  = orders-db
  priority  = 100
  condition = "sql.tables.exists(t, t == 'users' || t.startsWith('secret_'))"
  verdict   = "deny"
  reason    = "personal data and secrets are not for agents"
}

rule "orders-writes" {
  endpoint   = orders-db
  condition  = <<-CEL
    sql.verb in ["insert", "update", "delete"] &&
    !("pg_sleep" in sql.functions)
  CEL
  approve    = [llm_approver.judge, human_approver.dba]
  credential = postgres_credential.orders-rw
}

rule "orders-rest" {
  endpoint = orders-db
  verdict  = "deny"
}

# --- Kubernetes ---------------------------------------------------------------

endpoint "kubernetes" "k8s-prod" {
  server       = "k8s.corp.example:6443"
  ca_cert      = "<<file:pg-ca.pem>>"
  cluster_name = "prod"
  region       = "eu-central-1"
}

credential "aws_credential" "eks" {
  endpoint = k8s-prod
}

rule "k8s-read" {
  endpoint  = k8s-prod
  condition = "k8s.verb in ['get', 'list', 'watch'] && k8s.resource != 'secrets'"
  verdict   = "allow"
}

rule "k8s-restart" {
  endpoint  = k8s-prod
  condition = "k8s.verb == 'patch' && k8s.resource == 'deployments' && k8s.namespace == 'web'"
  approve   = [human_approver.sre]
}

rule "k8s-rest" {
  endpoint = k8s-prod
  verdict  = "deny"
  disabled = false
}

# --- HTTP ---------------------------------------------------------------------

endpoint "https" "github" {
  hosts = ["api.github.com", "github.com"]
}

credential "github_oauth" "github" {
  endpoint = https.github
}

endpoint "https" "anthropic" {
  hosts = ["api.anthropic.com"]
}

credential "anthropic_manual_key" "team-a" {
  endpoint    = anthropic
  placeholder = "sk-ant-placeholder-team-a"
}

credential "anthropic_manual_key" "team-b" {
  endpoint    = anthropic
  placeholder = "sk-ant-placeholder-team-b"
}

endpoint "https" "internal" {
  hosts       = ["*.corp.example", "tools.example:8443"]
  description = "everything behind the proxy"
}

credential "header_token" "internal" {
  endpoint = internal
  header   = "X-Api-Token"
}

credential "basic_auth" "internal-basic" {
  endpoint    = internal
  username    = "agent"
  placeholder = "basic-placeholder"
}

rule "github-writes" {
  endpoints = [github]
  condition = "http.method in ['POST', 'PATCH', 'PUT', 'DELETE'] && http.path.startsWith('/repos/')"
  approve   = [dashboard]
}

# --- ClickHouse and SSH ---------------------------------------------------------

endpoint "clickhouse_native" "metrics" {
  hosts = ["ch.corp.example"]
  port  = 9440
  tls   = true
}

endpoint "clickhouse_https" "metrics-http" {
  hosts = ["ch.corp.example:8443"]
}

credential "clickhouse_credential" "metrics" {
  endpoints = [metrics, metrics-http]
  user      = "agent"
}

endpoint "ssh" "bastion" {
  hosts = ["build-1.corp.example", "build-2.corp.example:2222"]
}

credential "ssh_key" "bastion" {
  endpoint = bastion
  user     = "deploy"
}

rule "ssh-inspect" {
  endpoint  = bastion
  condition = "ssh.verb == 'exec' && ssh.command.startsWith('systemctl status ')"
  verdict   = "allow"
}

# --- Tunnel ---------------------------------------------------------------------

tunnel "kubernetes_port_forward" "vault" {
  context   = "prod"
  namespace = "vault"
  service   = "vault"
  port      = 8200
}

endpoint "https" "vault" {
  hosts  = ["vault.corp.example:8200"]
  tunnel = kubernetes_port_forward.vault
}

credential "bearer_token" "vault" {
  endpoint = vault
}

# --- People ---------------------------------------------------------------------

credential "slack_tokens" "approvals" {}

credential "bearer_token" "openai" {}

approver "llm_approver" "judge" {
  model      = "gpt-5-mini"
  credential = openai
  policy     = "<<file:review-policy.md>>"
}

approver "human_approver" "dba" {
  channel           = "#db-approvals"
  credential        = slack_tokens.approvals
  timeout           = 900
  require_approvers = 1
  interactive       = true
  message           = "{{profile}} wants {{method}} on {{endpoint}}"
}

approver "human_approver" "sre" {
  timeout = 24 * 60
}

profile "default" {
  credentials = [
    postgres_credential.orders-ro,
    aws_credential.eks,
    github_oauth.github,
    anthropic_manual_key.team-a,
    anthropic_manual_key.team-b,
    { credential = header_token.internal, placeholder = "header-placeholder" },
    basic_auth.internal-basic,
    bearer_token.vault,
  ]
}

profile "dba" {
  credentials = [
    postgres_credential.orders-ro,
    { credential = postgres_credential.orders-rw, database = "orders" },
    clickhouse_credential.metrics,
    ssh_key.bastion,
  ]
}
