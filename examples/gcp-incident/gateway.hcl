# Google Cloud during an incident: agents look around and restart machines; what deletes or changes access waits for a person or is denied.
schema_version = 1

gateway {
  dashboard_listen = "off"

  proxy {
    listen = "127.0.0.1:13129"
  }
}

# The services that responders need, one by one: a credential bound to *.googleapis.com would be sent to all of them.
endpoint "https" "gcp" {
  description = "Google Cloud APIs"
  hosts = [
    "compute.googleapis.com",
    "logging.googleapis.com",
    "monitoring.googleapis.com",
    "cloudresourcemanager.googleapis.com",
  ]
}

# The JSON key of a service account; the gateway makes access tokens from it.
credential "google_gke_credential" "gcp" {
  endpoint = https.gcp
}

profile "responder" {
  credentials = [google_gke_credential.gcp]
}

approver "human_approver" "oncall" {
  timeout = "10m"
}

rule "projects-stay" {
  endpoint  = https.gcp
  priority  = 100
  condition = "gcp.method == 'cloudresourcemanager.projects.delete'"
  verdict   = "deny"
  reason    = "A project is never deleted in an incident"
}

rule "delete-instance" {
  endpoint  = https.gcp
  priority  = 90
  condition = "gcp.method == 'compute.instances.delete'"
  approve   = [human_approver.oncall]
  reason    = "the machine and its local disks are gone for good"
}

rule "restart" {
  endpoint  = https.gcp
  priority  = 80
  condition = "gcp.method in ['compute.instances.reset', 'compute.instances.start', 'compute.instances.stop'] && gcp.project == 'acme-prod'"
  verdict   = "allow"
}

risk "suspicious" {
  approve = [human_approver.oncall]
}

risk "destructive" {
  approve = [human_approver.oncall]
}
