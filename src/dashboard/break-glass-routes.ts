// The calls about break-glass: what was decided so, and whether one may.
import type { ApprovalJson, BreakGlassJson } from '../client/approval-shapes.ts';
import { findApproval } from './find-approval.ts';
import { readFields, readNumber } from './input.ts';
import type { Answer, Call, Route } from './call.ts';
import { listedApprovalJson } from './shapes.ts';

/** Newest first, as they are now. */
async function listBroken({ parts, query }: Call): Promise<Answer> {
  const fields = readFields(query, ['limit', 'cursor']);
  const page = await parts.audit.search(
    { types: ['approval.break_glass'] },
    {
      limit: readNumber(fields, 'limit', { from: 1, to: 1000 }) ?? 100,
      cursor: fields.get('cursor') ?? null,
      newestFirst: true,
    },
  );
  const ids = new Set(page.items.map(({ data }) => idOf(data?.['approval'])));
  const items: ApprovalJson[] = [];
  for (const id of ids) {
    const found = await parts.approvals.find(id);
    if (found.kind === 'found') {
      items.push(listedApprovalJson(found.approval));
    }
  }
  return { kind: 'json', body: { items, next: page.next } };
}

function idOf(approval: unknown): string {
  const id: unknown = typeof approval === 'object' && approval !== null ? Reflect.get(approval, 'id') : null;
  return typeof id === 'string' ? id : '';
}

async function offer(call: Call): Promise<Answer> {
  readFields(call.query, []);
  const offered = call.parts.approvals.offerBreakGlass(await findApproval(call), call.operator);
  const body: BreakGlassJson =
    offered.kind === 'offered'
      ? { offered: true, missing: offered.missing, why: '' }
      : { offered: false, missing: [], why: offered.why };
  return { kind: 'json', body };
}

export const BREAK_GLASS_ROUTES: readonly Route[] = [
  {
    name: 'break-glass.list',
    method: 'GET',
    path: '/api/break-glass',
    kind: 'reads',
    role: 'viewer',
    sight: 'scoped',
    answer: listBroken,
  },
  {
    name: 'break-glass.offer',
    method: 'GET',
    path: '/api/approvals/:id/break-glass',
    kind: 'reads',
    role: 'viewer',
    sight: 'scoped',
    answer: offer,
  },
];
