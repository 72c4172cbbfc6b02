// The checks that look at more than one value. Each lives beside its subject.
import { checkApprovers } from './check-approvers.ts';
import { checkCredentials } from './check-credentials.ts';
import { checkEndpoints } from './check-endpoints.ts';
import { checkGateway } from './check-gateway.ts';
import type { CheckParts } from './check-parts.ts';
import { checkProfiles } from './check-profiles.ts';
import { checkReviewers } from './check-reviewers.ts';
import { checkRules } from './check-rules.ts';
import { checkTunnels } from './check-tunnels.ts';
import { checkUrls } from './check-urls.ts';

/** Runs every cross check over a configuration; problems go to the report. */
export function runChecks(parts: CheckParts): void {
  checkGateway(parts);
  checkEndpoints(parts);
  checkCredentials(parts);
  checkProfiles(parts);
  checkRules(parts);
  checkApprovers(parts);
  checkReviewers(parts);
  checkTunnels(parts);
  checkUrls(parts);
}
