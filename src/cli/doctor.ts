// clawpatrol doctor: whether this machine can be what it is: a device that has joined, or the host of a gateway; and whether that one is well.
import { readFile, stat, statfs } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { ControlError } from '../client/control-client.ts';
import type { CheckJson } from '../client/control-shapes.ts';
import { devicePaths } from '../client/device-files.ts';
import { deviceChecks } from '../client/device-health.ts';
import type { DeviceView } from '../client/device-health.ts';
import { lookAtMachineParts } from '../client/doctor-look.ts';
import { check } from '../client/doctor.ts';
import { createMachineSystem } from '../client/machine/system.ts';
import { maxConnections } from '../gateway/descriptors.ts';
import { messageOf } from '../lib/errors.ts';
import { EXIT, runCommand, textOption } from './command.ts';
import type { Call, Verb } from './command.ts';
import { connect, defaultStateDir, GATEWAY_OPTIONS } from './control.ts';
import type { Io } from './io.ts';
import { findDevice, hasGateway, printChecks } from './status.ts';

type Environment = Io['env'];

const GIB = 1024 ** 3;
/** A database that cannot grow stops all traffic that must be recorded. */
const LOW_DISK_BYTES = GIB;
const NO_DISK_BYTES = GIB / 8;
/** Each client connection holds two sockets. */
const FEW_OPEN_FILES = 4096;

function checkNode(env: Environment): CheckJson {
  const version = process.versions.node;
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major < 20 || (major === 20 && minor < 19)) {
    return check('node', 'fail', `Node.js ${version}`, 'install Node.js 20.19 or newer');
  }
  // Whoever may connect to the inspector runs code inside the gateway.
  if (/--inspect/.test(env['NODE_OPTIONS'] ?? '')) {
    return check('node', 'fail', 'NODE_OPTIONS opens the inspector', 'remove --inspect from NODE_OPTIONS');
  }
  return check('node', 'ok', `Node.js ${version} on ${process.platform}-${process.arch}`);
}

/** Loads a native or WASM library and uses it once. */
async function checkLibrary(name: string, use: () => Promise<string>): Promise<CheckJson> {
  try {
    return check(name, 'ok', await use());
  } catch (error) {
    const [reason = ''] = messageOf(error).split('\n');
    return check(name, 'fail', reason, 'install the package again with the Node.js that runs it (npm rebuild)');
  }
}

async function useSqlite(): Promise<string> {
  const { Database } = await import('../audit/sqlite-library.ts');
  const database = new Database(':memory:');
  try {
    return `SQLite ${String(database.prepare('SELECT sqlite_version()').pluck().get())}`;
  } finally {
    database.close();
  }
}

async function useParser(): Promise<string> {
  const { parse } = await import('libpg-query');
  await parse('SELECT 1');
  return "PostgreSQL's grammar loads";
}

async function checkOpenFiles(): Promise<CheckJson[]> {
  const limits = await readFile('/proc/self/limits', 'utf8').catch(() => '');
  const soft = /^Max open files\s+(\d+)/m.exec(limits)?.[1];
  if (soft === undefined) {
    return [];
  }
  const room = `at most ${soft} open files: room for ${maxConnections(limits)} connections`;
  return Number(soft) < FEW_OPEN_FILES
    ? [check('open-files', 'warn', room, 'raise it with ulimit -n, or LimitNOFILE in the unit')]
    : [check('open-files', 'ok', room)];
}

async function checkStateDir(path: string): Promise<CheckJson> {
  const info = await stat(path).catch(() => null);
  if (info === null) {
    return check('state-dir', 'ok', `${path} does not exist yet; the first start makes it`);
  }
  if (!info.isDirectory()) {
    return check('state-dir', 'fail', `${path} is not a folder`, 'name a folder with --state-dir');
  }
  const mine = process.getuid?.() === info.uid;
  const mode = (info.mode & 0o777).toString(8).padStart(4, '0');
  if ((info.mode & 0o077) !== 0) {
    return check('state-dir', 'warn', `${path} has mode ${mode}`, `chmod 700 ${path}`);
  }
  return mine || process.getuid?.() === 0
    ? check('state-dir', 'ok', `${path}, mode ${mode}`)
    : check('state-dir', 'warn', `${path} belongs to another user`, "run this as the gateway's user");
}

