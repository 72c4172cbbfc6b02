// What machines ask of the gateway for themselves: to be let in, and, once they are, for a run of their own, and to be forgotten. None of it
// takes an operator's word, and none of it can approve anything. Every answer is JSON.
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { findFault } from '../approvals/claims.ts';
import type { ClaimChange, Claims } from '../approvals/claims.ts';
import { createEvent } from '../audit/event.ts';
import type { AuditEvent } from '../audit/event.ts';
import type { Device } from '../devices/device.ts';
import type { Devices, TunnelDescription } from '../devices/devices.ts';
import { POLL_SECONDS } from '../devices/enrolment.ts';
import type { Refused } from '../devices/enrolment.ts';
import type { Run } from '../devices/runs.ts';
import type { Connections } from '../gateway/arriving/connections.ts';
import { CLIENT_LEVEL, CLIENT_LEVEL_HEADER, parseClientLevel } from '../lib/client-level.ts';
import type { Clock } from '../lib/clock.ts';
import { createThrottle } from '../lib/throttle.ts';
import type { Throttle } from '../lib/throttle.ts';
import type { Agent } from '../rules/action.ts';
import { ApiError, getText, readBody } from './input.ts';
import type { Fields } from './input.ts';

/** Whether a path is one of those that machines use. */
export function isJoinPath(path: string): boolean {
  return path.startsWith('/api/onboard/') || path.startsWith('/api/device/') || path === '/api/env-pushdown';
}

export interface JoinParts {
  readonly clock: Clock;
  readonly devices: Devices & { readonly tunnel: TunnelDescription };
  readonly caPem: () => string;
  readonly fingerprint: () => string;
  /** Where operators let machines in, or null. */
  readonly publicUrl: () => string | null;
  /** Variables with placeholders for whoever acts under a profile. */
  readonly placeholdersOf: (profile: string) => Readonly<Record<string, string>>;
  /** What a run in proxy mode needs to lead programs to the endpoints of its profile. */
  readonly endpointsOf: (profile: string) => readonly ReachableEndpoint[];
  /** Takes connections of runs in proxy mode. */
  readonly acceptRun: Connections['acceptRun'];
  /** A token that is nobody's (any more). */
  readonly turnedAway: (cause: 'run-token' | 'device-token') => void;
  /** What runs say of their work. */
  readonly claims: Pick<Claims, 'set'>;
  /** Revision of the policy in force. */
  readonly revision: () => string;
  readonly hasProfile: (name: string) => boolean;
  /** How many requests of a device wait for a decision. */
  readonly countPending: (device: string) => number;
  /** Durable when it resolves; rejects when it cannot be recorded, and then nothing happens. */
  readonly record: (event: AuditEvent) => Promise<void>;
}

/** An endpoint as a machine is told of it. */
export interface ReachableEndpoint {
  readonly name: string;
  readonly type: string;
  /** `host:port`, canonical; not those of wildcards. */
  readonly hosts: readonly string[];
  /** Lines of known_hosts; empty where it is not SSH. */
  readonly knownHosts: readonly string[];
}

/** Adds the calls under /api. */
export function addJoinRoutes(app: FastifyInstance, parts: JoinParts): void {
  app.post('/api/onboard/start', (request) => start(request, parts));
  app.post('/api/onboard/poll', (request) => poll(request, parts));
  app.post('/api/onboard/claim', (request) => claim(request, parts));
  app.post('/api/onboard/withdraw', (request) => withdraw(request, parts));
  const starts = createThrottle(parts.clock, RUN_STARTS);
  app.post('/api/device/runs', (request) => startRun(request, parts, starts));
  app.post('/api/device/runs/:id/alive', (request) => keepRun(request, parts));
  app.delete('/api/device/runs/:id', (request) => endRun(request, parts));
  app.get('/api/env-pushdown', (request) => pushDown(request, parts));
  app.get('/api/device/status', (request) => deviceStatus(request, parts));
  app.post('/api/device/leave', (request) => leave(request, parts));
}

