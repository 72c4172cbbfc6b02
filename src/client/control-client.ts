// Calls of the operator API over the control socket (or TCP), for the command line. Speaks HTTP/1.1 with node:http, since that takes a
// Unix socket path; every call has a deadline and every body a bound. It prints nothing.
import type { IncomingMessage } from 'node:http';
import type { ApprovalJson, ApproverJson, GrantJson, GrantPreviewJson, ReviewerJson } from './approval-shapes.ts';
import type {
  AuditFilterJson,
  CaJson,
  ChainJson,
  ControlErrorCode,
  DeviceJson,
  DeviceListJson,
  ErrorJson,
  KnownHostJson,
  JoinTokenJson,
  KubeconfigJson,
  ListJson,
  OperatorJson,
  ProfileJson,
  RecordJson,
  ReloadJson,
  SecretJson,
  StatusJson,
  TokenJson,
  VerifyJson,
} from './control-shapes.ts';
import type { Secret } from '../lib/secret.ts';

/** Where a gateway's operator API listens. */
export type ControlAddress =
  | { readonly kind: 'unix'; readonly path: string }
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number };

/** A call that did not work. `exitCode` is what a command line ends with (config reference 6.1). */
export class ControlError extends Error {
  readonly code: ControlErrorCode | 'unreachable';
  readonly exitCode: 1 | 2 | 3 | 4;

  constructor(code: ControlErrorCode | 'unreachable', message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'ControlError';
    this.code = code;
    this.exitCode = EXIT_CODES[code];
  }
}

const EXIT_CODES: Readonly<Record<ControlErrorCode | 'unreachable', 1 | 2 | 3 | 4>> = {
  unreachable: 3,
  unauthorised: 4,
  bad_request: 2,
  too_large: 2,
  not_found: 1,
  ambiguous: 1,
  decided: 1,
  not_permitted: 1,
  wrong_digest: 1,
  needs_reason: 2,
  grant_refused: 1,
  refused: 1,
  unavailable: 1,
  throttled: 1,
  internal: 1,
};

export interface ApprovalsQuery {
  readonly state?: 'pending' | 'approved' | 'denied' | 'expired' | 'cancelled' | 'all';
  readonly endpoint?: string;
  readonly device?: string;
  readonly limit?: number;
  readonly cursor?: string;
}

export interface AuditQuery extends AuditFilterJson {
  readonly limit?: number;
  readonly cursor?: string;
  /** Default `newest`. */
  readonly order?: 'newest' | 'oldest';
}

export interface FollowQuery extends AuditFilterJson {
  /** Default 0. */
  readonly last?: number;
}

export interface NewOperator {
  readonly name: string;
  readonly role: OperatorJson['role'];
  readonly email?: string;
  readonly slack?: string;
  /** Left out: everything. */
  readonly profiles?: readonly string[];
  readonly password: Secret;
}

