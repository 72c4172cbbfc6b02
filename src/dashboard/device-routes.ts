// The calls that manage devices: who waits to be let in, who is in, and who is shut out. Keys' private halves and tokens never come out again,
// but for a join token at the moment when it is made.
import type { DeviceJson, JoinRequestJson, JoinTokenJson } from '../client/control-shapes.ts';
import type { Device } from '../devices/device.ts';
import type { JoinRequest } from '../devices/enrolment.ts';
import type { Run } from '../devices/runs.ts';
import { renameHeld } from '../gateway/judging/quarantine.ts';
import { parseDurationMs } from '../lib/units.ts';
import { ApiError, getText, readBody, readFields, readNumber, readWord } from './input.ts';
import type { Answer, Call, OperatorDevices, Route } from './call.ts';
import { timeText } from './shapes.ts';
import { noDevice, noProfile } from './unknown-names.ts';

const MAX_USES = 10_000;
const MAX_TOKEN_MS = 366 * 86_400_000;

async function list({ parts, query }: Call): Promise<Answer> {
  const fields = readFields(query, ['revoked']);
  const all = readWord(fields, 'revoked', ['true', 'false']) === 'true';
  const devices = devicesOf(parts);
  const heard = await lastHeard(devices);
  const shown = devices.registry.list().filter(({ revokedMs }) => all || revokedMs === null);
  const items = shown.map((device) => deviceJson(device, devices, heard));
  return { kind: 'json', body: { items, next: null, waiting: devices.enrolment.waiting().map(requestJson) } };
}

async function show({ parts, params }: Call): Promise<Answer> {
  const devices = devicesOf(parts);
  const heard = await lastHeard(devices);
  return { kind: 'json', body: deviceJson(getDevice(devices, getText(params, 'id')), devices, heard) };
}

async function approve({ parts, operator, body }: Call): Promise<Answer> {
  const fields = readBody(body, ['code', 'profile', 'name']);
  const profiles = parts.config().profiles.map(({ name }) => name);
  const only = profiles.length === 1 ? profiles[0] : undefined;
  const profile = fields.get('profile') ?? only;
  if (profile === undefined || !profiles.includes(profile)) {
    throw new ApiError(400, 'bad_request', `profile must be one of ${profiles.join(', ')}`);
  }
  const code = getText(fields, 'code');
  const devices = devicesOf(parts);
  const as = { profile, name: fields.get('name') ?? null, user: operator.name };
  const device = devices.enrolment.approve(code, as);
  if (device === null) {
    throw noCode(code);
  }
  return { kind: 'json', body: deviceJson(device, devices, new Map()) };
}

async function deny({ parts, body }: Call): Promise<Answer> {
  const code = getText(readBody(body, ['code']), 'code');
  if (!devicesOf(parts).enrolment.deny(code)) {
    throw noCode(code);
  }
  return { kind: 'json', body: { code } };
}

async function revoke({ parts, params }: Call): Promise<Answer> {
  const devices = devicesOf(parts);
  const { id } = getDevice(devices, getText(params, 'id'));
  // What it came with may let in more: it would come back with another key.
  devices.tokens.withdrawOf(id);
  return { kind: 'json', body: deviceJson(devices.registry.revoke(id), devices, new Map()) };
}

async function change({ parts, params, body }: Call): Promise<Answer> {
  const fields = readBody(body, ['name', 'profile']);
  const devices = devicesOf(parts);
  const device = getDevice(devices, getText(params, 'id'));
  const [name, profile] = [fields.get('name'), fields.get('profile')];
  if (profile !== undefined && !parts.config().profiles.some((one) => one.name === profile)) {
    throw noProfile(profile, parts.config(), 400);
  }
  const to = { ...(name === undefined ? {} : { name }), ...(profile === undefined ? {} : { profile }) };
  const changed =
    name === undefined || name === device.name
      ? devices.registry.change(device.id, to)
      : renameHeld(parts.quarantine, { from: device.name, to: name }, () => devices.registry.change(device.id, to));
  return { kind: 'json', body: deviceJson(changed, devices, new Map()) };
}

async function endRun({ parts, params }: Call): Promise<Answer> {
  const id = getText(params, 'id');
  if (!devicesOf(parts).runs.end(id)) {
    throw new ApiError(404, 'not_found', `there is no run ${JSON.stringify(id)}, or it has ended`);
  }
  return { kind: 'json', body: { id } };
}

