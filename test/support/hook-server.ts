// Stand-ins on loopback for what channels call beside Slack: the other end of a webhook, which checks our signature as its documentation
// says, and PagerDuty with the forms of its Events API v2 and REST API.
import { createHmac } from 'node:crypto';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { post } from './slack-server.ts';
import type { CleanUp } from './temp.ts';

export const HOOK_SECRET = 'hook-secret';
export const ROUTING_KEY = 'R0UTINGKEY0000000000000000000000';
export const REST_KEY = 'pd-rest-key';

type Json = Readonly<Record<string, unknown>>;

export interface HookCall {
  readonly path: string;
  readonly method: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Json;
  /** Whether `Clawpatrol-Signature` is right for these very bytes. */
  readonly signed: boolean;
}

export interface HookServer {
  readonly url: string;
  readonly calls: HookCall[];
  /** Statuses of the next answers, then 202. */
  readonly statuses: number[];
  /** Incidents by id, as the REST API has them. */
  readonly incidents: Map<string, Json>;
}

export async function startHookServer(cleanUp: CleanUp): Promise<HookServer> {
  const calls: HookCall[] = [];
  const statuses: number[] = [];
  const incidents = new Map<string, Json>();
  const server = createServer((request, response) => {
    const pieces: Buffer[] = [];
    request.on('data', (piece: Buffer) => pieces.push(piece));
    request.on('end', () => {
      const bytes = Buffer.concat(pieces);
      const call: HookCall = {
        path: request.url ?? '',
        method: request.method ?? '',
        headers: request.headers,
        body: bytes.length === 0 ? {} : (JSON.parse(bytes.toString('utf8')) as Json),
        signed: isSigned(String(request.headers['clawpatrol-signature'] ?? ''), bytes),
      };
      calls.push(call);
      const status = statuses.shift();
      const [code, answer] = status === undefined ? answerTo(call, incidents) : [status, {}];
      response.writeHead(code, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  cleanUp.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, calls, statuses, incidents };
}

function isSigned(header: string, bytes: Buffer): boolean {
  const [, seconds, mac] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(header) ?? [];
  const expected = createHmac('sha256', HOOK_SECRET).update(`${seconds}.`).update(bytes).digest('hex');
  return mac === expected && Math.abs(Date.now() / 1000 - Number(seconds)) < 300;
}

/** What PagerDuty says: 202 for an event, 201 for a note, an incident or 404; a wrong key is told. */
function answerTo({ path, method, headers, body }: HookCall, incidents: HookServer['incidents']): [number, Json] {
  if (path === '/v2/enqueue') {
    const { routing_key: key, event_action: action, dedup_key: dedup } = body;
    const well = key === ROUTING_KEY && (action === 'trigger' || action === 'resolve') && typeof dedup === 'string';
    return well ? [202, { status: 'success', dedup_key: dedup }] : [400, { status: 'invalid event' }];
  }
  const rest = /^\/incidents(?:\/([^/?]+))?(\/notes|\/log_entries)?(?:\?(.*))?$/.exec(path);
  if (rest === null) {
    return [200, {}];
  }
  if (headers.authorization !== `Token token=${REST_KEY}`) {
    return [401, { error: { message: 'Requestor is unauthorized.', code: 2006 } }];
  }
  const [, id, notes, query] = rest;
  if (id === undefined) {
    const wanted = new URLSearchParams(query ?? '');
    const statuses = wanted.getAll('statuses[]');
    const services = wanted.getAll('service_ids[]');
    const found = [...incidents.values()].filter(({ status, service }) => {
      const serviceId = String((service as Json | undefined)?.['id']);
      return statuses.includes(String(status)) && (services.length === 0 || services.includes(serviceId));
    });
    return [200, { incidents: found, more: false }];
  }
  const incident = incidents.get(decodeURIComponent(id));
  if (incident === undefined) {
    return [404, { error: { message: 'Not Found', code: 2100 } }];
  }
  if (notes !== undefined && method === 'POST') {
    return headers.from === undefined
      ? [400, { error: { message: 'From is missing' } }]
      : [201, { note: body['note'] }];
  }
  if (notes !== undefined) {
    const list = notes === '/notes' ? 'notes' : 'log_entries';
    return [200, { [list]: incident[list] ?? [] }];
  }
  return [200, { incident }];
}

export const SIGNING_SECRET = 'pd-signing-secret';

export interface EventOptions {
  /** The event's id; left out: one of its own. */
  readonly id?: string;
  readonly type?: string;
  readonly occurredAt?: Date;
  /** Secrets that it is signed with, as while one is changed for another. */
  readonly secrets?: readonly string[];
  /** Bytes behind those that were signed. */
  readonly spoil?: string;
  readonly unsigned?: boolean;
}

let events = 0;

/** Sends an event as a webhook subscription (v3) of PagerDuty does; the status of the answer. */
export async function sendPagerDutyEvent(url: string, incident: Json, options: EventOptions = {}): Promise<number> {
  events += 1;
  const { id = `01EVENT${events}`, type = 'incident.triggered', secrets = [SIGNING_SECRET] } = options;
  const body = JSON.stringify({
    event: {
      id,
      event_type: type,
      resource_type: 'incident',
      occurred_at: (options.occurredAt ?? new Date()).toISOString(),
      agent: { id: 'PLH1HKV', type: 'user_reference' },
      client: null,
      data: { type: 'incident', number: 2, ...incident },
    },
  });
  const signatures = secrets.map((secret) => `v1=${createHmac('sha256', secret).update(body).digest('hex')}`);
  const signed = options.unsigned === true ? {} : { 'x-pagerduty-signature': signatures.join(',') };
  const headers = { 'content-type': 'application/json', 'x-webhook-id': 'PWEBHOOK', ...signed };
  return (await post(url, headers, `${body}${options.spoil ?? ''}`)).status;
}

export interface AlertOptions {
  readonly secret?: string;
  /** Seconds by which the signed time is off. */
  readonly skew?: number;
  readonly spoil?: string;
}

export interface SentAlert {
  readonly status: number;
  /** The very same call once more. */
  readonly again: () => Promise<number>;
  readonly to: (url: string) => Promise<number>;
}

/** Sends alerts as another system does that signs as our own webhooks do; the status of the answer, and of the same sent again. */
export async function sendAlert(
  url: string,
  alert: Json,
  { secret = HOOK_SECRET, skew = 0, spoil = '' }: AlertOptions = {},
): Promise<SentAlert> {
  const body = JSON.stringify(alert);
  const seconds = Math.floor(Date.now() / 1000) + skew;
  const mac = createHmac('sha256', secret).update(`${seconds}.${body}`).digest('hex');
  const headers = { 'content-type': 'application/json', 'clawpatrol-signature': `t=${seconds},v1=${mac}` };
  const to = async (where: string): Promise<number> => (await post(where, headers, `${body}${spoil}`)).status;
  return { status: await to(url), again: () => to(url), to };
}

export interface DecisionOptions {
  readonly secret?: string;
  readonly skew?: number;
  readonly spoil?: boolean;
  readonly unsigned?: boolean;
}

/** Sends a decision as the other end of a webhook would. */
export async function sendDecision(
  url: string,
  decision: Json,
  options: DecisionOptions = {},
): Promise<{ readonly status: number; readonly body: Json; readonly again: () => Promise<number> }> {
  const body = JSON.stringify({ type: 'decision', ...decision });
  const seconds = Math.floor(Date.now() / 1000) + (options.skew ?? 0);
  const mac = createHmac('sha256', options.secret ?? HOOK_SECRET)
    .update(`${seconds}.${body}`)
    .digest('hex');
  const headers: Record<string, string> = {
    'content-type': 'application/json',
    ...(options.unsigned === true ? {} : { 'clawpatrol-signature': `t=${seconds},v1=${mac}` }),
  };
  const sent = options.spoil === true ? `${body} ` : body;
  const answer = await post(url, headers, sent);
  const again = async (): Promise<number> => (await post(url, headers, sent)).status;
  return { status: answer.status, body: JSON.parse(answer.body) as Json, again };
}