/** Typed calls. Each rejects with ControlError. */
export interface ControlClient {
  readonly approvals: {
    list(query?: ApprovalsQuery): Promise<ListJson<ApprovalJson>>;
    /** What one person decided alone, newest first. */
    broken(query?: { readonly limit?: number }): Promise<ListJson<ApprovalJson>>;
    /** `id` may be a unique prefix of 8 characters or more. Waits briefly for the measured effect. */
    show(id: string): Promise<ApprovalJson>;
    /** `digest` is that of the request which was shown. */
    approve(
      id: string,
      vote: {
        readonly digest: string;
        readonly note?: string;
        /** `DURATION[,uses=N][,scope=exact|shape]`. */
        readonly grant?: string;
        /** How many equal requests were shown as one. */
        readonly together?: string;
        /** The reason why one person decides alone what takes more. */
        readonly break_glass?: string;
      },
    ): Promise<ApprovalJson>;
    /** `note` is told to the agent, and is needed. */
    deny(
      id: string,
      vote: { readonly digest?: string; readonly note: string; readonly together?: string },
    ): Promise<ApprovalJson>;
  };
  readonly grants: {
    list(query?: { readonly all?: 'true'; readonly limit?: number }): Promise<ListJson<GrantJson>>;
    show(id: string): Promise<GrantJson>;
    revoke(id: string, change: { readonly note?: string }): Promise<GrantJson>;
    /** What a grant of a waiting approval would cover, and would have covered in the last week. */
    preview(approval: string, scope: 'exact' | 'shape'): Promise<GrantPreviewJson>;
  };
  readonly people: {
    approvers(): Promise<ListJson<ApproverJson>>;
    reviewers(): Promise<ListJson<ReviewerJson>>;
  };
  readonly audit: {
    search(query?: AuditQuery): Promise<ListJson<RecordJson>>;
    /** The `last` ones of the past, then records from now on, oldest first and without a gap, until `signal` aborts or the gateway ends. */
    follow(filter: FollowQuery, signal: AbortSignal): AsyncIterable<RecordJson>;
    /** Every record of an action (id or unique prefix of 8 or more), or the one with that sequence number. */
    show(idOrSeq: string): Promise<ListJson<RecordJson>>;
    /** What led to what, around an incident, a task or an action. */
    chain(id: string): Promise<ChainJson>;
    verify(range?: { readonly from?: number; readonly to?: number }): Promise<VerifyJson>;
    /** Text of the export, piece by piece. */
    export(
      filter: AuditFilterJson,
      options: { readonly format: 'jsonl' | 'csv'; readonly bundle: boolean },
    ): AsyncIterable<Buffer>;
  };
  readonly secrets: {
    list(): Promise<ListJson<SecretJson>>;
    set(name: string, slot: string, value: Secret): Promise<void>;
    remove(name: string, slot: string): Promise<void>;
  };
  readonly devices: {
    /** `all`: revoked ones too. */
    list(all: boolean): Promise<DeviceListJson>;
    show(id: string): Promise<DeviceJson>;
    approve(code: string, as: { readonly profile?: string; readonly name?: string }): Promise<DeviceJson>;
    deny(code: string): Promise<unknown>;
    change(id: string, to: { readonly name?: string; readonly profile?: string }): Promise<DeviceJson>;
    revoke(id: string): Promise<DeviceJson>;
    /** `expires` is a duration. */
    makeToken(token: {
      readonly profile: string;
      readonly uses: string;
      readonly expires: string;
    }): Promise<JoinTokenJson>;
  };
  readonly operators: {
    list(): Promise<ListJson<OperatorJson>>;
    add(operator: NewOperator): Promise<OperatorJson>;
    setPassword(name: string, password: Secret): Promise<OperatorJson>;
    /** What they see from now on: these profiles, or everything (null). */
    setScope(name: string, profiles: readonly string[] | null): Promise<OperatorJson>;
    /** `expires` is a duration. */
    issueToken(name: string, expires: string): Promise<TokenJson>;
    remove(name: string): Promise<OperatorJson>;
  };
  readonly ca: {
    show(): Promise<CaJson>;
    /** PEM. */
    export(): Promise<string>;
  };
  /** Endpoint by its name, bare or typed. */
  kubeconfig(endpoint: string): Promise<KubeconfigJson>;
  /** Of one ssh endpoint by its name, bare or typed; "" = all. */
  knownHosts(endpoint: string): Promise<ListJson<KnownHostJson>>;
  readonly profiles: {
    list(): Promise<ListJson<ProfileJson>>;
    show(name: string): Promise<ProfileJson>;
  };
  status(): Promise<StatusJson>;
  /** Resolves with `ok: false` and the diagnostics when the configuration is refused. */
  reload(): Promise<ReloadJson>;
}

export interface ControlClientOptions {
  /** Bearer token, for TCP. */
  readonly token?: Secret;
  /** Limit of one call without a stream. Default 30 s. */
  readonly timeoutMs?: number;
}

/** No answer that is not a stream is longer: a page of records holds at most a few whole requests. */
const MAX_ANSWER_BYTES = 256 * 1024 * 1024;
/** One line of a stream. */
const MAX_LINE_BYTES = 64 * 1024 * 1024;
/** What a gateway does to callers that it may not listen to. */
const HUNG_UP =
  'it closed the connection: only its own user and root may ask, and only from the network and user namespace that it is in itself, not out of a container or a run (as root: nsenter --net --user -t PID_OF_THE_GATEWAY clawpatrol …; or set control_listen = "HOST:PORT", and ask with --gateway http://HOST:PORT --token-file FILE)';
const DEFAULT_TIMEOUT_MS = 30_000;

