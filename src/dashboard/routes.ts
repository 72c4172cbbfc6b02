// Every call of the operator API, in one table: what it is called, whether it only reads or acts, and what it does. A call that is
// not in here does not exist; one that acts is recorded before it does anything (api.ts).
import type { ApprovalState, RefusedCode, VoteResult } from '../approvals/approval.ts';
import { APPROVAL_STATES } from '../approvals/approval.ts';
import { MAX_NOTE_CHARS, type Principal } from '../approvals/stages.ts';
import type { ApprovalJson } from '../client/approval-shapes.ts';
import type { ControlErrorCode } from '../client/control-shapes.ts';
import { Secret } from '../lib/secret.ts';
import { bareName } from '../lib/text.ts';
import { type OperatorParts, type Call, type Answer, type Route, operatorEvent } from './call.ts';
import { DEVICE_ROUTES } from './device-routes.ts';
import { ambiguous, findApproval, noApproval } from './find-approval.ts';
import { ApiError, getText, readBody, readFields, readGrant, readNumber, readWord } from './input.ts';
import { AGENT_ROUTES } from './agent-routes.ts';
import { AUDIT_ROUTES } from './audit-routes.ts';
import { APPROVER_ROUTES } from './approver-routes.ts';
import { BREAK_GLASS_ROUTES } from './break-glass-routes.ts';
import { GRANT_ROUTES } from './grant-routes.ts';
import { INCIDENT_ROUTES } from './incident-routes.ts';
import { OPERATOR_ROUTES } from './operator-routes.ts';
import { POLICY_ROUTES } from './policy-routes.ts';
import { noEndpoint, noProfile } from './unknown-names.ts';
import {
  approvalJson,
  caJson,
  diagnosticJson,
  kubernetesAddress,
  listedApprovalJson,
  profileJson,
  secretJson,
} from './shapes.ts';

const STATES = [...APPROVAL_STATES, 'all'] as const;
const ENDED: readonly ApprovalState[] = ['approved', 'denied', 'expired', 'cancelled'];
/** How long `show` waits for a measurement that is under way. */
const EFFECT_WAIT_MS = 2000;
/** Pages of the store that one list call looks through when it filters. */
const MAX_PAGES = 20;

async function listApprovals({ parts, query }: Call): Promise<Answer> {
  const fields = readFields(query, ['state', 'endpoint', 'device', 'limit', 'cursor']);
  const state = readWord(fields, 'state', STATES) ?? 'pending';
  const limit = readNumber(fields, 'limit', { from: 1, to: 1000 }) ?? 100;
  const [endpoint = null, device = null] = [fields.get('endpoint'), fields.get('device')];
  const fits = (approval: { readonly endpoint: string; readonly agent: { readonly device: string } }): boolean =>
    (endpoint === null || endpoint === approval.endpoint || endpoint === bareName(approval.endpoint)) &&
    (device === null || device === approval.agent.device);
  if (state === 'pending') {
    // Only what is in the queue can be decided; oldest first, and never more than `limits.parked`.
    const after = fields.get('cursor') ?? '';
    const waiting = parts.approvals.pending().filter((approval) => fits(approval));
    const last = waiting.findIndex((approval) => approval.id === after);
    // The last of the page before may have been decided since. Ids are made in the order of asking.
    const from = last === -1 ? waiting.filter((approval) => approval.id <= after).length : last + 1;
    const items = waiting.slice(from, from + limit);
    const next = from + limit < waiting.length ? (items.at(-1)?.id ?? null) : null;
    return { kind: 'json', body: { items: items.map(listedApprovalJson), next, total: waiting.length } };
  }
  const states = state === 'all' ? (['pending', ...ENDED] as const) : ([state] as const);
  const items: ApprovalJson[] = [];
  let cursor = fields.get('cursor') ?? null;
  for (let page = 0; page < MAX_PAGES && items.length < limit; page += 1) {
    const found = await parts.audit.listApprovals(states, { limit: limit - items.length, cursor });
    items.push(...found.items.filter((approval) => fits(approval)).map(listedApprovalJson));
    cursor = found.next;
    if (cursor === null) {
      break;
    }
  }
  return { kind: 'json', body: { items, next: cursor } };
}

async function showApproval(call: Call): Promise<Answer> {
  const id = await findApproval(call);
  await call.parts.approvals.effectReady(id, EFFECT_WAIT_MS);
  const found = await call.parts.approvals.find(id);
  if (found.kind !== 'found') {
    throw noApproval(id);
  }
  return { kind: 'json', body: approvalJson(found.approval) };
}

