// Reviewer models: what is called, with which credential, and that a reviewer is not of the family it reviews (config
// reference, 2.7).
import { priceOf } from './build.ts';
import type { CheckParts } from './check-parts.ts';
import { typeOf } from './check-rules.ts';
import type { Config, LlmApproverConfig, RuleOutcome } from './config.ts';
import type { Declared } from './declare.ts';
import type { Span } from './diagnostic.ts';
import { familyOf, providerOf } from './model-family.ts';
import { HTTP_HEADER_CREDENTIALS } from './schema-credentials.ts';

/** Checks every llm_approver. */
export function checkReviewers(parts: CheckParts): void {
  const reviewers = parts.draft.all('approver').filter(({ type }) => type === 'llm_approver');
  const families = new Map(reviewers.map((reviewer) => [reviewer.ref, reviewerFamily(reviewer)]));
  for (const reviewer of reviewers) {
    checkCall(reviewer, parts);
    checkPrice(reviewer, parts);
    checkFamilies(reviewer, families, parts);
  }
}

function reviewerFamily({ block }: Declared): string | null {
  return block.text('family') ?? familyOf(block.text('model') ?? '');
}

function checkCall({ block }: Declared, { report }: CheckParts): void {
  const model = block.text('model');
  const provider = block.text('provider') ?? (model === null ? null : providerOf(model));
  if (model !== null && provider === null && !block.broken('provider')) {
    const message = `the model's name does not tell whose API to call`;
    const fix = 'write provider = "anthropic", "openai", "google" or "openai_compatible"';
    report.error(block.place('model'), { code: 'missing-attribute', message, fix });
  }
  if (provider === 'openai_compatible' && !block.written('base_url')) {
    const message = 'provider = "openai_compatible" needs "base_url"';
    report.error(block.place('provider'), {
      code: 'missing-attribute',
      message,
      fix: 'write base_url = "https://…/v1"',
    });
  }
  if (!block.written('credential') && !block.written('base_url')) {
    const message = 'a reviewer needs a credential, unless base_url is written';
    report.error(block.at, { code: 'missing-attribute', message, fix: 'write credential = TYPE.NAME' });
  }
  const credential = block.text('credential');
  if (credential !== null && !HTTP_HEADER_CREDENTIALS.includes(typeOf(credential))) {
    const message = `a ${typeOf(credential)} is no HTTP credential`;
    const fix = `write one of: ${HTTP_HEADER_CREDENTIALS.join(', ')}`;
    report.error(block.place('credential'), { code: 'incompatible-credential', message, fix });
  }
}

function checkPrice({ block }: Declared, { report }: CheckParts): void {
  if (block.written('price') && !block.broken('price') && priceOf(block.value('price')) === null) {
    const message = '"price" has exactly two numbers, "input" and "output": dollars for a million tokens';
    report.error(block.place('price'), {
      code: 'wrong-type',
      message,
      fix: 'write price = { input = 3, output = 15 }',
    });
  }
}

function checkFamilies(reviewer: Declared, families: ReadonlyMap<string, string | null>, parts: CheckParts): void {
  const { block, ref } = reviewer;
  const others = block.texts('different_family_from');
  if (others.length === 0) {
    return;
  }
  const own = families.get(ref) ?? null;
  if (own === null) {
    if (block.written('model') && !block.broken('family')) {
      const message = "the model's name does not tell its family";
      const fix = 'write family = "…", or "other"';
      parts.report.error(block.place('different_family_from'), { code: 'missing-attribute', message, fix });
    }
    return;
  }
  for (const [index, other] of others.entries()) {
    const at = block.itemPlace('different_family_from', index);
    if (other === 'agent') {
      checkAgentFamilies(reviewer, { own, at }, parts);
      continue;
    }
    const family = other.includes('.') ? (families.get(other) ?? null) : other;
    if (family === own) {
      reportFamily(reviewer, other.includes('.') ? other : `"${other}"`, { family: own, at }, parts);
    }
  }
}

function checkAgentFamilies(
  reviewer: Declared,
  { own, at }: { readonly own: string; readonly at: Span },
  parts: CheckParts,
): void {
  for (const profile of parts.config.profiles) {
    if (!reaches(parts.config, profile.name, reviewer.ref)) {
      continue;
    }
    if (profile.agentFamily === own) {
      reportFamily(reviewer, `the agents of profile "${profile.name}"`, { family: own, at }, parts);
    } else if (profile.agentFamily === null) {
      const message = `profile "${profile.name}" does not say which family its agents run on`;
      const fix = `write agent_family = "…" in profile "${profile.name}"`;
      parts.report.warning(at, { code: 'agent-family-unknown', message, fix });
    }
  }
}

function reportFamily(
  reviewer: Declared,
  other: string,
  { family, at }: { readonly family: string; readonly at: Span },
  parts: CheckParts,
): void {
  const message = `${reviewer.ref} and ${other} are of the family "${family}"`;
  const fix = 'choose a model of another family';
  parts.report.error(at, { code: 'same-family-reviewer', message, fix });
}

/** Whether an action under the profile can come to the approver: by a rule on an endpoint it reaches, or by a tier. */
function reaches(config: Config, profileName: string, approver: string): boolean {
  const profile = config.profiles.find(({ name }) => name === profileName);
  const endpoints = new Set(
    profile?.credentials.flatMap(
      ({ credential }) => config.credentials.find(({ ref }) => ref === credential)?.endpoints ?? [],
    ),
  );
  const asks = (outcome: RuleOutcome): boolean =>
    outcome.kind === 'approve' && outcome.approvers.some((stage) => leadsTo(config, stage, approver));
  const byTier = [...endpoints].some(
    (ref) => config.endpoints.find((endpoint) => endpoint.ref === ref)?.unmatched === 'risk',
  );
  return (
    config.rules.some((rule) => asks(rule.outcome) && rule.endpoints.some((endpoint) => endpoints.has(endpoint))) ||
    (byTier && Object.values(config.risks).some((tier) => asks(tier.outcome)))
  );
}

/** A stage, or whom it escalates to. */
function leadsTo(config: Config, stage: string, approver: string): boolean {
  const seen = new Set<string>();
  for (let at: string | null = stage; at !== null && !seen.has(at);) {
    if (at === approver) {
      return true;
    }
    seen.add(at);
    const here: string = at;
    at = config.approvers.find(({ ref }) => ref === here)?.escalateTo ?? null;
  }
  return false;
}

/** Family of a reviewer in a checked configuration, or null. */
export function familyOfReviewer(reviewer: LlmApproverConfig): string | null {
  const { family, model } = reviewer.attributes;
  return typeof family === 'string' ? family : familyOf(typeof model === 'string' ? model : '');
}