/** Joining and running count on what the client does; one that does less is told what to do. Throws ApiError. */
function refuseOldClient(request: FastifyRequest): void {
  if (parseClientLevel(request.headers[CLIENT_LEVEL_HEADER]) < CLIENT_LEVEL) {
    const why = 'this client is older than the gateway and lacks a restriction that it counts on';
    throw new ApiError(426, 'refused', `${why}; upgrade clawpatrol on this machine (clawpatrol version)`);
  }
}

async function start(request: FastifyRequest, parts: JoinParts): Promise<object> {
  refuseOldClient(request);
  const fields = readBody(request.body, ['public_key', 'hostname', 'profile', 'token']);
  const asked = {
    publicKey: getText(fields, 'public_key'),
    hostname: getText(fields, 'hostname'),
    wish: fields.get('profile') ?? '',
    token: fields.get('token') ?? '',
    ip: request.ip,
  };
  // Before anything is recorded: who floods us must not fill the log.
  const refused = parts.devices.enrolment.findRefusal(asked);
  if (refused !== null) {
    throw refusalOf(refused);
  }
  const how = asked.token === '' ? 'asked to be let in' : 'came with a join token';
  await parts.record(askedEvent(parts, asked.hostname, { how, ip: asked.ip, public_key: asked.publicKey }));
  const result = parts.devices.enrolment.start(asked);
  if (result.kind === 'refused') {
    throw refusalOf(result);
  }
  const url = parts.publicUrl();
  return {
    device_code: result.deviceCode,
    user_code: result.request.userCode,
    verification_url: url === null ? null : `${url}/#/agents`,
    interval: POLL_SECONDS,
    expires_in: Math.round((result.request.expiresMs - result.request.askedMs) / 1000),
    ca_fingerprint: parts.fingerprint(),
    proof_key: result.proofKey,
    ...(result.replaced === null ? {} : { replaced_code: result.replaced }),
  };
}

function refusalOf({ status, why }: Refused): ApiError {
  return new ApiError(status, 'refused', why);
}

async function poll(request: FastifyRequest, { devices }: JoinParts): Promise<object> {
  const fields = readBody(request.body, ['device_code']);
  const state = found(devices.enrolment.poll(getText(fields, 'device_code'), request.ip));
  return { status: state.kind };
}

/** A machine whose join was interrupted: no operator should be asked about it any more. */
async function withdraw(request: FastifyRequest, parts: JoinParts): Promise<object> {
  const fields = readBody(request.body, ['device_code']);
  const state = found(parts.devices.enrolment.withdraw(getText(fields, 'device_code'), request.ip));
  return { status: state.kind };
}

async function claim(request: FastifyRequest, parts: JoinParts): Promise<object> {
  const { devices, caPem } = parts;
  const fields = readBody(request.body, ['device_code', 'proof']);
  const proof = fields.get('proof') ?? '';
  const state = found(devices.enrolment.claim(getText(fields, 'device_code'), request.ip, proof));
  if (state.kind === 'unproven') {
    throw new ApiError(403, 'refused', 'the machine has not shown that it has the private half of its key');
  }
  if (state.kind !== 'approved') {
    throw new ApiError(409, 'refused', `the request is ${state.kind}`);
  }
  const { id, name, profile, number } = state.device;
  const data = { id, profile, public_key: state.device.publicKey };
  await parts.record(deviceEvent(parts, state.device, { type: 'device.enrolled', data }));
  return {
    device: { id, name, profile },
    token: devices.registry.issueToken(id),
    ...describePlace(devices.tunnel, number),
    ca: caPem(),
  };
}

async function pushDown(request: FastifyRequest, parts: JoinParts): Promise<object> {
  const { profile } = authenticate(request, parts);
  return { profile, environment: parts.placeholdersOf(profile) };
}

/** Runs that a device begins: two full sets at once, then one in so long. Each leaves records, and an address that rests for an hour. */
const RUN_STARTS = { supply: 128, refillMs: 1_000 };