/** Reads `unix:/path`, `http://host:port`, `host:port` or `[v6]:port`; null when it is none of them. */
export function parseControlAddress(text: string): ControlAddress | null {
  if (text.startsWith('unix:')) {
    const path = text.slice('unix:'.length).replace(/^\/\/(?=\/)/, '');
    return path === '' ? null : { kind: 'unix', path };
  }
  const match = /^(?:http:\/\/)?(\[[0-9A-Fa-f:.]+\]|[^/:[\]\s@]+):(\d{1,5})\/?$/.exec(text);
  const port = Number(match?.[2]);
  if (match?.[1] === undefined || port < 1 || port > 65_535) {
    return null;
  }
  return { kind: 'tcp', host: match[1].replace(/^\[|\]$/g, ''), port };
}

/** A client for the gateway at `address`. Opens a connection for each call, so there is nothing to close. */
export function createControlClient(address: ControlAddress, options: ControlClientOptions = {}): ControlClient {
  const wire: Wire = { address, token: options.token ?? null, timeoutMs: options.timeoutMs ?? DEFAULT_TIMEOUT_MS };
  return {
    approvals: approvalCalls(wire),
    grants: {
      list: (query = {}) => callJson(wire, 'GET', `/api/grants${queryText(query)}`),
      show: (id) => callJson(wire, 'GET', `/api/grants/${encodeURIComponent(id)}`),
      revoke: (id, change) => callJson(wire, 'POST', `/api/grants/${encodeURIComponent(id)}/revoke`, change),
      preview: (approval, scope) => callJson(wire, 'GET', `${approvalPath(approval)}/grant${queryText({ scope })}`),
    },
    people: {
      approvers: () => callJson(wire, 'GET', '/api/approvers'),
      reviewers: () => callJson(wire, 'GET', '/api/reviewers'),
    },
    audit: auditCalls(wire),
    secrets: secretCalls(wire),
    devices: deviceCalls(wire),
    operators: operatorCalls(wire),
    ca: {
      show: () => callJson(wire, 'GET', '/api/ca'),
      export: async () => (await callBytes(wire, 'GET', '/api/ca/certificate')).toString('utf8'),
    },
    kubeconfig: (endpoint) => callJson(wire, 'GET', `/api/kubeconfig/${encodeURIComponent(endpoint)}`),
    knownHosts: (endpoint) =>
      callJson(wire, 'GET', `/api/known-hosts${endpoint === '' ? '' : `?endpoint=${encodeURIComponent(endpoint)}`}`),
    profiles: {
      list: () => callJson(wire, 'GET', '/api/profiles'),
      show: (name) => callJson(wire, 'GET', `/api/profiles/${encodeURIComponent(name)}`),
    },
    status: () => callJson(wire, 'GET', '/api/status'),
    reload: () => callJson(wire, 'POST', '/api/reload', {}),
  };
}

function approvalPath(id: string): string {
  return `/api/approvals/${encodeURIComponent(id)}`;
}

function approvalCalls(wire: Wire): ControlClient['approvals'] {
  return {
    list: (query = {}) => callJson(wire, 'GET', `/api/approvals${queryText(query)}`),
    broken: (query = {}) => callJson(wire, 'GET', `/api/break-glass${queryText(query)}`),
    show: (id) => callJson(wire, 'GET', approvalPath(id)),
    approve: (id, vote) => callJson(wire, 'POST', `${approvalPath(id)}/approve`, vote),
    deny: (id, vote) => callJson(wire, 'POST', `${approvalPath(id)}/deny`, vote),
  };
}

function auditCalls(wire: Wire): ControlClient['audit'] {
  return {
    search: (query = {}) => callJson(wire, 'GET', `/api/audit${queryText(query)}`),
    follow: (filter, signal) => readLines(wire, `/api/audit/follow${queryText(filter)}`, signal),
    show: (idOrSeq) => callJson(wire, 'GET', `/api/audit/show/${encodeURIComponent(idOrSeq)}`),
    chain: (id) => callJson(wire, 'GET', `/api/audit/chain/${encodeURIComponent(id)}`),
    verify: (range = {}) => callJson({ ...wire, timeoutMs: 0 }, 'GET', `/api/audit/verify${queryText(range)}`),
    export: (filter, { format, bundle }) =>
      readPieces(wire, `/api/audit/export${queryText({ ...filter, format, bundle: bundle ? 'true' : 'false' })}`, null),
  };
}