async function decide(call: Call, decision: 'approve' | 'deny'): Promise<Answer> {
  const approving = decision === 'approve';
  const fields = readBody(call.body, ['digest', 'note', 'together', ...(approving ? ['grant', 'break_glass'] : [])]);
  const digest = approving ? getText(fields, 'digest') : (fields.get('digest') ?? '');
  const note = fields.get('note') ?? '';
  const breakGlass = fields.get('break_glass') ?? null;
  if (Math.max(note.length, breakGlass?.length ?? 0) > MAX_NOTE_CHARS) {
    throw new ApiError(400, 'bad_request', `a note has ${MAX_NOTE_CHARS} characters at most`);
  }
  const given = getText(call.params, 'id');
  const found = await call.parts.approvals.find(given);
  if (found.kind === 'ambiguous') {
    throw ambiguous(given);
  }
  // What is not there for this operator is voted on all the same: that comes to nothing, and the log is told why.
  const id = found.kind === 'found' ? found.approval.id : given;
  const together = readNumber(fields, 'together', { from: 1, to: 10_000 }) ?? 1;
  const ballot = { decision, digest, note, grant: readGrant(fields.get('grant')), together, breakGlass };
  const result = await call.parts.approvals.vote(id, ballot, call.operator);
  return { kind: 'json', body: voteAnswer(id, result) };
}

const REFUSALS: Readonly<Record<RefusedCode, { readonly status: number; readonly code: ControlErrorCode }>> = {
  'not-permitted': { status: 403, code: 'not_permitted' },
  'wrong-digest': { status: 409, code: 'wrong_digest' },
  'needs-reason': { status: 400, code: 'needs_reason' },
  'grant-refused': { status: 409, code: 'grant_refused' },
};

function voteAnswer(id: string, result: VoteResult): ApprovalJson {
  switch (result.kind) {
    case 'recorded':
      return approvalJson(result.approval);
    case 'not-found':
      throw noApproval(id);
    case 'decided':
      throw new ApiError(409, 'decided', `approval ${id} is ${result.approval.state}; nothing was changed`);
    case 'refused':
      throw new ApiError(REFUSALS[result.code].status, REFUSALS[result.code].code, result.why);
    case 'unrecorded':
      throw new ApiError(503, 'unavailable', 'the vote could not be recorded, so it does not count');
  }
}

async function reload({ parts, body }: Call): Promise<Answer> {
  readBody(body, []);
  const { ok, revision, diagnostics, message } = await parts.reload();
  return { kind: 'json', body: { ok, revision, diagnostics: diagnostics.map(diagnosticJson), message } };
}

async function setSecret({ parts, operator, body }: Call): Promise<Answer> {
  const fields = readBody(body, ['name', 'slot', 'value']);
  const name = getText(fields, 'name');
  const slot = fields.get('slot') ?? '';
  parts.secrets.set(name, slot, new Secret(fields.get('value') ?? ''));
  await recordSecret(parts, operator, { name, slot, change: 'set' });
  return { kind: 'json', body: { name, slot } };
}

async function removeSecret({ parts, operator, body }: Call): Promise<Answer> {
  const fields = readBody(body, ['name', 'slot']);
  const name = getText(fields, 'name');
  const slot = fields.get('slot') ?? '';
  if (!parts.secrets.remove(name, slot)) {
    throw new ApiError(
      404,
      'not_found',
      `nothing is stored under ${JSON.stringify(name)}${slot === '' ? '' : `, slot ${JSON.stringify(slot)}`}`,
    );
  }
  await recordSecret(parts, operator, { name, slot, change: 'removed' });
  return { kind: 'json', body: { name, slot } };
}

/** The act itself is on disk already; this says that it was done. */
async function recordSecret(
  parts: OperatorParts,
  operator: Principal,
  change: { readonly name: string; readonly slot: string; readonly change: 'set' | 'removed' },
): Promise<void> {
  try {
    await parts.audit.appendDurable(
      operatorEvent('secret.changed', operator, { atMs: parts.clock.now(), data: { ...change, via: operator.via } }),
    );
  } catch (error) {
    parts.warn('the change of a secret could not be recorded as done', error);
  }
}

async function listProfiles({ parts, query }: Call): Promise<Answer> {
  readFields(query, []);
  const config = parts.config();
  return { kind: 'json', body: { items: config.profiles.map((one) => profileJson(one, config)), next: null } };
}

async function showProfile({ parts, params }: Call): Promise<Answer> {
  const name = getText(params, 'name');
  const config = parts.config();
  const profile = config.profiles.find((one) => one.name === name);
  if (profile === undefined) {
    throw noProfile(name, config, 404);
  }
  return { kind: 'json', body: profileJson(profile, config) };
}

async function showKubeconfig({ parts, params }: Call): Promise<Answer> {
  const name = getText(params, 'endpoint');
  const config = parts.config();
  const endpoint = config.endpoints.find((one) => one.ref === name || one.name === name);
  if (endpoint === undefined || endpoint.type !== 'kubernetes') {
    const clusters = config.endpoints.filter(({ type }) => type === 'kubernetes');
    throw noEndpoint('kubernetes endpoint', name, clusters);
  }
  const address = kubernetesAddress(endpoint, config.gateway);
  if (address === null) {
    const fix = 'give it a listener with a port of its own, or the gateway a tunnel or a proxy';
    throw new ApiError(404, 'not_found', `${endpoint.ref} cannot be reached by kubectl: ${fix}`);
  }
  return { kind: 'json', body: { name: endpoint.name, ...address, certificate: parts.ca().pem } };
}