async function startRun(request: FastifyRequest, parts: JoinParts, starts: Throttle): Promise<object> {
  refuseOldClient(request);
  const device = authenticate(request, parts);
  const waitMs = starts.take([device.id]);
  if (waitMs !== null) {
    const seconds = Math.ceil(waitMs / 1000);
    throw new ApiError(429, 'refused', `this device begins too many runs; wait ${seconds} s`);
  }
  const fields = readBody(request.body, ['public_key', 'mode', 'profile', 'label', 'incident', 'intent']);
  const profile = fields.get('profile') ?? device.profile;
  if (profile !== device.profile) {
    throw new ApiError(403, 'not_permitted', describeOtherProfile(device, profile));
  }
  const label = (fields.get('label') ?? '').slice(0, 200);
  const claims = readClaims(fields);
  const carried = readCarried(fields);
  const made = { device: device.id, profile, label };
  if (carried) {
    const { run, token } = parts.devices.runs.startWithToken(made);
    await tellStart(run, device, parts);
    await claimFor(run, device, claims, parts);
    return { ...describeRun(run, parts), token, endpoints: parts.endpointsOf(run.profile) };
  }
  const run = parts.devices.runs.start({ ...made, publicKey: getText(fields, 'public_key') });
  await tellStart(run, device, parts);
  await claimFor(run, device, claims, parts);
  // Its first packet would be lost, and the next one comes seconds later.
  await parts.devices.tunnel.peersSet();
  return { ...describeRun(run, parts), ...describePlace(parts.devices.tunnel, run.number) };
}

/**
 * A run has what its device has. Any program of the machine that can read the device's token could name any of several profiles, so that to
 * permit several would be to permit their sum; whoever wants less for some work gives that work a device of its own.
 */
function describeOtherProfile({ name, profile }: Device, wanted: string): string {
  const quoted = JSON.stringify(wanted);
  return [
    `a run has the profile of its device, and ${name} has ${JSON.stringify(profile)}: ${quoted} is not its to choose`,
    `leave --profile out, or ask an operator for one of: clawpatrol devices set-profile ${name} ${quoted} (for everything on this machine; open connections end)`,
    'or let another user of this machine join, which is a device of its own',
  ].join('; ');
}

/** Of runs that began, and of no others; one that cannot be recorded does not begin. */
async function tellStart(run: Run, device: Device, parts: JoinParts): Promise<void> {
  const { id, profile, label, number } = run;
  const mode = number === 0 ? 'proxy' : 'tunnel';
  try {
    const data = { run: id, profile, label, mode };
    await parts.record(deviceEvent(parts, device, { type: 'run.started', run, data }));
  } catch (error) {
    parts.devices.runs.end(id);
    throw error;
  }
}

function describeRun({ id, profile }: Run, { placeholdersOf }: JoinParts): object {
  return { run: { id, profile }, environment: placeholdersOf(profile) };
}

/** Whether the run comes with a token in place of a tunnel of its own. */
function readCarried(fields: Fields): boolean {
  const mode = fields.get('mode') ?? 'tunnel';
  if (mode !== 'tunnel' && mode !== 'proxy') {
    throw new ApiError(400, 'bad_request', 'mode is tunnel or proxy');
  }
  return mode === 'proxy';
}

async function keepRun(request: FastifyRequest, parts: JoinParts): Promise<object> {
  const run = findRun(request, authenticate(request, parts), parts);
  parts.devices.runs.noteHeard(run.id);
  return { run: { id: run.id } };
}

/** What the agent says of itself: an incident and why it acts. Its word, and no more. */
function readClaims(fields: Fields): ClaimChange {
  const [incident, intent] = [fields.get('incident') ?? '', fields.get('intent') ?? ''];
  const change = { ...(incident === '' ? {} : { incident }), ...(intent === '' ? {} : { intent }) };
  const fault = findFault(change);
  if (fault !== null) {
    throw new ApiError(400, 'bad_request', fault);
  }
  return change;
}

/** In force before the run can do anything; a run whose word cannot be recorded does not begin. */
async function claimFor(run: Run, { name, user }: Device, change: ClaimChange, parts: JoinParts): Promise<void> {
  if (Object.keys(change).length === 0) {
    return;
  }
  const agent: Agent = {
    device: name,
    profile: run.profile,
    run: run.id,
    user,
    ip: '',
    transport: run.number === 0 ? 'proxy' : 'wireguard',
  };
  try {
    await parts.claims.set(agent, change, 'run');
  } catch (error) {
    parts.devices.runs.end(run.id);
    throw error;
  }
}