function secretCalls(wire: Wire): ControlClient['secrets'] {
  return {
    list: () => callJson(wire, 'GET', '/api/secrets'),
    async set(name, slot, value) {
      await callBytes(wire, 'PUT', '/api/secrets', { name, slot, value: value.reveal() });
    },
    async remove(name, slot) {
      await callBytes(wire, 'DELETE', '/api/secrets', { name, slot });
    },
  };
}

function operatorPath(name: string): string {
  return `/api/operators/${encodeURIComponent(name)}`;
}

function devicePath(id: string): string {
  return `/api/devices/${encodeURIComponent(id)}`;
}

function deviceCalls(wire: Wire): ControlClient['devices'] {
  return {
    list: (all) => callJson(wire, 'GET', `/api/devices${all ? '?revoked=true' : ''}`),
    show: (id) => callJson(wire, 'GET', devicePath(id)),
    approve: (code, as) => callJson(wire, 'POST', '/api/devices/approve', { code, ...as }),
    deny: (code) => callJson(wire, 'POST', '/api/devices/deny', { code }),
    change: (id, to) => callJson(wire, 'PUT', devicePath(id), to),
    revoke: (id) => callJson(wire, 'DELETE', devicePath(id)),
    makeToken: (token) => callJson(wire, 'POST', '/api/devices/token', token),
  };
}

function operatorCalls(wire: Wire): ControlClient['operators'] {
  return {
    list: () => callJson(wire, 'GET', '/api/operators'),
    add: ({ password, profiles, ...rest }) =>
      callJson(wire, 'POST', '/api/operators', {
        ...rest,
        ...(profiles === undefined ? {} : { profiles: JSON.stringify(profiles) }),
        password: password.reveal(),
      }),
    setPassword: (name, password) =>
      callJson(wire, 'PUT', `${operatorPath(name)}/password`, { password: password.reveal() }),
    setScope: (name, profiles) =>
      callJson(
        wire,
        'PUT',
        `${operatorPath(name)}/scope`,
        profiles === null ? { all: 'true' } : { profiles: JSON.stringify(profiles) },
      ),
    issueToken: (name, expires) => callJson(wire, 'POST', `${operatorPath(name)}/token`, { expires }),
    remove: (name) => callJson(wire, 'DELETE', operatorPath(name), {}),
  };
}

interface Wire {
  readonly address: ControlAddress;
  readonly token: Secret | null;
  /** 0 = no limit: the answer takes as long as the log is long. */
  readonly timeoutMs: number;
}

function queryText(query: object): string {
  const search = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) {
    if (typeof value === 'string' || typeof value === 'number') {
      search.set(key, String(value));
    }
  }
  const text = search.toString();
  return text === '' ? '' : `?${text}`;
}

async function callJson<T>(wire: Wire, method: string, path: string, body?: object): Promise<T> {
  const bytes = await callBytes(wire, method, path, body);
  try {
    // The one trusted edge: both ends are this program, and shapes only grow.
    const value: T = JSON.parse(bytes.toString('utf8'));
    return value;
  } catch (error) {
    throw new ControlError('internal', 'the gateway answered with something that is not JSON', { cause: error });
  }
}

async function callBytes(wire: Wire, method: string, path: string, body?: object): Promise<Buffer> {
  const signal = wire.timeoutMs === 0 ? null : AbortSignal.timeout(wire.timeoutMs);
  const response = await open(wire, { method, path, body: body ?? null, signal });
  return collect(response, wire);
}

async function* readPieces(wire: Wire, path: string, signal: AbortSignal | null): AsyncGenerator<Buffer> {
  const response = await open(wire, { method: 'GET', path, body: null, signal });
  try {
    for await (const piece of response as AsyncIterable<Buffer>) {
      yield piece;
    }
  } catch (error) {
    if (signal?.aborted !== true) {
      throw unreachable(wire, error);
    }
  }
  if (!response.complete && signal?.aborted !== true) {
    throw new ControlError('unreachable', 'the gateway closed the connection in the middle of its answer');
  }
}

