// The calls about grants: what one would be before it is given, those that there are, and the end of one.
import type { Grant, GrantState } from '../approvals/grant.ts';
import { shapeOf } from '../approvals/shape.ts';
import { findWishObjection } from '../approvals/grant.ts';
import { MAX_NOTE_CHARS } from '../approvals/stages.ts';
import type { AuditRecord } from '../audit/event.ts';
import type { GrantJson, GrantPreviewJson } from '../client/approval-shapes.ts';
import type { Action } from '../rules/action.ts';
import { findApproval } from './find-approval.ts';
import { ApiError, getText, readBody, readFields, readNumber, readWord } from './input.ts';
import type { Answer, Call, OperatorParts, Route } from './call.ts';
import { timeText } from './shapes.ts';

const ENDED: readonly GrantState[] = ['used-up', 'expired', 'revoked', 'ended'];
const WEEK_MS = 7 * 86_400_000;
/** Newest records that a preview looks at. */
const MAX_LOOKED_AT = 2_000;
const PAGE = 500;
const MAX_SAMPLES = 5;

function grantJson(grant: Grant): GrantJson {
  const { id, state, scope, sentence, approver, device, profile, endpoint, family, credential, risk } = grant;
  return {
    id,
    state,
    scope,
    sentence,
    approver,
    device,
    profile,
    endpoint,
    family,
    credential,
    risk,
    by: grant.by,
    approval: grant.approval,
    created: timeText(grant.createdMs),
    expires: timeText(grant.expiresMs),
    uses: grant.uses,
    max_uses: grant.maxUses,
    ended_at: grant.endedMs === null ? null : timeText(grant.endedMs),
    ended: grant.ended,
  };
}

async function listGrants({ parts, query }: Call): Promise<Answer> {
  const fields = readFields(query, ['all', 'limit', 'cursor']);
  const all = readWord(fields, 'all', ['true', 'false']) === 'true';
  if (!all) {
    return { kind: 'json', body: { items: parts.grants.active().map(grantJson), next: null } };
  }
  const limit = readNumber(fields, 'limit', { from: 1, to: 1000 }) ?? 100;
  const page = await parts.audit.listGrants(['active', ...ENDED], { limit, cursor: fields.get('cursor') ?? null });
  const known = new Map(parts.grants.active().map((grant) => [grant.id, grant]));
  const items = page.items.map((grant) => grantJson(known.get(grant.id) ?? grant));
  return { kind: 'json', body: { items, next: page.next } };
}

async function findGrant({ parts, params }: Call): Promise<Grant> {
  const id = getText(params, 'id');
  const stored = await parts.audit.getGrant(id);
  if (stored === null) {
    throw new ApiError(404, 'not_found', `no grant is ${JSON.stringify(id)} or alone begins so (8 characters or more)`);
  }
  return parts.grants.active().find((grant) => grant.id === stored.id) ?? stored;
}

async function revokeGrant(call: Call): Promise<Answer> {
  const note = readBody(call.body, ['note']).get('note') ?? '';
  if (note.length > MAX_NOTE_CHARS) {
    throw new ApiError(400, 'bad_request', `a note has ${MAX_NOTE_CHARS} characters at most`);
  }
  const { id } = await findGrant(call);
  const result = await call.parts.grants.revoke(id, call.operator.name, note);
  switch (result.kind) {
    case 'revoked':
      return { kind: 'json', body: grantJson(result.grant) };
    case 'not-active':
      throw new ApiError(409, 'decided', `grant ${id} has ended already`);
    case 'unrecorded': {
      const message =
        'it is revoked until the gateway restarts, but that could not be recorded; see: clawpatrol status';
      throw new ApiError(503, 'unavailable', message);
    }
  }
}

