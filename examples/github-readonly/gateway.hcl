# GitHub for agents that read: code, issues, pull requests, runs. Comments and labels wait for a person; everything else is denied.
schema_version = 1

gateway {
  dashboard_listen = "off"

  # One address for HTTPS_PROXY: both endpoints are reached through it.
  proxy {
    listen = "127.0.0.1:13128"
  }
}

endpoint "https" "github-api" {
  description = "REST and GraphQL"
  hosts       = ["api.github.com"]
}

# git over HTTPS is another host. Neither covers gists, uploads, raw files or archives: declare those if they are needed.
endpoint "https" "github-git" {
  description = "clone and fetch"
  hosts       = ["github.com"]
}

# One fine-grained token with read permissions, for both: bearer on the API, Basic for git.
credential "github_oauth" "github" {
  endpoints = [https.github-api, https.github-git]
}

profile "reader" {
  credentials = [github_oauth.github]
}

approver "human_approver" "oncall" {
  timeout = "10m"
}

rule "read" {
  endpoint  = https.github-api
  priority  = 50
  condition = "risk == 'safe' && (http.action_class == 'read' || graphql.type == 'query')"
  verdict   = "allow"
}

rule "talk" {
  endpoint  = https.github-api
  priority  = 40
  condition = "github.action in ['issues/create-comment', 'issues/add-labels', 'issues/create']"
  approve   = [human_approver.oncall]
  reason    = "others will read it under our name"
}

rule "fetch" {
  endpoint  = https.github-git
  condition = "git.operation == 'fetch'"
  verdict   = "allow"
}

defaults {
  unmatched = "deny"
}
