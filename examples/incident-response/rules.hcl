# The first rule that matches decides; what none names is decided by its risk tier.

rule "no-api-keys" {
  endpoint  = postgres.shop
  priority  = 100
  condition = "sql.tables.exists(t, t in ['api_keys', 'public.api_keys'])"
  verdict   = "deny"
  reason    = "API keys are not for agents; ask the platform team"
}

# Without a condition on what goes, no incident is reason enough.
rule "no-unbounded-delete" {
  endpoint  = postgres.shop
  priority  = 90
  condition = "sql.verb == 'delete' && !sql.bounded"
  verdict   = "deny"
  reason    = "delete the rows you mean: give a WHERE"
}

risk "safe" {
  verdict = "allow"
}

risk "suspicious" {
  approve = [llm_approver.reviewer]
  reason  = "changes production data"
}

risk "destructive" {
  approve = [llm_approver.reviewer, human_approver.oncall]
  reason  = "destroys data, or cannot be seen through"
}