/** What a grant would be, in words, and what it would have covered: so that nobody gives more than they mean. */
async function previewGrant(call: Call): Promise<Answer> {
  const scope = readWord(readFields(call.query, ['scope']), 'scope', ['exact', 'shape']) ?? 'exact';
  const id = await findApproval(call);
  const asked = call.parts.approvals.asked(id);
  if (asked === null) {
    throw new ApiError(409, 'decided', `approval ${id} waits for nobody who could give a grant`);
  }
  const { action, human } = asked;
  const { maxDurationMs, maxUses } = human.grant;
  const wish = { durationMs: 1, uses: 1, scope };
  const objection = findWishObjection(wish, human.grant, action.risk) ?? call.parts.grants.findObjection(action, scope);
  const body: GrantPreviewJson = {
    scope,
    sentence: objection === null ? call.parts.grants.describe(action, scope) : null,
    objection,
    max_duration_s: Math.floor(maxDurationMs / 1000),
    max_uses: maxUses,
    last_week: await lookBack(call.parts, action, scope),
  };
  return { kind: 'json', body };
}

/** Actions of the last week at that endpoint by that agent that are like this one. */
async function lookBack(
  parts: OperatorParts,
  action: Action,
  scope: 'exact' | 'shape',
): Promise<GrantPreviewJson['last_week']> {
  const like = createTest(parts, action, scope);
  const seen = new Set<string>();
  const samples: { at: string; action_id: string; summary: string }[] = [];
  let lookedAt = 0;
  let covered = 0;
  let cursor: string | null = null;
  do {
    const page: Awaited<ReturnType<OperatorParts['audit']['search']>> = await parts.audit.search(
      {
        sinceMs: parts.clock.now() - WEEK_MS,
        device: action.agent.device,
        endpoint: action.endpoint.ref,
        types: ['action.decided'],
      },
      { limit: PAGE, cursor, newestFirst: true },
    );
    for (const record of page.items) {
      // A parked action has a record of the question and one of the answer.
      if (record.actionId === null || record.actionId === action.id || seen.has(record.actionId)) {
        continue;
      }
      seen.add(record.actionId);
      lookedAt += 1;
      if (like(record)) {
        covered += 1;
        if (samples.length < MAX_SAMPLES) {
          samples.push({ at: timeText(record.timeMs), action_id: record.actionId, summary: record.summary });
        }
      }
    }
    cursor = page.next;
  } while (cursor !== null && lookedAt < MAX_LOOKED_AT);
  return { covered, looked_at: lookedAt, truncated: cursor !== null, samples };
}

function createTest(
  { grants }: OperatorParts,
  action: Action,
  scope: 'exact' | 'shape',
): (record: AuditRecord) => boolean {
  if (scope === 'exact') {
    const digest = action.evidence.digest();
    return (record) => record.digest === digest;
  }
  const key = grants.keyOf(action, 'shape');
  return ({ factsJson, family }) => {
    const shape = key === null || factsJson === null ? null : shapeOf(factsJson, family);
    return shape?.kind === 'shape' && shape.key === key;
  };
}

export const GRANT_ROUTES: readonly Route[] = [
  {
    name: 'grants.preview',
    method: 'GET',
    path: '/api/approvals/:id/grant',
    kind: 'reads',
    role: 'viewer',
    sight: 'scoped',
    answer: previewGrant,
  },
  {
    name: 'grants.list',
    method: 'GET',
    path: '/api/grants',
    kind: 'reads',
    role: 'viewer',
    sight: 'scoped',
    answer: listGrants,
  },
  {
    name: 'grants.show',
    method: 'GET',
    path: '/api/grants/:id',
    kind: 'reads',
    role: 'viewer',
    sight: 'scoped',
    answer: async (call) => ({ kind: 'json', body: grantJson(await findGrant(call)) }),
  },
  {
    name: 'grants.revoke',
    method: 'POST',
    path: '/api/grants/:id/revoke',
    kind: 'acts',
    role: 'approver',
    sight: 'scoped',
    recorded: ['id', 'note'],
    answer: revokeGrant,
  },
];
