// A refusal as Kubernetes clients understand it: a metav1.Status, whose message kubectl prints as it is. Always JSON: every client that
// asks for protobuf takes a Status in JSON too.
import { visible } from '../../lib/text.ts';
import type { LocalAnswer, Refusal } from '../http/flavour.ts';
import type { HttpRequest } from '../http/request.ts';
import { readTarget } from './request.ts';

const MAX_MESSAGE_CHARS = 2000;

/** metav1.StatusReason by HTTP status; clients branch on these words. */
const REASONS: Readonly<Record<number, string>> = {
  400: 'BadRequest',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'NotFound',
  405: 'MethodNotAllowed',
  408: 'Timeout',
  413: 'RequestEntityTooLarge',
  429: 'TooManyRequests',
  500: 'InternalError',
  502: 'ServiceUnavailable',
  503: 'ServiceUnavailable',
  504: 'Timeout',
};

/** The answer in the API server's place. */
export function refuseKubernetes(refusal: Refusal, request: HttpRequest | null): LocalAnswer {
  const { status } = refusal;
  const body = {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message: messageOf(refusal),
    reason: REASONS[status] ?? '',
    details: detailsOf(refusal, request),
    code: status,
  };
  return {
    status,
    fields: [
      { name: 'Content-Type', value: 'application/json' },
      { name: 'Cache-Control', value: 'no-cache, private' },
    ],
    body: Buffer.from(`${JSON.stringify(body)}\n`),
  };
}

function messageOf({ reason, rule, hint, action }: Refusal): string {
  const parts = [
    `clawpatrol: ${reason}`,
    rule === '' ? '' : `rule ${rule}`,
    hint,
    action === '' ? '' : `action ${action}`,
  ];
  return visible(parts.filter((part) => part !== '').join('; ')).slice(0, MAX_MESSAGE_CHARS);
}

/** What the request was about, as the server itself would say it. */
function detailsOf({ code, rule }: Refusal, request: HttpRequest | null): object {
  const reading = request === null ? null : readTarget(request);
  const target = reading?.kind === 'target' ? reading.target : null;
  return {
    ...(target === null || target.name === '' ? {} : { name: target.name }),
    ...(target === null || target.group === '' ? {} : { group: target.group }),
    ...(target === null || target.resource === '' ? {} : { kind: target.resource }),
    causes: [
      { reason: code, message: 'refused by the gateway' },
      ...(rule === '' ? [] : [{ reason: 'rule', message: visible(rule), field: 'rule' }]),
    ],
  };
}
