// Operator tokens: who sends `Authorization: Bearer TOKEN`.
import type { IncomingHttpHeaders } from 'node:http';
import type { Principal } from '../approvals/stages.ts';
import type { Caller } from './api.ts';
import { principalOf, type Operators } from './operators.ts';

/** The operator behind a request's token; null without one that counts. Asked at every request: a removed operator is out at once. */
export function findBearer(
  operators: Pick<Operators, 'findByToken'>,
  { authorization }: IncomingHttpHeaders,
  via: Principal['via'],
): Caller | null {
  const token = /^Bearer ([\w-]{16,256})$/i.exec(authorization ?? '')?.[1];
  const operator = token === undefined ? null : operators.findByToken(token);
  return operator === null ? null : { operator: principalOf(operator, via), role: operator.role };
}