async function checkDisk(path: string): Promise<CheckJson[]> {
  let folder = path;
  let space = await statfs(folder).catch(() => null);
  while (space === null && dirname(folder) !== folder) {
    folder = dirname(folder);
    space = await statfs(folder).catch(() => null);
  }
  if (space === null) {
    return [];
  }
  const freeBytes = space.bavail * space.bsize;
  const detail = `${(freeBytes / GIB).toFixed(1)} GiB free below ${folder}`;
  const fix = 'make room: when the log cannot be written, traffic that must be recorded stops';
  if (freeBytes >= LOW_DISK_BYTES) {
    return [check('disk', 'ok', detail)];
  }
  return [check('disk', freeBytes < NO_DISK_BYTES ? 'fail' : 'warn', detail, fix)];
}

async function checkStoreKey(stateDir: string, env: Environment): Promise<CheckJson> {
  if ((env['CLAWPATROL_STORE_KEY'] ?? '') !== '') {
    return check('store-key', 'ok', 'from CLAWPATROL_STORE_KEY');
  }
  const credentials = env['CREDENTIALS_DIRECTORY'];
  if (credentials !== undefined && (await exists(join(credentials, 'store-key')))) {
    return check('store-key', 'ok', 'from the credentials of the systemd unit');
  }
  const beside = join(stateDir, 'keys', 'store.key');
  const fix = 'give the key from outside: CLAWPATROL_STORE_KEY, or LoadCredential=store-key in the unit';
  return (await exists(beside))
    ? check('store-key', 'warn', `${beside} lies beside the secrets that it seals`, fix)
    : check('store-key', 'ok', `none given; the first start makes ${beside}`);
}

async function exists(path: string): Promise<boolean> {
  return (await stat(path).catch(() => null)) !== null;
}

/** The running gateway's own checks, or that there is none: before the first start that is no fault. */
async function checkGateway(call: Call): Promise<readonly CheckJson[]> {
  try {
    const status = await (await connect(call)).status();
    return status.checks;
  } catch (error) {
    if (error instanceof ControlError) {
      return [check('gateway', error.code === 'unreachable' ? 'warn' : 'fail', error.message)];
    }
    throw error;
  }
}

/** What `status` says of a machine that has joined, and what it needs to stay so. */
async function checkDevice(call: Call, view: DeviceView): Promise<readonly CheckJson[]> {
  const paths = devicePaths(call.io.env, textOption(call, 'caDir'));
  const main = process.argv[1] ?? '';
  const more = await lookAtMachineParts({ paths, view, system: createMachineSystem(), env: call.io.env, main });
  return [...deviceChecks(view), ...more];
}

async function checkGatewayHost(call: Call): Promise<readonly CheckJson[]> {
  const { env } = call.io;
  const stateDir = textOption(call, 'stateDir') ?? defaultStateDir(call.io);
  return [
    await checkLibrary('sqlite', useSqlite),
    await checkLibrary('sql-parser', useParser),
    ...(await checkOpenFiles()),
    await checkStateDir(stateDir),
    ...(await checkDisk(stateDir)),
    await checkStoreKey(stateDir, env),
    ...(await checkGateway(call)),
  ];
}

async function doctor(call: Call): Promise<number> {
  const { env } = call.io;
  const device = textOption(call, 'stateDir') === null ? await findDevice(call) : null;
  const checks = [
    checkNode(env),
    ...(device === null ? [] : await checkDevice(call, device)),
    ...(device === null || hasGateway(call) ? await checkGatewayHost(call) : []),
  ];
  const ok = checks.every(({ state }) => state !== 'fail');
  if (call.out.json) {
    call.out.object({ ok, checks });
  } else {
    printChecks(call.out, checks);
  }
  return ok ? EXIT.ok : EXIT.no;
}

export const command: Verb = {
  name: 'doctor',
  summary: 'the checks of status, and what else a device or a gateway needs of its machine',
  options: [
    ['--state-dir <dir>', 'state directory of the gateway (default as for the gateway)'],
    ['--ca-dir <dir>', 'where certificates are (default: ~/.clawpatrol)'],
    ...GATEWAY_OPTIONS,
  ],
  act: doctor,
};

/** Runs the verb. */
export function run(args: readonly string[], io: Io): Promise<number> {
  return runCommand(command, args, io);
}
