// Rules and risk tiers: one outcome, one family, pins that can be met (config reference, 1.7 and 2.3).
import type { CheckParts } from './check-parts.ts';
import { endpointsOf } from './build-credentials.ts';
import type { Declared } from './declare.ts';
import { endpointTypes } from './schema-endpoints.ts';

/** Checks every rule and tier. */
export function checkRules(parts: CheckParts): void {
  for (const rule of parts.draft.all('rule')) {
    checkOutcome(rule, parts);
    checkEndpoints(rule, parts);
    checkPin(rule, parts);
  }
  for (const tier of parts.draft.all('risk')) {
    checkOutcome(tier, parts);
    if (tier.name === 'destructive' && tier.block.text('verdict') === 'allow') {
      const message = 'destructive actions are allowed unasked where no rule matches';
      const fix = 'write approve = [ … ], unless this is a scratch system';
      parts.report.warning(tier.block.place('verdict'), { code: 'destructive-allowed', message, fix });
    }
    const approvers = tier.block.texts('approve');
    if (tier.name === 'destructive' && approvers.length > 0 && approvers.every(isModel)) {
      const message = `risk "destructive" is decided by ${approvers.join(' and ')} alone: no person is asked`;
      const fix = 'add a human_approver as a second stage';
      parts.report.warning(tier.block.place('approve'), { code: 'weak-review', message, fix });
    }
  }
}

function checkOutcome({ keyword, name, block }: Declared, { report }: CheckParts): void {
  const approvers = block.texts('approve');
  const asks = block.broken('approve') || approvers.length > 0;
  const decides = block.written('verdict');
  const what = `${keyword} "${name}"`;
  if (asks === decides) {
    const message = asks ? `${what} has a verdict and approvers` : `${what} has neither verdict nor approvers`;
    const fix = 'write exactly one of verdict = "allow", verdict = "deny" and approve = [APPROVER, …]';
    report.error(block.place(asks ? 'verdict' : 'approve'), { code: 'exclusive-attributes', message, fix });
  }
  const twice = approvers.findIndex((approver, index) => approvers.indexOf(approver) !== index);
  if (twice !== -1) {
    const message = `${approvers[twice] ?? ''} stands twice in approve`;
    report.warning(block.itemPlace('approve', twice), {
      code: 'duplicate-approver',
      message,
      fix: 'name each approver once',
    });
  }
}

function checkEndpoints({ name, block }: Declared, { report }: CheckParts): void {
  if (!block.written('endpoint') && !block.written('endpoints')) {
    const message = `rule "${name}" names no endpoint`;
    report.error(block.at, { code: 'exclusive-attributes', message, fix: 'write endpoint = TYPE.NAME' });
    return;
  }
  const endpoints = endpointsOf(block);
  if (block.written('endpoints') && endpoints.length === 0 && !block.broken('endpoints')) {
    const finding = { code: 'empty-value', message: 'this list is empty', fix: 'name at least one endpoint' };
    report.error(block.place('endpoints'), finding);
  }
  const families = [
    ...new Set(endpoints.map((ref) => endpointTypes[typeOf(ref)]?.family).filter((found) => found !== undefined)),
  ];
  if (families.length > 1) {
    const message = `the endpoints belong to several families: ${families.join(', ')}`;
    report.error(block.place('endpoints'), { code: 'mixed-families', message, fix: 'write one rule for each family' });
  }
}

function checkPin({ block }: Declared, { report, config }: CheckParts): void {
  const pin = block.text('credential');
  const credential = config.credentials.find(({ ref }) => ref === pin);
  const endpoints = endpointsOf(block);
  if (credential !== undefined && !credential.endpoints.some((endpoint) => endpoints.includes(endpoint))) {
    const message = `${credential.ref} is bound to none of the rule's endpoints: the rule never matches`;
    const fix = 'name a credential of these endpoints, or remove the attribute';
    report.warning(block.place('credential'), { code: 'dead-credential-pin', message, fix });
  }
}

/** The type label of a typed reference. */
export function typeOf(ref: string): string {
  return ref.slice(0, ref.indexOf('.'));
}

/** Whether an approver is a reviewer model. */
function isModel(approver: string): boolean {
  return typeOf(approver) === 'llm_approver';
}
