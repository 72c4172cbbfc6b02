# One Kubernetes cluster for agents that answer alerts. `clawpatrol gateway examples/kubernetes-oncall` runs this folder.
schema_version = 1

gateway {
  dashboard_listen = "off"
}

# The API server that agents may work on. kubectl connects to `listen` (`clawpatrol kubeconfig prod` prints what it needs); only the
# gateway connects to `server`.
endpoint "kubernetes" "prod" {
  description     = "the production cluster"
  server          = "https://k8s.prod.example:6443"
  listen          = "127.0.0.1:16443"
  harmless_groups = ["argoproj.io"]

  # Debug pods from the team's own registry are a smaller matter than whatever else an agent might start.
  workloads = {
    images     = ["registry.example/debug/*"]
    namespaces = ["debug"]
  }
}

# What the gateway shows the API server, whatever the agent sent. The token is in the gateway's environment
# (CLAWPATROL_SECRET_PROD), never in this file and never with the agent.
credential "bearer_token" "prod" {
  endpoint = kubernetes.prod
}

profile "oncall" {
  description = "answers alerts about production"
  credentials = [bearer_token.prod]
}

# Whoever is on call, with `clawpatrol approvals approve`.
approver "human_approver" "oncall" {
  timeout = "10m"
}
