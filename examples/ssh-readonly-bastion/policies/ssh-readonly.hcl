# Read-only operations over SSH. Include it from a configuration that has an endpoint "ssh" "bastion", or copy it and change the name:
#
#   include = ["policies/ssh-readonly.hcl"]
#
# `risk` is what the gateway's shell model makes of a command line: safe when every command in it, wrapped and nested ones included, is a
# program that is known to only read, with options that are known to do no harm, on files that no log-in can be made of. Pipes, loops and
# `sh -c '…'` are fine; sudo, redirects to files, scripts, interpreters and whatever cannot be read completely are not.
schema_version = 1

rule "ssh-read-only" {
  endpoint  = ssh.bastion
  condition = "risk == 'safe' && ssh.verb in ['exec', 'subsystem', 'sftp', 'env', 'signal']"
  verdict   = "allow"
}

rule "ssh-nothing-else" {
  endpoint = ssh.bastion
  verdict  = "deny"
  priority = -100
  reason   = "only read-only operations are allowed on this host"
}