async function makeToken({ parts, operator, body }: Call): Promise<Answer> {
  const fields = readBody(body, ['profile', 'uses', 'expires']);
  const profile = getText(fields, 'profile');
  if (!parts.config().profiles.some(({ name }) => name === profile)) {
    throw noProfile(profile, parts.config(), 400);
  }
  const lastsMs = parseDurationMs(getText(fields, 'expires'));
  if (lastsMs === null || lastsMs < 1000 || lastsMs > MAX_TOKEN_MS) {
    throw new ApiError(400, 'bad_request', 'expires is a duration such as 30m or 720h, a year at most');
  }
  const usesLeft = readNumber(fields, 'uses', { from: 1, to: MAX_USES }) ?? 1;
  const expiresMs = parts.clock.now() + lastsMs;
  const { text, token } = devicesOf(parts).tokens.create({ profile, usesLeft, expiresMs, by: operator.name });
  const told: JoinTokenJson = { id: token.id, token: text, profile, uses: usesLeft, expires: timeText(expiresMs) };
  return { kind: 'json', body: told };
}

function devicesOf({ devices }: Call['parts']): OperatorDevices {
  if (devices === null) {
    throw new ApiError(
      409,
      'refused',
      'this gateway has no tunnel for devices; write gateway { wireguard { } } or { tailscale { } }',
    );
  }
  return devices;
}

function getDevice({ registry }: OperatorDevices, id: string): Device {
  const device = registry.find(id);
  if (device === null) {
    throw noDevice(id, registry.list());
  }
  return device;
}

function noCode(code: string): ApiError {
  return new ApiError(
    404,
    'not_found',
    `no machine waits with the code ${JSON.stringify(code)}; codes last ten minutes`,
  );
}

function deviceJson(device: Device, { runs, tunnel }: OperatorDevices, heard: ReadonlyMap<string, number>): DeviceJson {
  const place = device.node === '' ? (tunnel?.addressesOf(device.number) ?? null) : null;
  const heardMs = heard.get(device.publicKey);
  return {
    id: device.id,
    name: device.name,
    profile: device.profile,
    user: device.user,
    public_key: device.publicKey,
    node: device.node,
    addresses: place === null ? [] : [place.v4, place.v6],
    enrolled: timeText(device.enrolledMs),
    revoked: device.revokedMs === null ? null : timeText(device.revokedMs),
    last_heard: heardMs === undefined ? null : timeText(heardMs),
    runs: runs
      .list()
      .filter((run) => run.device === device.id)
      .map((run) => runJson(run, device)),
  };
}

/** Without what WireGuard says they are shown all the same. */
async function lastHeard({ tunnel }: OperatorDevices): Promise<ReadonlyMap<string, number>> {
  return (await tunnel?.lastHeard().catch(() => null)) ?? new Map();
}

function runJson({ id, label, startedMs }: Run, { profile }: Device): DeviceJson['runs'][number] {
  return { id, profile, label, started: timeText(startedMs) };
}

function requestJson({ userCode, publicKey, hostname, wish, ip, askedMs, expiresMs }: JoinRequest): JoinRequestJson {
  return {
    code: userCode,
    hostname,
    ip,
    public_key: publicKey,
    wish,
    asked: timeText(askedMs),
    expires: timeText(expiresMs),
  };
}

export const DEVICE_ROUTES: readonly Route[] = [
  {
    name: 'devices.list',
    method: 'GET',
    path: '/api/devices',
    kind: 'reads',
    role: 'viewer',
    sight: 'scoped',
    answer: list,
  },
  {
    name: 'devices.show',
    method: 'GET',
    path: '/api/devices/:id',
    kind: 'reads',
    role: 'viewer',
    sight: 'scoped',
    answer: show,
  },
  {
    name: 'devices.approve',
    method: 'POST',
    path: '/api/devices/approve',
    kind: 'acts',
    role: 'admin',
    sight: 'scoped',
    recorded: ['code', 'profile', 'name'],
    answer: approve,
  },
  {
    name: 'devices.deny',
    method: 'POST',
    path: '/api/devices/deny',
    kind: 'acts',
    role: 'admin',
    sight: 'scoped',
    recorded: ['code'],
    answer: deny,
  },
  {
    name: 'devices.token',
    method: 'POST',
    path: '/api/devices/token',
    kind: 'acts',
    role: 'admin',
    sight: 'scoped',
    recorded: ['profile', 'uses', 'expires'],
    answer: makeToken,
  },
  {
    name: 'devices.change',
    method: 'PUT',
    path: '/api/devices/:id',
    kind: 'acts',
    role: 'admin',
    sight: 'scoped',
    recorded: ['id', 'name', 'profile'],
    answer: change,
  },
  {
    name: 'devices.revoke',
    method: 'DELETE',
    path: '/api/devices/:id',
    kind: 'acts',
    role: 'admin',
    sight: 'scoped',
    recorded: ['id'],
    answer: revoke,
  },
  {
    name: 'runs.end',
    method: 'DELETE',
    path: '/api/runs/:id',
    kind: 'acts',
    role: 'approver',
    sight: 'scoped',
    recorded: ['id'],
    answer: endRun,
  },
];
