# Who may do what. The first rule that matches decides: higher priority first, then the order of this file.
# A rule that cannot tell (a statement that the parser cannot account for) denies.

rule "no-api-keys" {
  endpoint  = postgres.shop
  priority  = 100
  condition = "sql.tables.exists(t, t in ['api_keys', 'public.api_keys'])"
  verdict   = "deny"
  reason    = "API keys are not for agents; ask the platform team"
}

rule "no-truncate" {
  endpoint  = postgres.shop
  priority  = 90
  condition = "'truncate' in sql.verbs"
  verdict   = "deny"
  reason    = "TRUNCATE empties a whole table; delete the rows you mean"
}

rule "reads" {
  endpoint  = postgres.shop
  priority  = 50
  condition = "risk == 'safe'"
  verdict   = "allow"
}

rule "bounded-changes" {
  endpoint  = postgres.shop
  condition = "sql.verb in ['update', 'delete'] && sql.bounded"
  approve   = [human_approver.oncall]
  reason    = "changes to production data need a second pair of eyes"
}

# Everything that no rule names is decided by its risk tier.
risk "suspicious" {
  approve = [human_approver.oncall]
}

risk "destructive" {
  approve = [human_approver.oncall]
  reason  = "destroys data, or cannot be seen through"
}
