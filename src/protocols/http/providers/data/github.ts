// Made by scripts/provider-tables.mjs from @octokit/openapi 23.0.2: do not edit by hand.

/** Operations of the REST API. */
export const GITHUB_OPERATIONS = `
/ GET=meta/root
/advisories GET=security-advisories/list-global-advisories
/advisories/* GET=security-advisories/get-global-advisory
/agents/repos/*/*/tasks GET=agent-tasks/list-tasks-for-repo POST=agent-tasks/create-task-in-repo
/agents/repos/*/*/tasks/* GET=agent-tasks/get-task-by-repo-and-id
/agents/tasks GET=agent-tasks/list-tasks
/agents/tasks/* GET=agent-tasks/get-task-by-id
/app GET=apps/get-authenticated
/app-manifests/*/conversions POST=apps/create-from-manifest
/app/hook/config GET=apps/get-webhook-config-for-app PATCH=apps/update-webhook-config-for-app
/app/hook/deliveries GET=apps/list-webhook-deliveries
/app/hook/deliveries/* GET=apps/get-webhook-delivery
/app/hook/deliveries/*/attempts POST=apps/redeliver-webhook-delivery
/app/installation-requests GET=apps/list-installation-requests-for-authenticated-app
/app/installations GET=apps/list-installations
/app/installations/* DELETE=apps/delete-installation GET=apps/get-installation
/app/installations/*/access_tokens POST=apps/create-installation-access-token
/app/installations/*/suspended DELETE=apps/unsuspend-installation PUT=apps/suspend-installation
/applications/*/grant DELETE=apps/delete-authorization
/applications/*/token DELETE=apps/delete-token PATCH=apps/reset-token POST=apps/check-token
/applications/*/token/scoped POST=apps/scope-token
/apps/* GET=apps/get-by-slug
/assignments/* GET=classroom/get-an-assignment
/assignments/*/accepted_assignments GET=classroom/list-accepted-assignments-for-an-assignment
/assignments/*/grades GET=classroom/get-assignment-grades
/classrooms GET=classroom/list-classrooms
/classrooms/* GET=classroom/get-a-classroom
/classrooms/*/assignments GET=classroom/list-assignments-for-a-classroom
/codes_of_conduct GET=codes-of-conduct/get-all-codes-of-conduct
/codes_of_conduct/* GET=codes-of-conduct/get-conduct-code
/credentials/revoke POST=credentials/revoke
/emojis GET=emojis/get
/enterprises/*/actions/cache/retention-limit GET=actions/get-actions-cache-retention-limit-for-enterprise PUT=actions/set-actions-cache-retention-limit-for-enterprise
/enterprises/*/actions/cache/storage-limit GET=actions/get-actions-cache-storage-limit-for-enterprise PUT=actions/set-actions-cache-storage-limit-for-enterprise
/enterprises/*/actions/oidc/customization/properties/repo GET=oidc/list-oidc-custom-property-inclusions-for-enterprise POST=oidc/create-oidc-custom-property-inclusion-for-enterprise
/enterprises/*/actions/oidc/customization/properties/repo/* DELETE=oidc/delete-oidc-custom-property-inclusion-for-enterprise
/enterprises/*/code-security/configurations GET=code-security/get-configurations-for-enterprise POST=code-security/create-configuration-for-enterprise
/enterprises/*/code-security/configurations/* DELETE=code-security/delete-configuration-for-enterprise GET=code-security/get-single-configuration-for-enterprise PATCH=code-security/update-enterprise-configuration
/enterprises/*/code-security/configurations/*/attach POST=code-security/attach-enterprise-configuration
/enterprises/*/code-security/configurations/*/defaults PUT=code-security/set-configuration-as-default-for-enterprise
/enterprises/*/code-security/configurations/*/repositories GET=code-security/get-repositories-for-enterprise-configuration
/enterprises/*/code-security/configurations/defaults GET=code-security/get-default-configurations-for-enterprise
/enterprises/*/copilot/metrics/reports/enterprise-1-day GET=copilot/copilot-enterprise-one-day-usage-metrics
/enterprises/*/copilot/metrics/reports/enterprise-28-day/latest GET=copilot/copilot-enterprise-usage-metrics
/enterprises/*/copilot/metrics/reports/repos-1-day GET=copilot/copilot-enterprise-repos-one-day-report
/enterprises/*/copilot/metrics/reports/user-teams-1-day GET=copilot/copilot-enterprise-user-teams-one-day-report
/enterprises/*/copilot/metrics/reports/users-1-day GET=copilot/copilot-users-one-day-usage-metrics
/enterprises/*/copilot/metrics/reports/users-28-day/latest GET=copilot/copilot-users-usage-metrics
/enterprises/*/copilot/policies/coding_agent PUT=copilot/set-enterprise-coding-agent-policy
/enterprises/*/copilot/policies/coding_agent/organizations DELETE=copilot/remove-organizations-from-enterprise-coding-agent-policy POST=copilot/add-organizations-to-enterprise-coding-agent-policy
/enterprises/*/dependabot/alerts GET=dependabot/list-alerts-for-enterprise
/enterprises/*/dependabot/repository-access GET=dependabot/repository-access-for-enterprise PATCH=dependabot/update-repository-access-for-enterprise
/enterprises/*/dependabot/repository-access/default-level PUT=dependabot/set-repository-access-default-level-for-enterprise
/enterprises/*/teams GET=enterprise-teams/list POST=enterprise-teams/create
/enterprises/*/teams/* DELETE=enterprise-teams/delete GET=enterprise-teams/get PATCH=enterprise-teams/update
/enterprises/*/teams/*/memberships GET=enterprise-team-memberships/list
/enterprises/*/teams/*/memberships/* DELETE=enterprise-team-memberships/remove GET=enterprise-team-memberships/get PUT=enterprise-team-memberships/add
/enterprises/*/teams/*/memberships/add POST=enterprise-team-memberships/bulk-add
/enterprises/*/teams/*/memberships/remove POST=enterprise-team-memberships/bulk-remove
/enterprises/*/teams/*/organizations GET=enterprise-team-organizations/get-assignments
/enterprises/*/teams/*/organizations/* DELETE=enterprise-team-organizations/delete GET=enterprise-team-organizations/get-assignment PUT=enterprise-team-organizations/add
/enterprises/*/teams/*/organizations/add POST=enterprise-team-organizations/bulk-add
/enterprises/*/teams/*/organizations/remove POST=enterprise-team-organizations/bulk-remove
/events GET=activity/list-public-events
/feeds GET=activity/get-feeds
/gists GET=gists/list POST=gists/create
/gists/* DELETE=gists/delete GET=gists/get PATCH=gists/update
/gists/*/* GET=gists/get-revision
/gists/*/comments GET=gists/list-comments POST=gists/create-comment
/gists/*/comments/* DELETE=gists/delete-comment GET=gists/get-comment PATCH=gists/update-comment
/gists/*/commits GET=gists/list-commits
/gists/*/forks GET=gists/list-forks POST=gists/fork
/gists/*/star DELETE=gists/unstar GET=gists/check-is-starred PUT=gists/star
/gists/public GET=gists/list-public
/gists/starred GET=gists/list-starred
/gitignore/templates GET=gitignore/get-all-templates
/gitignore/templates/* GET=gitignore/get-template
/installation/repositories GET=apps/list-repos-accessible-to-installation
/installation/token DELETE=apps/revoke-installation-access-token
/issues GET=issues/list
/licenses GET=licenses/get-all-commonly-used
/licenses/* GET=licenses/get
/markdown POST=markdown/render
/markdown/raw POST=markdown/render-raw
/marketplace_listing/accounts/* GET=apps/get-subscription-plan-for-account
/marketplace_listing/plans GET=apps/list-plans
/marketplace_listing/plans/*/accounts GET=apps/list-accounts-for-plan
/marketplace_listing/stubbed/accounts/* GET=apps/get-subscription-plan-for-account-stubbed
/marketplace_listing/stubbed/plans GET=apps/list-plans-stubbed
/marketplace_listing/stubbed/plans/*/accounts GET=apps/list-accounts-for-plan-stubbed
/meta GET=meta/get
/networks/*/*/events GET=activity/list-public-events-for-repo-network
/notifications GET=activity/list-notifications-for-authenticated-user PUT=activity/mark-notifications-as-read
/notifications/threads/* DELETE=activity/mark-thread-as-done GET=activity/get-thread PATCH=activity/mark-thread-as-read
/notifications/threads/*/subscription DELETE=activity/delete-thread-subscription GET=activity/get-thread-subscription-for-authenticated-user PUT=activity/set-thread-subscription
/octocat GET=meta/get-octocat
/organizations GET=orgs/list
/organizations/*/actions/cache/retention-limit GET=actions/get-actions-cache-retention-limit-for-organization PUT=actions/set-actions-cache-retention-limit-for-organization
/organizations/*/actions/cache/storage-limit GET=actions/get-actions-cache-storage-limit-for-organization PUT=actions/set-actions-cache-storage-limit-for-organization
/organizations/*/settings/billing/ai_credit/usage GET=billing/get-github-billing-ai-credit-usage-report-org
/organizations/*/settings/billing/budgets GET=billing/get-all-budgets-org POST=billing/create-organization-budget
/organizations/*/settings/billing/budgets/* DELETE=billing/delete-budget-org GET=billing/get-budget-org PATCH=billing/update-budget-org
/organizations/*/settings/billing/premium_request/usage GET=billing/get-github-billing-premium-request-usage-report-org
/organizations/*/settings/billing/usage GET=billing/get-github-billing-usage-report-org
/organizations/*/settings/billing/usage/summary GET=billing/get-github-billing-usage-summary-report-org
/orgs/* DELETE=orgs/delete GET=orgs/get PATCH=orgs/update
/orgs/*/*/* POST=orgs/enable-or-disable-security-product-on-all-org-repos
/orgs/*/actions/cache/usage GET=actions/get-actions-cache-usage-for-org
/orgs/*/actions/cache/usage-by-repository GET=actions/get-actions-cache-usage-by-repo-for-org
/orgs/*/actions/hosted-runners GET=actions/list-hosted-runners-for-org POST=actions/create-hosted-runner-for-org
/orgs/*/actions/hosted-runners/* DELETE=actions/delete-hosted-runner-for-org GET=actions/get-hosted-runner-for-org PATCH=actions/update-hosted-runner-for-org
/orgs/*/actions/hosted-runners/images/custom GET=actions/list-custom-images-for-org
/orgs/*/actions/hosted-runners/images/custom/* DELETE=actions/delete-custom-image-from-org GET=actions/get-custom-image-for-org
/orgs/*/actions/hosted-runners/images/custom/*/versions GET=actions/list-custom-image-versions-for-org
/orgs/*/actions/hosted-runners/images/custom/*/versions/* DELETE=actions/delete-custom-image-version-from-org GET=actions/get-custom-image-version-for-org
/orgs/*/actions/hosted-runners/images/github-owned GET=actions/get-hosted-runners-github-owned-images-for-org
/orgs/*/actions/hosted-runners/images/partner GET=actions/get-hosted-runners-partner-images-for-org
/orgs/*/actions/hosted-runners/limits GET=actions/get-hosted-runners-limits-for-org
/orgs/*/actions/hosted-runners/machine-sizes GET=actions/get-hosted-runners-machine-specs-for-org
/orgs/*/actions/hosted-runners/platforms GET=actions/get-hosted-runners-platforms-for-org
/orgs/*/actions/oidc/customization/properties/repo GET=oidc/list-oidc-custom-property-inclusions-for-org POST=oidc/create-oidc-custom-property-inclusion-for-org
/orgs/*/actions/oidc/customization/properties/repo/* DELETE=oidc/delete-oidc-custom-property-inclusion-for-org
/orgs/*/actions/oidc/customization/sub GET=oidc/get-oidc-custom-sub-template-for-org PUT=oidc/update-oidc-custom-sub-template-for-org
/orgs/*/actions/permissions GET=actions/get-github-actions-permissions-organization PUT=actions/set-github-actions-permissions-organization
/orgs/*/actions/permissions/artifact-and-log-retention GET=actions/get-artifact-and-log-retention-settings-organization PUT=actions/set-artifact-and-log-retention-settings-organization
/orgs/*/actions/permissions/fork-pr-contributor-approval GET=actions/get-fork-pr-contributor-approval-permissions-organization PUT=actions/set-fork-pr-contributor-approval-permissions-organization
/orgs/*/actions/permissions/fork-pr-workflows-private-repos GET=actions/get-private-repo-fork-pr-workflows-settings-organization PUT=actions/set-private-repo-fork-pr-workflows-settings-organization
/orgs/*/actions/permissions/repositories GET=actions/list-selected-repositories-enabled-github-actions-organization PUT=actions/set-selected-repositories-enabled-github-actions-organization
/orgs/*/actions/permissions/repositories/* DELETE=actions/disable-selected-repository-github-actions-organization PUT=actions/enable-selected-repository-github-actions-organization
/orgs/*/actions/permissions/selected-actions GET=actions/get-allowed-actions-organization PUT=actions/set-allowed-actions-organization
/orgs/*/actions/permissions/self-hosted-runners GET=actions/get-self-hosted-runners-permissions-organization PUT=actions/set-self-hosted-runners-permissions-organization
/orgs/*/actions/permissions/self-hosted-runners/repositories GET=actions/list-selected-repositories-self-hosted-runners-organization PUT=actions/set-selected-repositories-self-hosted-runners-organization
/orgs/*/actions/permissions/self-hosted-runners/repositories/* DELETE=actions/disable-selected-repository-self-hosted-runners-organization PUT=actions/enable-selected-repository-self-hosted-runners-organization
/orgs/*/actions/permissions/workflow GET=actions/get-github-actions-default-workflow-permissions-organization PUT=actions/set-github-actions-default-workflow-permissions-organization
/orgs/*/actions/runner-groups GET=actions/list-self-hosted-runner-groups-for-org POST=actions/create-self-hosted-runner-group-for-org
/orgs/*/actions/runner-groups/* DELETE=actions/delete-self-hosted-runner-group-from-org GET=actions/get-self-hosted-runner-group-for-org PATCH=actions/update-self-hosted-runner-group-for-org
/orgs/*/actions/runner-groups/*/hosted-runners GET=actions/list-github-hosted-runners-in-group-for-org
/orgs/*/actions/runner-groups/*/repositories GET=actions/list-repo-access-to-self-hosted-runner-group-in-org PUT=actions/set-repo-access-to-self-hosted-runner-group-in-org
/orgs/*/actions/runner-groups/*/repositories/* DELETE=actions/remove-repo-access-to-self-hosted-runner-group-in-org PUT=actions/add-repo-access-to-self-hosted-runner-group-in-org
/orgs/*/actions/runner-groups/*/runners GET=actions/list-self-hosted-runners-in-group-for-org PUT=actions/set-self-hosted-runners-in-group-for-org
/orgs/*/actions/runner-groups/*/runners/* DELETE=actions/remove-self-hosted-runner-from-group-for-org PUT=actions/add-self-hosted-runner-to-group-for-org
/orgs/*/actions/runners GET=actions/list-self-hosted-runners-for-org
/orgs/*/actions/runners/* DELETE=actions/delete-self-hosted-runner-from-org GET=actions/get-self-hosted-runner-for-org
/orgs/*/actions/runners/*/labels DELETE=actions/remove-all-custom-labels-from-self-hosted-runner-for-org GET=actions/list-labels-for-self-hosted-runner-for-org POST=actions/add-custom-labels-to-self-hosted-runner-for-org PUT=actions/set-custom-labels-for-self-hosted-runner-for-org
/orgs/*/actions/runners/*/labels/* DELETE=actions/remove-custom-label-from-self-hosted-runner-for-org
/orgs/*/actions/runners/downloads GET=actions/list-runner-applications-for-org
/orgs/*/actions/runners/generate-jitconfig POST=actions/generate-runner-jitconfig-for-org
/orgs/*/actions/runners/registration-token POST=actions/create-registration-token-for-org
/orgs/*/actions/runners/remove-token POST=actions/create-remove-token-for-org
/orgs/*/actions/secrets GET=actions/list-org-secrets
/orgs/*/actions/secrets/* DELETE=actions/delete-org-secret GET=actions/get-org-secret PUT=actions/create-or-update-org-secret
/orgs/*/actions/secrets/*/repositories GET=actions/list-selected-repos-for-org-secret PUT=actions/set-selected-repos-for-org-secret
/orgs/*/actions/secrets/*/repositories/* DELETE=actions/remove-selected-repo-from-org-secret PUT=actions/add-selected-repo-to-org-secret
/orgs/*/actions/secrets/public-key GET=actions/get-org-public-key
/orgs/*/actions/variables GET=actions/list-org-variables POST=actions/create-org-variable
/orgs/*/actions/variables/* DELETE=actions/delete-org-variable GET=actions/get-org-variable PATCH=actions/update-org-variable
/orgs/*/actions/variables/*/repositories GET=actions/list-selected-repos-for-org-variable PUT=actions/set-selected-repos-for-org-variable
/orgs/*/actions/variables/*/repositories/* DELETE=actions/remove-selected-repo-from-org-variable PUT=actions/add-selected-repo-to-org-variable
/orgs/*/agents/secrets GET=agents/list-org-secrets
/orgs/*/agents/secrets/* DELETE=agents/delete-org-secret GET=agents/get-org-secret PUT=agents/create-or-update-org-secret
/orgs/*/agents/secrets/*/repositories GET=agents/list-selected-repos-for-org-secret PUT=agents/set-selected-repos-for-org-secret
/orgs/*/agents/secrets/*/repositories/* DELETE=agents/remove-selected-repo-from-org-secret PUT=agents/add-selected-repo-to-org-secret
/orgs/*/agents/secrets/public-key GET=agents/get-org-public-key
/orgs/*/agents/variables GET=agents/list-org-variables POST=agents/create-org-variable
/orgs/*/agents/variables/* DELETE=agents/delete-org-variable GET=agents/get-org-variable PATCH=agents/update-org-variable
/orgs/*/agents/variables/*/repositories GET=agents/list-selected-repos-for-org-variable PUT=agents/set-selected-repos-for-org-variable
/orgs/*/agents/variables/*/repositories/* DELETE=agents/remove-selected-repo-from-org-variable PUT=agents/add-selected-repo-to-org-variable
/orgs/*/artifacts/*/metadata/deployment-records GET=orgs/list-artifact-deployment-records
/orgs/*/artifacts/*/metadata/storage-records GET=orgs/list-artifact-storage-records
/orgs/*/artifacts/metadata/deployment-record POST=orgs/create-artifact-deployment-record
/orgs/*/artifacts/metadata/deployment-record/cluster/* POST=orgs/set-cluster-deployment-records
/orgs/*/artifacts/metadata/deployment-record/cluster/*/jobs POST=orgs/create-cluster-deployment-records-job
/orgs/*/artifacts/metadata/deployment-record/cluster/*/jobs/* GET=orgs/get-cluster-deployment-records-job
/orgs/*/artifacts/metadata/storage-record POST=orgs/create-artifact-storage-record
/orgs/*/attestations/* DELETE=orgs/delete-attestations-by-id
/orgs/*/attestations/** GET=orgs/list-attestations
/orgs/*/attestations/bulk-list POST=orgs/list-attestations-bulk
/orgs/*/attestations/delete-request POST=orgs/delete-attestations-bulk
/orgs/*/attestations/digest/** DELETE=orgs/delete-attestations-by-subject-digest
/orgs/*/attestations/repositories GET=orgs/list-attestation-repositories
/orgs/*/blocks GET=orgs/list-blocked-users
/orgs/*/blocks/* DELETE=orgs/unblock-user GET=orgs/check-blocked-user PUT=orgs/block-user
/orgs/*/campaigns GET=campaigns/list-org-campaigns POST=campaigns/create-campaign
/orgs/*/campaigns/* DELETE=campaigns/delete-campaign GET=campaigns/get-campaign-summary PATCH=campaigns/update-campaign
/orgs/*/code-scanning/alerts GET=code-scanning/list-alerts-for-org
/orgs/*/code-security/configurations GET=code-security/get-configurations-for-org POST=code-security/create-configuration
/orgs/*/code-security/configurations/* DELETE=code-security/delete-configuration GET=code-security/get-configuration PATCH=code-security/update-configuration
/orgs/*/code-security/configurations/*/attach POST=code-security/attach-configuration
/orgs/*/code-security/configurations/*/defaults PUT=code-security/set-configuration-as-default
/orgs/*/code-security/configurations/*/repositories GET=code-security/get-repositories-for-configuration
/orgs/*/code-security/configurations/defaults GET=code-security/get-default-configurations
/orgs/*/code-security/configurations/detach DELETE=code-security/detach-configuration
/orgs/*/codespaces GET=codespaces/list-in-organization
/orgs/*/codespaces/access PUT=codespaces/set-codespaces-access
/orgs/*/codespaces/access/selected_users DELETE=codespaces/delete-codespaces-access-users POST=codespaces/set-codespaces-access-users
/orgs/*/codespaces/secrets GET=codespaces/list-org-secrets
/orgs/*/codespaces/secrets/* DELETE=codespaces/delete-org-secret GET=codespaces/get-org-secret PUT=codespaces/create-or-update-org-secret
/orgs/*/codespaces/secrets/*/repositories GET=codespaces/list-selected-repos-for-org-secret PUT=codespaces/set-selected-repos-for-org-secret
/orgs/*/codespaces/secrets/*/repositories/* DELETE=codespaces/remove-selected-repo-from-org-secret PUT=codespaces/add-selected-repo-to-org-secret
/orgs/*/codespaces/secrets/public-key GET=codespaces/get-org-public-key
/orgs/*/copilot-spaces GET=copilot-spaces/list-for-org POST=copilot-spaces/create-for-org
/orgs/*/copilot-spaces/* DELETE=copilot-spaces/delete-for-org GET=copilot-spaces/get-for-org PUT=copilot-spaces/update-for-org
/orgs/*/copilot-spaces/*/collaborators GET=copilot-spaces/list-collaborators-for-org POST=copilot-spaces/add-collaborator-for-org
/orgs/*/copilot-spaces/*/collaborators/*/* DELETE=copilot-spaces/remove-collaborator-for-org PUT=copilot-spaces/update-collaborator-for-org
/orgs/*/copilot-spaces/*/resources GET=copilot-spaces/list-resources-for-org POST=copilot-spaces/create-resource-for-org
/orgs/*/copilot-spaces/*/resources/* DELETE=copilot-spaces/delete-resource-for-org GET=copilot-spaces/get-resource-for-org PUT=copilot-spaces/update-resource-for-org
/orgs/*/copilot/billing GET=copilot/get-copilot-organization-details
/orgs/*/copilot/billing/seats GET=copilot/list-copilot-seats
/orgs/*/copilot/billing/selected_teams DELETE=copilot/cancel-copilot-seat-assignment-for-teams POST=copilot/add-copilot-seats-for-teams
/orgs/*/copilot/billing/selected_users DELETE=copilot/cancel-copilot-seat-assignment-for-users POST=copilot/add-copilot-seats-for-users
/orgs/*/copilot/coding-agent/permissions GET=copilot/get-copilot-coding-agent-permissions-organization PUT=copilot/set-copilot-coding-agent-permissions-organization
/orgs/*/copilot/coding-agent/permissions/repositories GET=copilot/list-copilot-coding-agent-selected-repositories-for-organization PUT=copilot/set-copilot-coding-agent-selected-repositories-for-organization
/orgs/*/copilot/coding-agent/permissions/repositories/* DELETE=copilot/disable-copilot-coding-agent-for-repository-in-organization PUT=copilot/enable-copilot-coding-agent-for-repository-in-organization
/orgs/*/copilot/content_exclusion GET=copilot/copilot-content-exclusion-for-organization PUT=copilot/set-copilot-content-exclusion-for-organization
/orgs/*/copilot/metrics/reports/organization-1-day GET=copilot/copilot-organization-one-day-usage-metrics
/orgs/*/copilot/metrics/reports/organization-28-day/latest GET=copilot/copilot-organization-usage-metrics
/orgs/*/copilot/metrics/reports/repos-1-day GET=copilot/copilot-organization-repos-one-day-report
/orgs/*/copilot/metrics/reports/user-teams-1-day GET=copilot/copilot-organization-user-teams-one-day-report
/orgs/*/copilot/metrics/reports/users-1-day GET=copilot/copilot-organization-users-one-day-usage-metrics
/orgs/*/copilot/metrics/reports/users-28-day/latest GET=copilot/copilot-organization-users-usage-metrics
/orgs/*/dependabot/alerts GET=dependabot/list-alerts-for-org
/orgs/*/dependabot/repository-access GET=dependabot/repository-access-for-org PATCH=dependabot/update-repository-access-for-org
/orgs/*/dependabot/repository-access/default-level PUT=dependabot/set-repository-access-default-level
/orgs/*/dependabot/secrets GET=dependabot/list-org-secrets
/orgs/*/dependabot/secrets/* DELETE=dependabot/delete-org-secret GET=dependabot/get-org-secret PUT=dependabot/create-or-update-org-secret
/orgs/*/dependabot/secrets/*/repositories GET=dependabot/list-selected-repos-for-org-secret PUT=dependabot/set-selected-repos-for-org-secret
/orgs/*/dependabot/secrets/*/repositories/* DELETE=dependabot/remove-selected-repo-from-org-secret PUT=dependabot/add-selected-repo-to-org-secret
/orgs/*/dependabot/secrets/public-key GET=dependabot/get-org-public-key
/orgs/*/docker/conflicts GET=packages/list-docker-migration-conflicting-packages-for-organization
/orgs/*/events GET=activity/list-public-org-events
/orgs/*/failed_invitations GET=orgs/list-failed-invitations
/orgs/*/hooks GET=orgs/list-webhooks POST=orgs/create-webhook
/orgs/*/hooks/* DELETE=orgs/delete-webhook GET=orgs/get-webhook PATCH=orgs/update-webhook
/orgs/*/hooks/*/config GET=orgs/get-webhook-config-for-org PATCH=orgs/update-webhook-config-for-org
/orgs/*/hooks/*/deliveries GET=orgs/list-webhook-deliveries
/orgs/*/hooks/*/deliveries/* GET=orgs/get-webhook-delivery
/orgs/*/hooks/*/deliveries/*/attempts POST=orgs/redeliver-webhook-delivery
/orgs/*/hooks/*/pings POST=orgs/ping-webhook
/orgs/*/insights/api/route-stats/*/* GET=api-insights/get-route-stats-by-actor
/orgs/*/insights/api/subject-stats GET=api-insights/get-subject-stats
/orgs/*/insights/api/summary-stats GET=api-insights/get-summary-stats
/orgs/*/insights/api/summary-stats/*/* GET=api-insights/get-summary-stats-by-actor
/orgs/*/insights/api/summary-stats/users/* GET=api-insights/get-summary-stats-by-user
/orgs/*/insights/api/time-stats GET=api-insights/get-time-stats
/orgs/*/insights/api/time-stats/*/* GET=api-insights/get-time-stats-by-actor
/orgs/*/insights/api/time-stats/users/* GET=api-insights/get-time-stats-by-user
/orgs/*/insights/api/user-stats/* GET=api-insights/get-user-stats
/orgs/*/installation GET=apps/get-org-installation
/orgs/*/installations GET=orgs/list-app-installations
/orgs/*/interaction-limits DELETE=interactions/remove-restrictions-for-org GET=interactions/get-restrictions-for-org PUT=interactions/set-restrictions-for-org
/orgs/*/interaction-limits/pulls/creation-cap GET=interactions/get-pull-request-creation-cap-for-org PATCH=interactions/update-pull-request-creation-cap-for-org
/orgs/*/invitations GET=orgs/list-pending-invitations POST=orgs/create-invitation
/orgs/*/invitations/* DELETE=orgs/cancel-invitation
/orgs/*/invitations/*/teams GET=orgs/list-invitation-teams
/orgs/*/issue-fields GET=orgs/list-issue-fields POST=orgs/create-issue-field
/orgs/*/issue-fields/* DELETE=orgs/delete-issue-field PATCH=orgs/update-issue-field
/orgs/*/issue-types GET=orgs/list-issue-types POST=orgs/create-issue-type
/orgs/*/issue-types/* DELETE=orgs/delete-issue-type PUT=orgs/update-issue-type
/orgs/*/issues GET=issues/list-for-org
/orgs/*/members GET=orgs/list-members
/orgs/*/members/* DELETE=orgs/remove-member GET=orgs/check-membership-for-user
/orgs/*/members/*/codespaces GET=codespaces/get-codespaces-for-user-in-org
/orgs/*/members/*/codespaces/* DELETE=codespaces/delete-from-organization
/orgs/*/members/*/codespaces/*/stop POST=codespaces/stop-in-organization
/orgs/*/members/*/copilot GET=copilot/get-copilot-seat-details-for-user
/orgs/*/memberships/* DELETE=orgs/remove-membership-for-user GET=orgs/get-membership-for-user PUT=orgs/set-membership-for-user
/orgs/*/migrations GET=migrations/list-for-org POST=migrations/start-for-org
/orgs/*/migrations/* GET=migrations/get-status-for-org
/orgs/*/migrations/*/archive DELETE=migrations/delete-archive-for-org GET=migrations/download-archive-for-org
/orgs/*/migrations/*/repos/*/lock DELETE=migrations/unlock-repo-for-org
/orgs/*/migrations/*/repositories GET=migrations/list-repos-for-org
/orgs/*/organization-fine-grained-permissions GET=orgs/list-organization-fine-grained-permissions
/orgs/*/organization-roles GET=orgs/list-org-roles
/orgs/*/organization-roles/* GET=orgs/get-org-role
/orgs/*/organization-roles/*/teams GET=orgs/list-org-role-teams
/orgs/*/organization-roles/*/users GET=orgs/list-org-role-users
/orgs/*/organization-roles/teams/* DELETE=orgs/revoke-all-org-roles-team
/orgs/*/organization-roles/teams/*/* DELETE=orgs/revoke-org-role-team PUT=orgs/assign-team-to-org-role
/orgs/*/organization-roles/users/* DELETE=orgs/revoke-all-org-roles-user
/orgs/*/organization-roles/users/*/* DELETE=orgs/revoke-org-role-user PUT=orgs/assign-user-to-org-role
/orgs/*/outside_collaborators GET=orgs/list-outside-collaborators
/orgs/*/outside_collaborators/* DELETE=orgs/remove-outside-collaborator PUT=orgs/convert-member-to-outside-collaborator
/orgs/*/packages GET=packages/list-packages-for-organization
/orgs/*/packages/*/* DELETE=packages/delete-package-for-org GET=packages/get-package-for-organization
/orgs/*/packages/*/*/restore POST=packages/restore-package-for-org
/orgs/*/packages/*/*/versions GET=packages/get-all-package-versions-for-package-owned-by-org
/orgs/*/packages/*/*/versions/* DELETE=packages/delete-package-version-for-org GET=packages/get-package-version-for-organization
/orgs/*/packages/*/*/versions/*/restore POST=packages/restore-package-version-for-org
/orgs/*/personal-access-token-requests GET=orgs/list-pat-grant-requests POST=orgs/review-pat-grant-requests-in-bulk
/orgs/*/personal-access-token-requests/* POST=orgs/review-pat-grant-request
/orgs/*/personal-access-token-requests/*/repositories GET=orgs/list-pat-grant-request-repositories
/orgs/*/personal-access-tokens GET=orgs/list-pat-grants POST=orgs/update-pat-accesses
/orgs/*/personal-access-tokens/* POST=orgs/update-pat-access
/orgs/*/personal-access-tokens/*/repositories GET=orgs/list-pat-grant-repositories
/orgs/*/private-registries GET=private-registries/list-org-private-registries POST=private-registries/create-org-private-registry
/orgs/*/private-registries/* DELETE=private-registries/delete-org-private-registry GET=private-registries/get-org-private-registry PATCH=private-registries/update-org-private-registry
/orgs/*/private-registries/public-key GET=private-registries/get-org-public-key
/orgs/*/projectsV2 GET=projects/list-for-org
/orgs/*/projectsV2/* GET=projects/get-for-org
/orgs/*/projectsV2/*/drafts POST=projects/create-draft-item-for-org
/orgs/*/projectsV2/*/fields GET=projects/list-fields-for-org POST=projects/add-field-for-org
/orgs/*/projectsV2/*/fields/* GET=projects/get-field-for-org
/orgs/*/projectsV2/*/items GET=projects/list-items-for-org POST=projects/add-item-for-org
/orgs/*/projectsV2/*/items/* DELETE=projects/delete-item-for-org GET=projects/get-org-item PATCH=projects/update-item-for-org
/orgs/*/projectsV2/*/views POST=projects/create-view-for-org
/orgs/*/projectsV2/*/views/*/items GET=projects/list-view-items-for-org
/orgs/*/properties/schema GET=orgs/custom-properties-for-repos-get-organization-definitions PATCH=orgs/custom-properties-for-repos-create-or-update-organization-definitions
/orgs/*/properties/schema/* DELETE=orgs/custom-properties-for-repos-delete-organization-definition GET=orgs/custom-properties-for-repos-get-organization-definition PUT=orgs/custom-properties-for-repos-create-or-update-organization-definition
/orgs/*/properties/values GET=orgs/custom-properties-for-repos-get-organization-values PATCH=orgs/custom-properties-for-repos-create-or-update-organization-values
/orgs/*/public_members GET=orgs/list-public-members
/orgs/*/public_members/* DELETE=orgs/remove-public-membership-for-authenticated-user GET=orgs/check-public-membership-for-user PUT=orgs/set-public-membership-for-authenticated-user
/orgs/*/repos GET=repos/list-for-org POST=repos/create-in-org
/orgs/*/rulesets GET=repos/get-org-rulesets POST=repos/create-org-ruleset
/orgs/*/rulesets/* DELETE=repos/delete-org-ruleset GET=repos/get-org-ruleset PUT=repos/update-org-ruleset
/orgs/*/rulesets/*/history GET=orgs/get-org-ruleset-history
/orgs/*/rulesets/*/history/* GET=orgs/get-org-ruleset-version
/orgs/*/rulesets/rule-suites GET=repos/get-org-rule-suites
/orgs/*/rulesets/rule-suites/* GET=repos/get-org-rule-suite
/orgs/*/secret-scanning/alerts GET=secret-scanning/list-alerts-for-org
/orgs/*/secret-scanning/custom-patterns DELETE=secret-scanning/bulk-delete-org-custom-patterns GET=secret-scanning/list-org-custom-patterns POST=secret-scanning/bulk-create-org-custom-patterns
/orgs/*/secret-scanning/custom-patterns/* PATCH=secret-scanning/update-org-custom-pattern
/orgs/*/secret-scanning/pattern-configurations GET=secret-scanning/list-org-pattern-configs PATCH=secret-scanning/update-org-pattern-configs
/orgs/*/security-advisories GET=security-advisories/list-org-repository-advisories
/orgs/*/security-managers GET=orgs/list-security-manager-teams
/orgs/*/security-managers/teams/* DELETE=orgs/remove-security-manager-team PUT=orgs/add-security-manager-team
/orgs/*/settings/immutable-releases GET=orgs/get-immutable-releases-settings PUT=orgs/set-immutable-releases-settings
/orgs/*/settings/immutable-releases/repositories GET=orgs/get-immutable-releases-settings-repositories PUT=orgs/set-immutable-releases-settings-repositories
/orgs/*/settings/immutable-releases/repositories/* DELETE=orgs/disable-selected-repository-immutable-releases-organization PUT=orgs/enable-selected-repository-immutable-releases-organization
/orgs/*/settings/network-configurations GET=hosted-compute/list-network-configurations-for-org POST=hosted-compute/create-network-configuration-for-org
/orgs/*/settings/network-configurations/* DELETE=hosted-compute/delete-network-configuration-from-org GET=hosted-compute/get-network-configuration-for-org PATCH=hosted-compute/update-network-configuration-for-org
/orgs/*/settings/network-settings/* GET=hosted-compute/get-network-settings-for-org
/orgs/*/teams GET=teams/list POST=teams/create
/orgs/*/teams/* DELETE=teams/delete-in-org GET=teams/get-by-name PATCH=teams/update-in-org
/orgs/*/teams/*/invitations GET=teams/list-pending-invitations-in-org
/orgs/*/teams/*/members GET=teams/list-members-in-org
/orgs/*/teams/*/memberships/* DELETE=teams/remove-membership-for-user-in-org GET=teams/get-membership-for-user-in-org PUT=teams/add-or-update-membership-for-user-in-org
/orgs/*/teams/*/repos GET=teams/list-repos-in-org
/orgs/*/teams/*/repos/*/* DELETE=teams/remove-repo-in-org GET=teams/check-permissions-for-repo-in-org PUT=teams/add-or-update-repo-permissions-in-org
/orgs/*/teams/*/teams GET=teams/list-child-in-org
/rate_limit GET=rate-limit/get
/repos/*/* DELETE=repos/delete GET=repos/get PATCH=repos/update
/repos/*/*/actions/artifacts GET=actions/list-artifacts-for-repo
/repos/*/*/actions/artifacts/* DELETE=actions/delete-artifact GET=actions/get-artifact
/repos/*/*/actions/artifacts/*/* GET=actions/download-artifact
/repos/*/*/actions/cache/retention-limit GET=actions/get-actions-cache-retention-limit-for-repository PUT=actions/set-actions-cache-retention-limit-for-repository
/repos/*/*/actions/cache/storage-limit GET=actions/get-actions-cache-storage-limit-for-repository PUT=actions/set-actions-cache-storage-limit-for-repository
/repos/*/*/actions/cache/usage GET=actions/get-actions-cache-usage
/repos/*/*/actions/caches DELETE=actions/delete-actions-cache-by-key GET=actions/get-actions-cache-list
/repos/*/*/actions/caches/* DELETE=actions/delete-actions-cache-by-id
/repos/*/*/actions/concurrency_groups GET=actions/list-concurrency-groups-for-repository
/repos/*/*/actions/concurrency_groups/* GET=actions/get-concurrency-group-for-repository
/repos/*/*/actions/jobs/* GET=actions/get-job-for-workflow-run
/repos/*/*/actions/jobs/*/logs GET=actions/download-job-logs-for-workflow-run
/repos/*/*/actions/jobs/*/rerun POST=actions/re-run-job-for-workflow-run
/repos/*/*/actions/oidc/customization/sub GET=actions/get-custom-oidc-sub-claim-for-repo PUT=actions/set-custom-oidc-sub-claim-for-repo
/repos/*/*/actions/organization-secrets GET=actions/list-repo-organization-secrets
/repos/*/*/actions/organization-variables GET=actions/list-repo-organization-variables
/repos/*/*/actions/permissions GET=actions/get-github-actions-permissions-repository PUT=actions/set-github-actions-permissions-repository
/repos/*/*/actions/permissions/access GET=actions/get-workflow-access-to-repository PUT=actions/set-workflow-access-to-repository
/repos/*/*/actions/permissions/artifact-and-log-retention GET=actions/get-artifact-and-log-retention-settings-repository PUT=actions/set-artifact-and-log-retention-settings-repository
/repos/*/*/actions/permissions/fork-pr-contributor-approval GET=actions/get-fork-pr-contributor-approval-permissions-repository PUT=actions/set-fork-pr-contributor-approval-permissions-repository
/repos/*/*/actions/permissions/fork-pr-workflows-private-repos GET=actions/get-private-repo-fork-pr-workflows-settings-repository PUT=actions/set-private-repo-fork-pr-workflows-settings-repository
/repos/*/*/actions/permissions/selected-actions GET=actions/get-allowed-actions-repository PUT=actions/set-allowed-actions-repository
/repos/*/*/actions/permissions/workflow GET=actions/get-github-actions-default-workflow-permissions-repository PUT=actions/set-github-actions-default-workflow-permissions-repository
/repos/*/*/actions/runners GET=actions/list-self-hosted-runners-for-repo
/repos/*/*/actions/runners/* DELETE=actions/delete-self-hosted-runner-from-repo GET=actions/get-self-hosted-runner-for-repo
/repos/*/*/actions/runners/*/labels DELETE=actions/remove-all-custom-labels-from-self-hosted-runner-for-repo GET=actions/list-labels-for-self-hosted-runner-for-repo POST=actions/add-custom-labels-to-self-hosted-runner-for-repo PUT=actions/set-custom-labels-for-self-hosted-runner-for-repo
/repos/*/*/actions/runners/*/labels/* DELETE=actions/remove-custom-label-from-self-hosted-runner-for-repo
/repos/*/*/actions/runners/downloads GET=actions/list-runner-applications-for-repo
/repos/*/*/actions/runners/generate-jitconfig POST=actions/generate-runner-jitconfig-for-repo
/repos/*/*/actions/runners/registration-token POST=actions/create-registration-token-for-repo
/repos/*/*/actions/runners/remove-token POST=actions/create-remove-token-for-repo
/repos/*/*/actions/runs GET=actions/list-workflow-runs-for-repo
/repos/*/*/actions/runs/* DELETE=actions/delete-workflow-run GET=actions/get-workflow-run
/repos/*/*/actions/runs/*/approvals GET=actions/get-reviews-for-run
/repos/*/*/actions/runs/*/approve POST=actions/approve-workflow-run
/repos/*/*/actions/runs/*/artifacts GET=actions/list-workflow-run-artifacts
/repos/*/*/actions/runs/*/attempts/* GET=actions/get-workflow-run-attempt
/repos/*/*/actions/runs/*/attempts/*/jobs GET=actions/list-jobs-for-workflow-run-attempt
/repos/*/*/actions/runs/*/attempts/*/logs GET=actions/download-workflow-run-attempt-logs
/repos/*/*/actions/runs/*/cancel POST=actions/cancel-workflow-run
/repos/*/*/actions/runs/*/concurrency_groups GET=actions/list-concurrency-groups-for-workflow-run
/repos/*/*/actions/runs/*/deployment_protection_rule POST=actions/review-custom-gates-for-run
/repos/*/*/actions/runs/*/force-cancel POST=actions/force-cancel-workflow-run
/repos/*/*/actions/runs/*/jobs GET=actions/list-jobs-for-workflow-run
/repos/*/*/actions/runs/*/logs DELETE=actions/delete-workflow-run-logs GET=actions/download-workflow-run-logs
/repos/*/*/actions/runs/*/pending_deployments GET=actions/get-pending-deployments-for-run POST=actions/review-pending-deployments-for-run
/repos/*/*/actions/runs/*/rerun POST=actions/re-run-workflow
/repos/*/*/actions/runs/*/rerun-failed-jobs POST=actions/re-run-workflow-failed-jobs
/repos/*/*/actions/runs/*/timing GET=actions/get-workflow-run-usage
/repos/*/*/actions/secrets GET=actions/list-repo-secrets
/repos/*/*/actions/secrets/* DELETE=actions/delete-repo-secret GET=actions/get-repo-secret PUT=actions/create-or-update-repo-secret
/repos/*/*/actions/secrets/public-key GET=actions/get-repo-public-key
/repos/*/*/actions/variables GET=actions/list-repo-variables POST=actions/create-repo-variable
/repos/*/*/actions/variables/* DELETE=actions/delete-repo-variable GET=actions/get-repo-variable PATCH=actions/update-repo-variable
/repos/*/*/actions/workflows GET=actions/list-repo-workflows
/repos/*/*/actions/workflows/* GET=actions/get-workflow
/repos/*/*/actions/workflows/*/disable PUT=actions/disable-workflow
/repos/*/*/actions/workflows/*/dispatches POST=actions/create-workflow-dispatch
/repos/*/*/actions/workflows/*/enable PUT=actions/enable-workflow
/repos/*/*/actions/workflows/*/runs GET=actions/list-workflow-runs
/repos/*/*/actions/workflows/*/timing GET=actions/get-workflow-usage
/repos/*/*/activity GET=repos/list-activities
/repos/*/*/agents/organization-secrets GET=agents/list-repo-organization-secrets
/repos/*/*/agents/organization-variables GET=agents/list-repo-organization-variables
/repos/*/*/agents/secrets GET=agents/list-repo-secrets
/repos/*/*/agents/secrets/* DELETE=agents/delete-repo-secret GET=agents/get-repo-secret PUT=agents/create-or-update-repo-secret
/repos/*/*/agents/secrets/public-key GET=agents/get-repo-public-key
/repos/*/*/agents/variables GET=agents/list-repo-variables POST=agents/create-repo-variable
/repos/*/*/agents/variables/* DELETE=agents/delete-repo-variable GET=agents/get-repo-variable PATCH=agents/update-repo-variable
/repos/*/*/assignees GET=issues/list-assignees
/repos/*/*/assignees/* GET=issues/check-user-can-be-assigned
/repos/*/*/attestations POST=repos/create-attestation
/repos/*/*/attestations/** GET=repos/list-attestations
/repos/*/*/autolinks GET=repos/list-autolinks POST=repos/create-autolink
/repos/*/*/autolinks/* DELETE=repos/delete-autolink GET=repos/get-autolink
/repos/*/*/automated-security-fixes DELETE=repos/disable-automated-security-fixes GET=repos/check-automated-security-fixes PUT=repos/enable-automated-security-fixes
/repos/*/*/branches GET=repos/list-branches
/repos/*/*/branches/* GET=repos/get-branch
/repos/*/*/branches/*/protection DELETE=repos/delete-branch-protection GET=repos/get-branch-protection PUT=repos/update-branch-protection
/repos/*/*/branches/*/protection/enforce_admins DELETE=repos/delete-admin-branch-protection GET=repos/get-admin-branch-protection POST=repos/set-admin-branch-protection
/repos/*/*/branches/*/protection/required_pull_request_reviews DELETE=repos/delete-pull-request-review-protection GET=repos/get-pull-request-review-protection PATCH=repos/update-pull-request-review-protection
/repos/*/*/branches/*/protection/required_signatures DELETE=repos/delete-commit-signature-protection GET=repos/get-commit-signature-protection POST=repos/create-commit-signature-protection
/repos/*/*/branches/*/protection/required_status_checks DELETE=repos/remove-status-check-protection GET=repos/get-status-checks-protection PATCH=repos/update-status-check-protection
/repos/*/*/branches/*/protection/required_status_checks/contexts DELETE=repos/remove-status-check-contexts GET=repos/get-all-status-check-contexts POST=repos/add-status-check-contexts PUT=repos/set-status-check-contexts
/repos/*/*/branches/*/protection/restrictions DELETE=repos/delete-access-restrictions GET=repos/get-access-restrictions
/repos/*/*/branches/*/protection/restrictions/apps DELETE=repos/remove-app-access-restrictions GET=repos/get-apps-with-access-to-protected-branch POST=repos/add-app-access-restrictions PUT=repos/set-app-access-restrictions
/repos/*/*/branches/*/protection/restrictions/teams DELETE=repos/remove-team-access-restrictions GET=repos/get-teams-with-access-to-protected-branch POST=repos/add-team-access-restrictions PUT=repos/set-team-access-restrictions
/repos/*/*/branches/*/protection/restrictions/users DELETE=repos/remove-user-access-restrictions GET=repos/get-users-with-access-to-protected-branch POST=repos/add-user-access-restrictions PUT=repos/set-user-access-restrictions
/repos/*/*/branches/*/rename POST=repos/rename-branch
/repos/*/*/check-runs POST=checks/create
/repos/*/*/check-runs/* GET=checks/get PATCH=checks/update
/repos/*/*/check-runs/*/annotations GET=checks/list-annotations
/repos/*/*/check-runs/*/rerequest POST=checks/rerequest-run
/repos/*/*/check-suites POST=checks/create-suite
/repos/*/*/check-suites/* GET=checks/get-suite
/repos/*/*/check-suites/*/check-runs GET=checks/list-for-suite
/repos/*/*/check-suites/*/rerequest POST=checks/rerequest-suite
/repos/*/*/check-suites/preferences PATCH=checks/set-suites-preferences
/repos/*/*/code-quality/findings GET=code-quality/list-findings-for-repo
/repos/*/*/code-quality/findings/* GET=code-quality/get-finding
/repos/*/*/code-quality/setup GET=code-quality/get-setup PATCH=code-quality/update-setup
/repos/*/*/code-scanning/alerts GET=code-scanning/list-alerts-for-repo
/repos/*/*/code-scanning/alerts/* GET=code-scanning/get-alert PATCH=code-scanning/update-alert
/repos/*/*/code-scanning/alerts/*/autofix GET=code-scanning/get-autofix POST=code-scanning/create-autofix
/repos/*/*/code-scanning/alerts/*/autofix/commits POST=code-scanning/commit-autofix
/repos/*/*/code-scanning/alerts/*/instances GET=code-scanning/list-alert-instances
/repos/*/*/code-scanning/analyses GET=code-scanning/list-recent-analyses
/repos/*/*/code-scanning/analyses/* DELETE=code-scanning/delete-analysis GET=code-scanning/get-analysis
/repos/*/*/code-scanning/codeql/databases GET=code-scanning/list-codeql-databases
/repos/*/*/code-scanning/codeql/databases/* DELETE=code-scanning/delete-codeql-database GET=code-scanning/get-codeql-database
/repos/*/*/code-scanning/codeql/variant-analyses POST=code-scanning/create-variant-analysis
/repos/*/*/code-scanning/codeql/variant-analyses/* GET=code-scanning/get-variant-analysis
/repos/*/*/code-scanning/codeql/variant-analyses/*/repos/*/* GET=code-scanning/get-variant-analysis-repo-task
/repos/*/*/code-scanning/default-setup GET=code-scanning/get-default-setup PATCH=code-scanning/update-default-setup
/repos/*/*/code-scanning/sarifs POST=code-scanning/upload-sarif
/repos/*/*/code-scanning/sarifs/* GET=code-scanning/get-sarif
/repos/*/*/code-security-configuration GET=code-security/get-configuration-for-repository
/repos/*/*/codeowners/errors GET=repos/codeowners-errors
/repos/*/*/codespaces GET=codespaces/list-in-repository-for-authenticated-user POST=codespaces/create-with-repo-for-authenticated-user
/repos/*/*/codespaces/devcontainers GET=codespaces/list-devcontainers-in-repository-for-authenticated-user
/repos/*/*/codespaces/machines GET=codespaces/repo-machines-for-authenticated-user
/repos/*/*/codespaces/new GET=codespaces/pre-flight-with-repo-for-authenticated-user
/repos/*/*/codespaces/permissions_check GET=codespaces/check-permissions-for-devcontainer
/repos/*/*/codespaces/secrets GET=codespaces/list-repo-secrets
/repos/*/*/codespaces/secrets/* DELETE=codespaces/delete-repo-secret GET=codespaces/get-repo-secret PUT=codespaces/create-or-update-repo-secret
/repos/*/*/codespaces/secrets/public-key GET=codespaces/get-repo-public-key
/repos/*/*/collaborators GET=repos/list-collaborators
/repos/*/*/collaborators/* DELETE=repos/remove-collaborator GET=repos/check-collaborator PUT=repos/add-collaborator
/repos/*/*/collaborators/*/permission GET=repos/get-collaborator-permission-level
/repos/*/*/comments GET=repos/list-commit-comments-for-repo
/repos/*/*/comments/* DELETE=repos/delete-commit-comment GET=repos/get-commit-comment PATCH=repos/update-commit-comment
/repos/*/*/comments/*/reactions GET=reactions/list-for-commit-comment POST=reactions/create-for-commit-comment
/repos/*/*/comments/*/reactions/* DELETE=reactions/delete-for-commit-comment
/repos/*/*/commits GET=repos/list-commits
/repos/*/*/commits/** GET=repos/get-commit
/repos/*/*/commits/*/branches-where-head GET=repos/list-branches-for-head-commit
/repos/*/*/commits/*/check-runs GET=checks/list-for-ref
/repos/*/*/commits/*/check-suites GET=checks/list-suites-for-ref
/repos/*/*/commits/*/comments GET=repos/list-comments-for-commit POST=repos/create-commit-comment
/repos/*/*/commits/*/pulls GET=repos/list-pull-requests-associated-with-commit
/repos/*/*/commits/*/status GET=repos/get-combined-status-for-ref
/repos/*/*/commits/*/statuses GET=repos/list-commit-statuses-for-ref
/repos/*/*/community/profile GET=repos/get-community-profile-metrics
/repos/*/*/compare/** GET=repos/compare-commits-with-basehead
/repos/*/*/compare/*...* GET=repos/compare-commits
/repos/*/*/contents/** DELETE=repos/delete-file GET=repos/get-content PUT=repos/create-or-update-file-contents
/repos/*/*/contributors GET=repos/list-contributors
/repos/*/*/copilot/cloud-agent/configuration GET=copilot/get-copilot-cloud-agent-configuration
/repos/*/*/dependabot/alerts GET=dependabot/list-alerts-for-repo
/repos/*/*/dependabot/alerts/* GET=dependabot/get-alert PATCH=dependabot/update-alert
/repos/*/*/dependabot/secrets GET=dependabot/list-repo-secrets
/repos/*/*/dependabot/secrets/* DELETE=dependabot/delete-repo-secret GET=dependabot/get-repo-secret PUT=dependabot/create-or-update-repo-secret
/repos/*/*/dependabot/secrets/public-key GET=dependabot/get-repo-public-key
/repos/*/*/dependency-graph/compare/* GET=dependency-graph/diff-range
/repos/*/*/dependency-graph/sbom GET=dependency-graph/export-sbom
/repos/*/*/dependency-graph/sbom/fetch-report/* GET=dependency-graph/fetch-sbom-report
/repos/*/*/dependency-graph/sbom/generate-report GET=dependency-graph/generate-sbom-report
/repos/*/*/dependency-graph/snapshots POST=dependency-graph/create-repository-snapshot
/repos/*/*/deployments GET=repos/list-deployments POST=repos/create-deployment
/repos/*/*/deployments/* DELETE=repos/delete-deployment GET=repos/get-deployment
/repos/*/*/deployments/*/statuses GET=repos/list-deployment-statuses POST=repos/create-deployment-status
/repos/*/*/deployments/*/statuses/* GET=repos/get-deployment-status
/repos/*/*/dispatches POST=repos/create-dispatch-event
/repos/*/*/environments GET=repos/get-all-environments
/repos/*/*/environments/* DELETE=repos/delete-an-environment GET=repos/get-environment PUT=repos/create-or-update-environment
/repos/*/*/environments/*/deployment-branch-policies GET=repos/list-deployment-branch-policies POST=repos/create-deployment-branch-policy
/repos/*/*/environments/*/deployment-branch-policies/* DELETE=repos/delete-deployment-branch-policy GET=repos/get-deployment-branch-policy PUT=repos/update-deployment-branch-policy
/repos/*/*/environments/*/deployment_protection_rules GET=repos/get-all-deployment-protection-rules POST=repos/create-deployment-protection-rule
/repos/*/*/environments/*/deployment_protection_rules/* DELETE=repos/disable-deployment-protection-rule GET=repos/get-custom-deployment-protection-rule
/repos/*/*/environments/*/deployment_protection_rules/apps GET=repos/list-custom-deployment-rule-integrations
/repos/*/*/environments/*/secrets GET=actions/list-environment-secrets
/repos/*/*/environments/*/secrets/* DELETE=actions/delete-environment-secret GET=actions/get-environment-secret PUT=actions/create-or-update-environment-secret
/repos/*/*/environments/*/secrets/public-key GET=actions/get-environment-public-key
/repos/*/*/environments/*/variables GET=actions/list-environment-variables POST=actions/create-environment-variable
/repos/*/*/environments/*/variables/* DELETE=actions/delete-environment-variable GET=actions/get-environment-variable PATCH=actions/update-environment-variable
/repos/*/*/events GET=activity/list-repo-events
/repos/*/*/forks GET=repos/list-forks POST=repos/create-fork
/repos/*/*/generate POST=repos/create-using-template
/repos/*/*/git/blobs POST=git/create-blob
/repos/*/*/git/blobs/* GET=git/get-blob
/repos/*/*/git/commits POST=git/create-commit
/repos/*/*/git/commits/* GET=git/get-commit
/repos/*/*/git/matching-refs/** GET=git/list-matching-refs
/repos/*/*/git/ref/** GET=git/get-ref
/repos/*/*/git/refs POST=git/create-ref
/repos/*/*/git/refs/** DELETE=git/delete-ref PATCH=git/update-ref
/repos/*/*/git/tags POST=git/create-tag
/repos/*/*/git/tags/* GET=git/get-tag
/repos/*/*/git/trees POST=git/create-tree
/repos/*/*/git/trees/** GET=git/get-tree
/repos/*/*/hash-algorithm GET=repos/get-hash-algorithm
/repos/*/*/hooks GET=repos/list-webhooks POST=repos/create-webhook
/repos/*/*/hooks/* DELETE=repos/delete-webhook GET=repos/get-webhook PATCH=repos/update-webhook
/repos/*/*/hooks/*/config GET=repos/get-webhook-config-for-repo PATCH=repos/update-webhook-config-for-repo
/repos/*/*/hooks/*/deliveries GET=repos/list-webhook-deliveries
/repos/*/*/hooks/*/deliveries/* GET=repos/get-webhook-delivery
/repos/*/*/hooks/*/deliveries/*/attempts POST=repos/redeliver-webhook-delivery
/repos/*/*/hooks/*/pings POST=repos/ping-webhook
/repos/*/*/hooks/*/tests POST=repos/test-push-webhook
/repos/*/*/immutable-releases DELETE=repos/disable-immutable-releases GET=repos/check-immutable-releases PUT=repos/enable-immutable-releases
/repos/*/*/import DELETE=migrations/cancel-import GET=migrations/get-import-status PATCH=migrations/update-import PUT=migrations/start-import
/repos/*/*/import/authors GET=migrations/get-commit-authors
/repos/*/*/import/authors/* PATCH=migrations/map-commit-author
/repos/*/*/import/large_files GET=migrations/get-large-files
/repos/*/*/import/lfs PATCH=migrations/set-lfs-preference
/repos/*/*/installation GET=apps/get-repo-installation
/repos/*/*/interaction-limits DELETE=interactions/remove-restrictions-for-repo GET=interactions/get-restrictions-for-repo PUT=interactions/set-restrictions-for-repo
/repos/*/*/interaction-limits/pulls/bypass-list DELETE=interactions/remove-pull-request-bypass-list-for-repo GET=interactions/get-pull-request-bypass-list-for-repo PUT=interactions/set-pull-request-bypass-list-for-repo
/repos/*/*/interaction-limits/pulls/creation-cap GET=interactions/get-pull-request-creation-cap-for-repo PATCH=interactions/update-pull-request-creation-cap-for-repo
/repos/*/*/invitations GET=repos/list-invitations
/repos/*/*/invitations/* DELETE=repos/delete-invitation PATCH=repos/update-invitation
/repos/*/*/issue-types GET=repos/list-issue-types
/repos/*/*/issues GET=issues/list-for-repo POST=issues/create
/repos/*/*/issues/* GET=issues/get PATCH=issues/update
/repos/*/*/issues/*/assignees DELETE=issues/remove-assignees POST=issues/add-assignees
/repos/*/*/issues/*/assignees/* GET=issues/check-user-can-be-assigned-to-issue
/repos/*/*/issues/*/comments GET=issues/list-comments POST=issues/create-comment
/repos/*/*/issues/*/dependencies/blocked_by GET=issues/list-dependencies-blocked-by POST=issues/add-blocked-by-dependency
/repos/*/*/issues/*/dependencies/blocked_by/* DELETE=issues/remove-dependency-blocked-by
/repos/*/*/issues/*/dependencies/blocking GET=issues/list-dependencies-blocking
/repos/*/*/issues/*/events GET=issues/list-events
/repos/*/*/issues/*/issue-field-values GET=issues/list-issue-field-values-for-issue POST=issues/add-issue-field-values PUT=issues/set-issue-field-values
/repos/*/*/issues/*/issue-field-values/* DELETE=issues/delete-issue-field-value
/repos/*/*/issues/*/labels DELETE=issues/remove-all-labels GET=issues/list-labels-on-issue POST=issues/add-labels PUT=issues/set-labels
/repos/*/*/issues/*/labels/* DELETE=issues/remove-label
/repos/*/*/issues/*/lock DELETE=issues/unlock PUT=issues/lock
/repos/*/*/issues/*/parent GET=issues/get-parent
/repos/*/*/issues/*/reactions GET=reactions/list-for-issue POST=reactions/create-for-issue
/repos/*/*/issues/*/reactions/* DELETE=reactions/delete-for-issue
/repos/*/*/issues/*/sub_issue DELETE=issues/remove-sub-issue
/repos/*/*/issues/*/sub_issues GET=issues/list-sub-issues POST=issues/add-sub-issue
/repos/*/*/issues/*/sub_issues/priority PATCH=issues/reprioritize-sub-issue
/repos/*/*/issues/*/suggestions GET=issues/list-suggestions
/repos/*/*/issues/*/suggestions/*/approve POST=issues/approve-suggestion
/repos/*/*/issues/*/suggestions/*/dismiss POST=issues/dismiss-suggestion
/repos/*/*/issues/*/timeline GET=issues/list-events-for-timeline
/repos/*/*/issues/comments GET=issues/list-comments-for-repo
/repos/*/*/issues/comments/* DELETE=issues/delete-comment GET=issues/get-comment PATCH=issues/update-comment
/repos/*/*/issues/comments/*/pin DELETE=issues/unpin-comment PUT=issues/pin-comment
/repos/*/*/issues/comments/*/reactions GET=reactions/list-for-issue-comment POST=reactions/create-for-issue-comment
/repos/*/*/issues/comments/*/reactions/* DELETE=reactions/delete-for-issue-comment
/repos/*/*/issues/events GET=issues/list-events-for-repo
/repos/*/*/issues/events/* GET=issues/get-event
/repos/*/*/keys GET=repos/list-deploy-keys POST=repos/create-deploy-key
/repos/*/*/keys/* DELETE=repos/delete-deploy-key GET=repos/get-deploy-key
/repos/*/*/labels GET=issues/list-labels-for-repo POST=issues/create-label
/repos/*/*/labels/* DELETE=issues/delete-label GET=issues/get-label PATCH=issues/update-label
/repos/*/*/languages GET=repos/list-languages
/repos/*/*/license GET=licenses/get-for-repo
/repos/*/*/merge-upstream POST=repos/merge-upstream
/repos/*/*/merges POST=repos/merge
/repos/*/*/milestones GET=issues/list-milestones POST=issues/create-milestone
/repos/*/*/milestones/* DELETE=issues/delete-milestone GET=issues/get-milestone PATCH=issues/update-milestone
/repos/*/*/milestones/*/labels GET=issues/list-labels-for-milestone
/repos/*/*/notifications GET=activity/list-repo-notifications-for-authenticated-user PUT=activity/mark-repo-notifications-as-read
/repos/*/*/pages DELETE=repos/delete-pages-site GET=repos/get-pages POST=repos/create-pages-site PUT=repos/update-information-about-pages-site
/repos/*/*/pages/builds GET=repos/list-pages-builds POST=repos/request-pages-build
/repos/*/*/pages/builds/* GET=repos/get-pages-build
/repos/*/*/pages/builds/latest GET=repos/get-latest-pages-build
/repos/*/*/pages/deployments POST=repos/create-pages-deployment
/repos/*/*/pages/deployments/* GET=repos/get-pages-deployment
/repos/*/*/pages/deployments/*/cancel POST=repos/cancel-pages-deployment
/repos/*/*/pages/health GET=repos/get-pages-health-check
/repos/*/*/private-vulnerability-reporting DELETE=repos/disable-private-vulnerability-reporting GET=repos/check-private-vulnerability-reporting PUT=repos/enable-private-vulnerability-reporting
/repos/*/*/properties/values GET=repos/custom-properties-for-repos-get-repository-values PATCH=repos/custom-properties-for-repos-create-or-update-repository-values
/repos/*/*/pulls GET=pulls/list POST=pulls/create
/repos/*/*/pulls/* GET=pulls/get PATCH=pulls/update
/repos/*/*/pulls/*/codespaces POST=codespaces/create-with-pr-for-authenticated-user
/repos/*/*/pulls/*/comments GET=pulls/list-review-comments POST=pulls/create-review-comment
/repos/*/*/pulls/*/comments/*/replies POST=pulls/create-reply-for-review-comment
/repos/*/*/pulls/*/commits GET=pulls/list-commits
/repos/*/*/pulls/*/files GET=pulls/list-files
/repos/*/*/pulls/*/merge GET=pulls/check-if-merged PUT=pulls/merge
/repos/*/*/pulls/*/merge-async PUT=pulls/merge-async
/repos/*/*/pulls/*/merge-async/* GET=pulls/get-merge-async-result
/repos/*/*/pulls/*/requested_reviewers DELETE=pulls/remove-requested-reviewers GET=pulls/list-requested-reviewers POST=pulls/request-reviewers
/repos/*/*/pulls/*/reviews GET=pulls/list-reviews POST=pulls/create-review
/repos/*/*/pulls/*/reviews/* DELETE=pulls/delete-pending-review GET=pulls/get-review PUT=pulls/update-review
/repos/*/*/pulls/*/reviews/*/comments GET=pulls/list-comments-for-review
/repos/*/*/pulls/*/reviews/*/dismissals PUT=pulls/dismiss-review
/repos/*/*/pulls/*/reviews/*/events POST=pulls/submit-review
/repos/*/*/pulls/*/update-branch PUT=pulls/update-branch
/repos/*/*/pulls/comments GET=pulls/list-review-comments-for-repo
/repos/*/*/pulls/comments/* DELETE=pulls/delete-review-comment GET=pulls/get-review-comment PATCH=pulls/update-review-comment
/repos/*/*/pulls/comments/*/reactions GET=reactions/list-for-pull-request-review-comment POST=reactions/create-for-pull-request-review-comment
/repos/*/*/pulls/comments/*/reactions/* DELETE=reactions/delete-for-pull-request-comment
/repos/*/*/readme GET=repos/get-readme
/repos/*/*/readme/** GET=repos/get-readme-in-directory
/repos/*/*/releases GET=repos/list-releases POST=repos/create-release
/repos/*/*/releases/* DELETE=repos/delete-release GET=repos/get-release PATCH=repos/update-release
/repos/*/*/releases/*/assets GET=repos/list-release-assets POST=repos/upload-release-asset
/repos/*/*/releases/*/reactions GET=reactions/list-for-release POST=reactions/create-for-release
/repos/*/*/releases/*/reactions/* DELETE=reactions/delete-for-release
/repos/*/*/releases/assets/* DELETE=repos/delete-release-asset GET=repos/get-release-asset PATCH=repos/update-release-asset
/repos/*/*/releases/generate-notes POST=repos/generate-release-notes
/repos/*/*/releases/latest GET=repos/get-latest-release
/repos/*/*/releases/tags/** GET=repos/get-release-by-tag
/repos/*/*/rules/branches/* GET=repos/get-branch-rules
/repos/*/*/rulesets GET=repos/get-repo-rulesets POST=repos/create-repo-ruleset
/repos/*/*/rulesets/* DELETE=repos/delete-repo-ruleset GET=repos/get-repo-ruleset PUT=repos/update-repo-ruleset
/repos/*/*/rulesets/*/history GET=repos/get-repo-ruleset-history
/repos/*/*/rulesets/*/history/* GET=repos/get-repo-ruleset-version
/repos/*/*/rulesets/rule-suites GET=repos/get-repo-rule-suites
/repos/*/*/rulesets/rule-suites/* GET=repos/get-repo-rule-suite
/repos/*/*/secret-scanning/alerts GET=secret-scanning/list-alerts-for-repo
/repos/*/*/secret-scanning/alerts/* GET=secret-scanning/get-alert PATCH=secret-scanning/update-alert
/repos/*/*/secret-scanning/alerts/*/locations GET=secret-scanning/list-locations-for-alert
/repos/*/*/secret-scanning/custom-patterns DELETE=secret-scanning/bulk-delete-repo-custom-patterns GET=secret-scanning/list-repo-custom-patterns POST=secret-scanning/bulk-create-repo-custom-patterns
/repos/*/*/secret-scanning/custom-patterns/* PATCH=secret-scanning/update-repo-custom-pattern
/repos/*/*/secret-scanning/push-protection-bypasses POST=secret-scanning/create-push-protection-bypass
/repos/*/*/secret-scanning/scan-history GET=secret-scanning/get-scan-history
/repos/*/*/security-advisories GET=security-advisories/list-repository-advisories POST=security-advisories/create-repository-advisory
/repos/*/*/security-advisories/* GET=security-advisories/get-repository-advisory PATCH=security-advisories/update-repository-advisory
/repos/*/*/security-advisories/*/cve POST=security-advisories/create-repository-advisory-cve-request
/repos/*/*/security-advisories/*/forks POST=security-advisories/create-fork
/repos/*/*/security-advisories/reports POST=security-advisories/create-private-vulnerability-report
/repos/*/*/stacks GET=pull-request-stacks/list POST=pull-request-stacks/create
/repos/*/*/stacks/* GET=pull-request-stacks/get
/repos/*/*/stacks/*/add POST=pull-request-stacks/add
/repos/*/*/stacks/*/unstack POST=pull-request-stacks/unstack
/repos/*/*/stargazers GET=activity/list-stargazers-for-repo
/repos/*/*/stargazers/count GET=activity/get-stargazer-count-for-repo
/repos/*/*/stats/code_frequency GET=repos/get-code-frequency-stats
/repos/*/*/stats/commit_activity GET=repos/get-commit-activity-stats
/repos/*/*/stats/contributors GET=repos/get-contributors-stats
/repos/*/*/stats/participation GET=repos/get-participation-stats
/repos/*/*/stats/punch_card GET=repos/get-punch-card-stats
/repos/*/*/statuses/** POST=repos/create-commit-status
/repos/*/*/subscribers GET=activity/list-watchers-for-repo
/repos/*/*/subscription DELETE=activity/delete-repo-subscription GET=activity/get-repo-subscription PUT=activity/set-repo-subscription
/repos/*/*/tags GET=repos/list-tags
/repos/*/*/tarball/** GET=repos/download-tarball-archive
/repos/*/*/teams GET=repos/list-teams
/repos/*/*/topics GET=repos/get-all-topics PUT=repos/replace-all-topics
/repos/*/*/traffic/clones GET=repos/get-clones
/repos/*/*/traffic/popular/paths GET=repos/get-top-paths
/repos/*/*/traffic/popular/referrers GET=repos/get-top-referrers
/repos/*/*/traffic/views GET=repos/get-views
/repos/*/*/transfer POST=repos/transfer
/repos/*/*/vulnerability-alerts DELETE=repos/disable-vulnerability-alerts GET=repos/check-vulnerability-alerts PUT=repos/enable-vulnerability-alerts
/repos/*/*/zipball/** GET=repos/download-zipball-archive
/repositories GET=repos/list-public
/search/code GET=search/code
/search/commits GET=search/commits
/search/issues GET=search/issues-and-pull-requests
/search/labels GET=search/labels
/search/repositories GET=search/repos
/search/topics GET=search/topics
/search/users GET=search/users
/teams/* DELETE=teams/delete-legacy GET=teams/get-legacy PATCH=teams/update-legacy
/teams/*/invitations GET=teams/list-pending-invitations-legacy
/teams/*/members GET=teams/list-members-legacy
/teams/*/members/* DELETE=teams/remove-member-legacy GET=teams/get-member-legacy PUT=teams/add-member-legacy
/teams/*/memberships/* DELETE=teams/remove-membership-for-user-legacy GET=teams/get-membership-for-user-legacy PUT=teams/add-or-update-membership-for-user-legacy
/teams/*/repos GET=teams/list-repos-legacy
/teams/*/repos/*/* DELETE=teams/remove-repo-legacy GET=teams/check-permissions-for-repo-legacy PUT=teams/add-or-update-repo-permissions-legacy
/teams/*/teams GET=teams/list-child-legacy
/user GET=users/get-authenticated PATCH=users/update-authenticated
/user/* GET=users/get-by-id
/user/*/projectsV2/*/drafts POST=projects/create-draft-item-for-authenticated-user
/user/blocks GET=users/list-blocked-by-authenticated-user
/user/blocks/* DELETE=users/unblock GET=users/check-blocked PUT=users/block
/user/codespaces GET=codespaces/list-for-authenticated-user POST=codespaces/create-for-authenticated-user
/user/codespaces/* DELETE=codespaces/delete-for-authenticated-user GET=codespaces/get-for-authenticated-user PATCH=codespaces/update-for-authenticated-user
/user/codespaces/*/exports POST=codespaces/export-for-authenticated-user
/user/codespaces/*/exports/* GET=codespaces/get-export-details-for-authenticated-user
/user/codespaces/*/machines GET=codespaces/codespace-machines-for-authenticated-user
/user/codespaces/*/publish POST=codespaces/publish-for-authenticated-user
/user/codespaces/*/start POST=codespaces/start-for-authenticated-user
/user/codespaces/*/stop POST=codespaces/stop-for-authenticated-user
/user/codespaces/secrets GET=codespaces/list-secrets-for-authenticated-user
/user/codespaces/secrets/* DELETE=codespaces/delete-secret-for-authenticated-user GET=codespaces/get-secret-for-authenticated-user PUT=codespaces/create-or-update-secret-for-authenticated-user
/user/codespaces/secrets/*/repositories GET=codespaces/list-repositories-for-secret-for-authenticated-user PUT=codespaces/set-repositories-for-secret-for-authenticated-user
/user/codespaces/secrets/*/repositories/* DELETE=codespaces/remove-repository-for-secret-for-authenticated-user PUT=codespaces/add-repository-for-secret-for-authenticated-user
/user/codespaces/secrets/public-key GET=codespaces/get-public-key-for-authenticated-user
/user/docker/conflicts GET=packages/list-docker-migration-conflicting-packages-for-authenticated-user
/user/email/visibility PATCH=users/set-primary-email-visibility-for-authenticated-user
/user/emails DELETE=users/delete-email-for-authenticated-user GET=users/list-emails-for-authenticated-user POST=users/add-email-for-authenticated-user
/user/followers GET=users/list-followers-for-authenticated-user
/user/following GET=users/list-followed-by-authenticated-user
/user/following/* DELETE=users/unfollow GET=users/check-person-is-followed-by-authenticated PUT=users/follow
/user/gpg_keys GET=users/list-gpg-keys-for-authenticated-user POST=users/create-gpg-key-for-authenticated-user
/user/gpg_keys/* DELETE=users/delete-gpg-key-for-authenticated-user GET=users/get-gpg-key-for-authenticated-user
/user/installations GET=apps/list-installations-for-authenticated-user
/user/installations/*/repositories GET=apps/list-installation-repos-for-authenticated-user
/user/installations/*/repositories/* DELETE=apps/remove-repo-from-installation-for-authenticated-user PUT=apps/add-repo-to-installation-for-authenticated-user
/user/interaction-limits DELETE=interactions/remove-restrictions-for-authenticated-user GET=interactions/get-restrictions-for-authenticated-user PUT=interactions/set-restrictions-for-authenticated-user
/user/issues GET=issues/list-for-authenticated-user
/user/keys GET=users/list-public-ssh-keys-for-authenticated-user POST=users/create-public-ssh-key-for-authenticated-user
/user/keys/* DELETE=users/delete-public-ssh-key-for-authenticated-user GET=users/get-public-ssh-key-for-authenticated-user
/user/marketplace_purchases GET=apps/list-subscriptions-for-authenticated-user
/user/marketplace_purchases/stubbed GET=apps/list-subscriptions-for-authenticated-user-stubbed
/user/memberships/orgs GET=orgs/list-memberships-for-authenticated-user
/user/memberships/orgs/* GET=orgs/get-membership-for-authenticated-user PATCH=orgs/update-membership-for-authenticated-user
/user/migrations GET=migrations/list-for-authenticated-user POST=migrations/start-for-authenticated-user
/user/migrations/* GET=migrations/get-status-for-authenticated-user
/user/migrations/*/archive DELETE=migrations/delete-archive-for-authenticated-user GET=migrations/get-archive-for-authenticated-user
/user/migrations/*/repos/*/lock DELETE=migrations/unlock-repo-for-authenticated-user
/user/migrations/*/repositories GET=migrations/list-repos-for-authenticated-user
/user/orgs GET=orgs/list-for-authenticated-user
/user/packages GET=packages/list-packages-for-authenticated-user
/user/packages/*/* DELETE=packages/delete-package-for-authenticated-user GET=packages/get-package-for-authenticated-user
/user/packages/*/*/restore POST=packages/restore-package-for-authenticated-user
/user/packages/*/*/versions GET=packages/get-all-package-versions-for-package-owned-by-authenticated-user
/user/packages/*/*/versions/* DELETE=packages/delete-package-version-for-authenticated-user GET=packages/get-package-version-for-authenticated-user
/user/packages/*/*/versions/*/restore POST=packages/restore-package-version-for-authenticated-user
/user/public_emails GET=users/list-public-emails-for-authenticated-user
/user/repos GET=repos/list-for-authenticated-user POST=repos/create-for-authenticated-user
/user/repository_invitations GET=repos/list-invitations-for-authenticated-user
/user/repository_invitations/* DELETE=repos/decline-invitation-for-authenticated-user PATCH=repos/accept-invitation-for-authenticated-user
/user/social_accounts DELETE=users/delete-social-account-for-authenticated-user GET=users/list-social-accounts-for-authenticated-user POST=users/add-social-account-for-authenticated-user
/user/ssh_signing_keys GET=users/list-ssh-signing-keys-for-authenticated-user POST=users/create-ssh-signing-key-for-authenticated-user
/user/ssh_signing_keys/* DELETE=users/delete-ssh-signing-key-for-authenticated-user GET=users/get-ssh-signing-key-for-authenticated-user
/user/starred GET=activity/list-repos-starred-by-authenticated-user
/user/starred/*/* DELETE=activity/unstar-repo-for-authenticated-user GET=activity/check-repo-is-starred-by-authenticated-user PUT=activity/star-repo-for-authenticated-user
/user/subscriptions GET=activity/list-watched-repos-for-authenticated-user
/user/teams GET=teams/list-for-authenticated-user
/users GET=users/list
/users/* GET=users/get-by-username
/users/*/attestations/* DELETE=users/delete-attestations-by-id
/users/*/attestations/** GET=users/list-attestations
/users/*/attestations/bulk-list POST=users/list-attestations-bulk
/users/*/attestations/delete-request POST=users/delete-attestations-bulk
/users/*/attestations/digest/** DELETE=users/delete-attestations-by-subject-digest
/users/*/copilot-spaces GET=copilot-spaces/list-for-user POST=copilot-spaces/create-for-user
/users/*/copilot-spaces/* DELETE=copilot-spaces/delete-for-user GET=copilot-spaces/get-for-user PUT=copilot-spaces/update-for-user
/users/*/copilot-spaces/*/collaborators GET=copilot-spaces/list-collaborators-for-user POST=copilot-spaces/add-collaborator-for-user
/users/*/copilot-spaces/*/collaborators/*/* DELETE=copilot-spaces/remove-collaborator-for-user PUT=copilot-spaces/update-collaborator-for-user
/users/*/copilot-spaces/*/resources GET=copilot-spaces/list-resources-for-user POST=copilot-spaces/create-resource-for-user
/users/*/copilot-spaces/*/resources/* DELETE=copilot-spaces/delete-resource-for-user GET=copilot-spaces/get-resource-for-user PUT=copilot-spaces/update-resource-for-user
/users/*/docker/conflicts GET=packages/list-docker-migration-conflicting-packages-for-user
/users/*/events GET=activity/list-events-for-authenticated-user
/users/*/events/orgs/* GET=activity/list-org-events-for-authenticated-user
/users/*/events/public GET=activity/list-public-events-for-user
/users/*/followers GET=users/list-followers-for-user
/users/*/following GET=users/list-following-for-user
/users/*/following/* GET=users/check-following-for-user
/users/*/gists GET=gists/list-for-user
/users/*/gpg_keys GET=users/list-gpg-keys-for-user
/users/*/hovercard GET=users/get-context-for-user
/users/*/installation GET=apps/get-user-installation
/users/*/keys GET=users/list-public-keys-for-user
/users/*/orgs GET=orgs/list-for-user
/users/*/packages GET=packages/list-packages-for-user
/users/*/packages/*/* DELETE=packages/delete-package-for-user GET=packages/get-package-for-user
/users/*/packages/*/*/restore POST=packages/restore-package-for-user
/users/*/packages/*/*/versions GET=packages/get-all-package-versions-for-package-owned-by-user
/users/*/packages/*/*/versions/* DELETE=packages/delete-package-version-for-user GET=packages/get-package-version-for-user
/users/*/packages/*/*/versions/*/restore POST=packages/restore-package-version-for-user
/users/*/projectsV2 GET=projects/list-for-user
/users/*/projectsV2/* GET=projects/get-for-user
/users/*/projectsV2/*/fields GET=projects/list-fields-for-user POST=projects/add-field-for-user
/users/*/projectsV2/*/fields/* GET=projects/get-field-for-user
/users/*/projectsV2/*/items GET=projects/list-items-for-user POST=projects/add-item-for-user
/users/*/projectsV2/*/items/* DELETE=projects/delete-item-for-user GET=projects/get-user-item PATCH=projects/update-item-for-user
/users/*/projectsV2/*/views POST=projects/create-view-for-user
/users/*/projectsV2/*/views/*/items GET=projects/list-view-items-for-user
/users/*/received_events GET=activity/list-received-events-for-user
/users/*/received_events/public GET=activity/list-received-public-events-for-user
/users/*/repos GET=repos/list-for-user
/users/*/settings/billing/ai_credit/usage GET=billing/get-github-billing-ai-credit-usage-report-user
/users/*/settings/billing/premium_request/usage GET=billing/get-github-billing-premium-request-usage-report-user
/users/*/settings/billing/usage GET=billing/get-github-billing-usage-report-user
/users/*/settings/billing/usage/summary GET=billing/get-github-billing-usage-summary-report-user
/users/*/social_accounts GET=users/list-social-accounts-for-user
/users/*/ssh_signing_keys GET=users/list-ssh-signing-keys-for-user
/users/*/starred GET=activity/list-repos-starred-by-user
/users/*/subscriptions GET=activity/list-repos-watched-by-user
/versions GET=meta/get-all-versions
/zen GET=meta/get-zen
`;