async function endRun(request: FastifyRequest, parts: JoinParts): Promise<object> {
  const device = authenticate(request, parts);
  const run = findRun(request, device, parts);
  await parts.record(deviceEvent(parts, device, { type: 'run.ended', run, data: { run: run.id } }));
  parts.devices.runs.end(run.id);
  return { run: { id: run.id } };
}

function findRun(request: FastifyRequest, device: Device, { devices }: JoinParts): Run {
  const params: unknown = request.params;
  const id: unknown = typeof params === 'object' && params !== null ? Reflect.get(params, 'id') : null;
  const run = typeof id === 'string' ? devices.runs.find(id) : null;
  if (run === null || run.device !== device.id) {
    throw new ApiError(404, 'not_found', 'this device has no such run');
  }
  return run;
}

/** How the gateway sees the device. */
async function deviceStatus(request: FastifyRequest, parts: JoinParts): Promise<object> {
  const device = authenticate(request, parts);
  const { devices, clock } = parts;
  const heard = await devices.tunnel.lastHeard();
  const keys = [device, ...devices.runs.list().filter((run) => run.device === device.id)];
  const times = keys.flatMap(({ publicKey }) => heard.get(publicKey) ?? []);
  const { id, name, profile } = device;
  return {
    device: { id, name, profile },
    profile_exists: parts.hasProfile(profile),
    revision: parts.revision(),
    pending: parts.countPending(name),
    last_heard: times.length === 0 ? null : new Date(times.reduce((latest, at) => Math.max(latest, at))).toISOString(),
    now: new Date(clock.now()).toISOString(),
  };
}

async function leave(request: FastifyRequest, parts: JoinParts): Promise<object> {
  const device = authenticate(request, parts);
  const { id, name } = device;
  await parts.record(deviceEvent(parts, device, { type: 'device.revoked', data: { id, how: 'it left' } }));
  parts.devices.registry.revoke(id);
  return { device: { id, name } };
}

function describePlace({ publicKey, endpoint, mtu, addressesOf }: TunnelDescription, number: number): object {
  const { v4, v6 } = addressesOf(number);
  return {
    addresses: [v4, v6],
    resolver: addressesOf(1).v4,
    tunnel: { public_key: publicKey, endpoint: endpoint(), mtu },
  };
}

function found<State>(state: State | null): State {
  if (state === null) {
    throw new ApiError(404, 'not_found', 'no request has that code, or it was made from another address');
  }
  return state;
}

function authenticate(request: FastifyRequest, { devices, turnedAway }: JoinParts): Device {
  const token = /^Bearer (\S{1,200})$/.exec(request.headers.authorization ?? '')?.[1];
  const device = token === undefined ? null : devices.registry.authenticate(token);
  if (device === null) {
    turnedAway('device-token');
    throw new ApiError(401, 'unauthorised', 'the device token is missing or worth nothing (any more); join again');
  }
  return device;
}

/** Before it is enrolled its name is the machine's own word, and it belongs to nobody. */
function askedEvent({ clock }: JoinParts, name: string, data: Readonly<Record<string, string>>): AuditEvent {
  return createEvent('device.asked', clock.now(), { by: 'device', summary: name, data: { device: name, ...data } });
}

interface DeviceEvent {
  readonly type: 'device.enrolled' | 'device.revoked' | 'run.started' | 'run.ended';
  readonly run?: Run;
  readonly data: Readonly<Record<string, string>>;
}

function deviceEvent(
  { clock }: JoinParts,
  { name, profile, user }: Device,
  { type, run, data }: DeviceEvent,
): AuditEvent {
  const transport = run?.number === 0 ? 'proxy' : 'wireguard';
  const agent: Agent = { device: name, profile: run?.profile ?? profile, run: run?.id ?? '', user, ip: '', transport };
  return createEvent(type, clock.now(), { agent, by: 'device', summary: name, data: { device: name, ...data } });
}
