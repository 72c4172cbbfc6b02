# An internal HTTP API that agents may read and change, and never delete from.
schema_version = 1

gateway {
  dashboard_listen = "off"
}

# Agents send their requests to `listen`, with the API's own name in Host or SNI, or through HTTPS_PROXY.
endpoint "https" "billing" {
  description = "billing API"
  hosts       = ["billing.internal.example"]
  listen      = "127.0.0.1:18443"
}

# The gateway's own token; agents need none. Its value: CLAWPATROL_SECRET_BILLING, or `clawpatrol secrets set billing`.
credential "bearer_token" "billing" {
  endpoint = https.billing
}

profile "responder" {
  description = "answers alerts about billing"
  credentials = [bearer_token.billing]
}

approver "human_approver" "oncall" {
  timeout = "10m"
}

rule "no-deletes" {
  endpoint  = https.billing
  priority  = 100
  condition = "http.effective_method == 'delete'"
  verdict   = "deny"
  reason    = "Nothing in billing is deleted by an agent; close or void it instead"
}

# The body is read for this path only because a rule asks for it; a body that cannot be read whole is denied here.
rule "refunds-need-a-person" {
  endpoint  = https.billing
  priority  = 90
  condition = "http.path.startsWith('/v1/refunds') && http.method != 'get'"
  approve   = [human_approver.oncall]
  reason    = "money leaves the company"
}

rule "small-credits" {
  endpoint  = https.billing
  priority  = 80
  condition = "http.path == '/v1/credits' && http.method == 'post' && has(http.body_json.amount) && http.body_json.amount <= 5000"
  verdict   = "allow"
}

risk "suspicious" {
  approve = [human_approver.oncall]
}

risk "destructive" {
  verdict = "deny"
  reason  = "not a call that an agent makes here"
}
