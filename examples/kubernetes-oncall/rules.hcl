# Who may do what. The first rule that matches decides: higher priority first, then the order of this file.

rule "k8s-no-secrets" {
  endpoint  = kubernetes.prod
  priority  = 100
  condition = "k8s.resource_type == 'secrets' && k8s.group == ''"
  verdict   = "deny"
  reason    = "secrets are not for agents; ask the platform team for what you need to know"
}

rule "no-privilege" {
  endpoint  = kubernetes.prod
  priority  = 90
  condition = <<-CEL
    k8s.verb in ['create', 'update', 'patch'] &&
    (k8s.privileged || k8s.host_path.size() > 0 || k8s.host_namespaces.size() > 0)
  CEL
  verdict   = "deny"
  reason    = "nothing that reaches the host is started by an agent"
}

rule "reads" {
  endpoint  = kubernetes.prod
  priority  = 50
  condition = "risk == 'safe'"
  verdict   = "allow"
}

# `kubectl delete pod`: the usual way out of a stuck process, and somebody should know.
rule "delete-pod" {
  endpoint  = kubernetes.prod
  condition = "k8s.verb == 'delete' && k8s.resource == 'pods' && k8s.grace_period != 0"
  approve   = [human_approver.oncall]
  reason    = "deleting a pod interrupts what it serves"
}

rule "rollout-restart" {
  endpoint  = kubernetes.prod
  condition = <<-CEL
    k8s.verb == 'patch' && k8s.resource in ['deployments', 'statefulsets', 'daemonsets'] && k8s.group == 'apps' &&
    k8s.changed == ['/spec/template/metadata/annotations/kubectl.kubernetes.io~1restartedAt']
  CEL
  verdict   = "allow"
}

rule "no-bulk-deletes" {
  endpoint  = kubernetes.prod
  condition = "k8s.verb == 'deletecollection' || (k8s.verb == 'delete' && k8s.resource == 'namespaces')"
  verdict   = "deny"
  reason    = "name what is to be deleted"
}

# Everything that no rule names is decided by its risk tier.
risk "suspicious" {
  approve = [human_approver.oncall]
}

risk "destructive" {
  approve = [human_approver.oncall]
  reason  = "runs code, destroys something, or cannot be seen through"
}
