// The approval that a call of the operator API names.
import { ApiError, getText } from './input.ts';
import type { Call } from './call.ts';

/** Its id. Throws ApiError when none or several are it. */
export async function findApproval({ parts, params }: Call): Promise<string> {
  const id = getText(params, 'id');
  const found = await parts.approvals.find(id);
  switch (found.kind) {
    case 'found':
      return found.approval.id;
    case 'ambiguous':
      throw ambiguous(id);
    case 'not-found':
      throw noApproval(id);
  }
}

export function ambiguous(id: string): ApiError {
  return new ApiError(409, 'ambiguous', `several approvals begin with ${JSON.stringify(id)}; give more of the id`);
}

export function noApproval(id: string): ApiError {
  return new ApiError(
    404,
    'not_found',
    `no approval is ${JSON.stringify(id)} or alone begins so (8 characters or more)`,
  );
}