async function showKnownHosts({ parts, query }: Call): Promise<Answer> {
  const name = readFields(query, ['endpoint']).get('endpoint') ?? '';
  const all = parts.knownHosts();
  const hosts = all.filter(({ endpoint }) => name === '' || endpoint === name || endpoint === `ssh.${name}`);
  if (name !== '' && hosts.length === 0) {
    const known = all.map(({ endpoint }) => ({ ref: endpoint, name: endpoint.replace(/^ssh\./, '') }));
    throw noEndpoint('ssh endpoint', name, known);
  }
  return { kind: 'json', body: { items: hosts, next: null } };
}

export const ROUTES: readonly Route[] = [
  ...AUDIT_ROUTES,
  ...OPERATOR_ROUTES,
  ...DEVICE_ROUTES,
  ...AGENT_ROUTES,
  ...POLICY_ROUTES,
  ...GRANT_ROUTES,
  ...APPROVER_ROUTES,
  ...BREAK_GLASS_ROUTES,
  ...INCIDENT_ROUTES,
  {
    name: 'approvals.list',
    method: 'GET',
    path: '/api/approvals',
    kind: 'reads',
    role: 'viewer',
    sight: 'scoped',
    answer: listApprovals,
  },
  {
    name: 'approvals.show',
    method: 'GET',
    path: '/api/approvals/:id',
    kind: 'reads',
    role: 'viewer',
    sight: 'scoped',
    answer: showApproval,
  },
  {
    name: 'approvals.approve',
    method: 'POST',
    path: '/api/approvals/:id/approve',
    kind: 'acts',
    role: 'approver',
    sight: 'scoped',
    recorded: ['id', 'digest', 'note', 'grant', 'together', 'break_glass'],
    answer: (call) => decide(call, 'approve'),
  },
  {
    name: 'approvals.deny',
    method: 'POST',
    path: '/api/approvals/:id/deny',
    kind: 'acts',
    role: 'approver',
    sight: 'scoped',
    recorded: ['id', 'digest', 'note', 'together'],
    answer: (call) => decide(call, 'deny'),
  },
  {
    name: 'status',
    method: 'GET',
    path: '/api/status',
    kind: 'reads',
    role: 'viewer',
    sight: 'scoped',
    answer: async ({ parts }) => ({ kind: 'json', body: await parts.status() }),
  },
  {
    name: 'reload',
    method: 'POST',
    path: '/api/reload',
    kind: 'acts',
    role: 'admin',
    sight: 'unscoped',
    answer: reload,
  },
  {
    name: 'secrets.list',
    method: 'GET',
    path: '/api/secrets',
    kind: 'reads',
    role: 'admin',
    sight: 'scoped',
    answer: async ({ parts }) => ({ kind: 'json', body: { items: parts.secrets.list().map(secretJson), next: null } }),
  },
  {
    name: 'secrets.set',
    method: 'PUT',
    path: '/api/secrets',
    kind: 'acts',
    role: 'admin',
    sight: 'unscoped',
    recorded: ['name', 'slot'],
    answer: setSecret,
  },
  {
    name: 'secrets.remove',
    method: 'DELETE',
    path: '/api/secrets',
    kind: 'acts',
    role: 'admin',
    sight: 'unscoped',
    recorded: ['name', 'slot'],
    answer: removeSecret,
  },
  {
    name: 'ca.show',
    method: 'GET',
    path: '/api/ca',
    kind: 'reads',
    role: 'viewer',
    sight: 'global',
    answer: async ({ parts }) => ({ kind: 'json', body: caJson(parts.ca()) }),
  },
  {
    name: 'ca.export',
    method: 'GET',
    path: '/api/ca/certificate',
    kind: 'reads',
    role: 'viewer',
    sight: 'global',
    answer: async ({ parts }) => ({ kind: 'text', type: 'application/x-pem-file', text: parts.ca().pem }),
  },
  {
    name: 'kubeconfig',
    method: 'GET',
    path: '/api/kubeconfig/:endpoint',
    kind: 'reads',
    role: 'viewer',
    sight: 'scoped',
    answer: showKubeconfig,
  },
  {
    name: 'known-hosts',
    method: 'GET',
    path: '/api/known-hosts',
    kind: 'reads',
    role: 'viewer',
    sight: 'scoped',
    answer: showKnownHosts,
  },
  {
    name: 'profiles.list',
    method: 'GET',
    path: '/api/profiles',
    kind: 'reads',
    role: 'viewer',
    sight: 'scoped',
    answer: listProfiles,
  },
  {
    name: 'profiles.show',
    method: 'GET',
    path: '/api/profiles/:name',
    kind: 'reads',
    role: 'viewer',
    sight: 'scoped',
    answer: showProfile,
  },
];
