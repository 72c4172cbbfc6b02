# One host that agents may look at and not change. They log in to the gateway with the key that they were given; the gateway logs in to the
# host with its own.
schema_version = 1

include = ["policies/ssh-readonly.hcl"]

gateway {
  dashboard_listen = "off"
}

endpoint "ssh" "bastion" {
  description = "the way into the web tier"
  hosts       = ["bastion.internal.example"]
  host_key    = ["SHA256:uNiVztksCsDhcc0u9e8BrwU0x1Rvw3e0SOe3J3vW8Y0"]
  listen      = "127.0.0.1:12222"

  # The agent's own key, with which it gets no further than here.
  agent_keys = ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl agent"]

  # Writing here is no more than suspicious.
  scratch_dirs = ["/srv/agent-scratch"]
}

credential "ssh_key" "look" {
  endpoint = ssh.bastion
  user     = "look"
}

profile "responders" {
  description = "agents that answer alerts"
  credentials = [ssh_key.look]
}

# Above the pack: one service may be restarted once a person agrees. The exact words, so that nothing rides along.
rule "restart-nginx" {
  endpoint  = ssh.bastion
  condition = "ssh.verb == 'exec' && ssh.argv == ['systemctl', 'restart', 'nginx']"
  approve   = [human_approver.oncall]
  priority  = 100
  reason    = "restarting nginx needs a person"
}

approver "human_approver" "oncall" {
  timeout = "10m"
}