async function* readLines(wire: Wire, path: string, signal: AbortSignal): AsyncGenerator<RecordJson> {
  let rest = '';
  const decoder = new TextDecoder();
  for await (const piece of readPieces(wire, path, signal)) {
    rest += decoder.decode(piece, { stream: true });
    if (rest.length > MAX_LINE_BYTES) {
      throw new ControlError('internal', 'the gateway sent a line without end');
    }
    const lines = rest.split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      // Empty lines keep the connection warm.
      if (line !== '') {
        const record: RecordJson = JSON.parse(line);
        yield record;
      }
    }
  }
}

interface Call {
  readonly method: string;
  readonly path: string;
  readonly body: object | null;
  readonly signal: AbortSignal | null;
}

/** Sends a call; resolves with a 2xx answer whose body has not been read, rejects with ControlError for anything else. */
async function open(wire: Wire, call: Call): Promise<IncomingMessage> {
  const response = await send(wire, call);
  const status = response.statusCode ?? 0;
  if (status >= 200 && status < 300) {
    return response;
  }
  throw readError(status, await collect(response, wire));
}

async function send(wire: Wire, { method, path, body, signal }: Call): Promise<IncomingMessage> {
  // Every verb loads this file, and most never call a gateway's operator API.
  const { request } = await import('node:http');
  const bytes = body === null ? null : Buffer.from(JSON.stringify(body));
  const headers: Record<string, string | number> = { host: 'localhost', connection: 'close' };
  if (bytes !== null) {
    headers['content-type'] = 'application/json';
    headers['content-length'] = bytes.length;
  }
  if (wire.token !== null) {
    headers['authorization'] = `Bearer ${wire.token.reveal()}`;
  }
  const where =
    wire.address.kind === 'unix'
      ? { socketPath: wire.address.path }
      : { host: wire.address.host, port: wire.address.port };
  return new Promise((resolve, reject) => {
    const outgoing = request(
      { ...where, method, path, headers, agent: false, ...(signal === null ? {} : { signal }) },
      resolve,
    );
    outgoing.on('error', (error) => reject(unreachable(wire, error)));
    outgoing.end(bytes ?? undefined);
  });
}

async function collect(response: IncomingMessage, wire: Wire): Promise<Buffer> {
  const pieces: Buffer[] = [];
  let sizeBytes = 0;
  try {
    for await (const piece of response as AsyncIterable<Buffer>) {
      sizeBytes += piece.length;
      if (sizeBytes > MAX_ANSWER_BYTES) {
        throw new ControlError('internal', 'the answer of the gateway is too long; ask for less at once');
      }
      pieces.push(piece);
    }
  } catch (error) {
    throw error instanceof ControlError ? error : unreachable(wire, error);
  }
  return Buffer.concat(pieces);
}

function readError(status: number, body: Buffer): ControlError {
  try {
    const { error }: ErrorJson = JSON.parse(body.toString('utf8'));
    if (Object.hasOwn(EXIT_CODES, error.code)) {
      return new ControlError(error.code, error.message);
    }
  } catch {
    // Not ours: told by its status below.
  }
  return new ControlError(status === 401 ? 'unauthorised' : 'internal', `the gateway answered with status ${status}`);
}

function unreachable(wire: Wire, cause: unknown): ControlError {
  const { address } = wire;
  const where = address.kind === 'unix' ? `unix:${address.path}` : `${address.host}:${address.port}`;
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  if (address.kind === 'unix' && (code === 'EACCES' || code === 'EPERM')) {
    return new ControlError(
      'unauthorised',
      `this user may not open ${where}; run as root or the gateway's user (sudo)`,
      { cause },
    );
  }
  const why: Readonly<Record<string, string>> = {
    ENOENT: 'no such socket',
    ECONNREFUSED: 'nothing listens there',
    ABORT_ERR: 'no answer in time',
    ECONNRESET: HUNG_UP,
    EPIPE: HUNG_UP,
  };
  const detail = why[code] ?? (code === '' ? 'the connection failed' : code);
  const message =
    detail === HUNG_UP
      ? `the gateway at ${where} does not talk to this process: ${detail}`
      : `no gateway answers at ${where}: ${detail}; is it running? Another one is named with --gateway or CLAWPATROL_GATEWAY: unix:STATE_DIR/control.sock`;
  return new ControlError('unreachable', message, { cause });
}
