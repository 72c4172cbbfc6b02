// Finds out what `doctor` wants to know of a machine that has joined: asks its programs and runtimes, each with a limit.
import { spawn } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { lookup } from 'node:dns/promises';
import { closeSync, openSync } from 'node:fs';
import { isIP } from 'node:net';
import { join } from 'node:path';
import { AGENT_NAME } from '../config/hosts.ts';
import { SYSTEM_PATH } from '../devices/system-path.ts';
import { messageOf } from '../lib/errors.ts';
import type { CheckJson } from './control-shapes.ts';
import { readCa } from './device-files.ts';
import type { DevicePaths } from './device-files.ts';
import type { DeviceView } from './device-health.ts';
import {
  check,
  checkClock,
  checkMtu,
  checkNames,
  checkNamespaces,
  checkPrograms,
  checkRuntime,
  checkTun,
  checkWaysOut,
  PROGRAMS,
} from './doctor.ts';
import type { Runtime, Said } from './doctor.ts';
import { caEnvironment } from './environment.ts';
import { fieldOf } from '../lib/fields.ts';
import { findMachine } from './machine/machine.ts';
import type { MachineSystem } from './machine/system.ts';

const LIMIT_MS = 10_000;
const ESCAPES_MS = 60_000;
const MAX_OUTPUT_BYTES = 1024 * 1024;

/** Certificates that Node.js trusts: what newer ones tell, or what the variable adds; SHA-256 of each. */
const NODE_SCRIPT = `
const { readFileSync } = require('fs'); const { X509Certificate } = require('crypto'); const tls = require('tls');
const extra = process.env.NODE_EXTRA_CA_CERTS;
const pems = tls.getCACertificates ? tls.getCACertificates('default')
  : extra ? readFileSync(extra, 'utf8').match(/-----BEGIN CERT[^]*?-----END CERT[^-]*-----/g) ?? [] : [];
for (const pem of pems) console.log(new X509Certificate(pem).fingerprint256);`;

/** The same of Python's ssl module: its file and its folder. */
const PYTHON_SCRIPT = `
import hashlib, os, re, ssl
paths = ssl.get_default_verify_paths()
files = [paths.cafile] if paths.cafile else []
if paths.capath and os.path.isdir(paths.capath):
    files += [os.path.join(paths.capath, name) for name in os.listdir(paths.capath)]
for file in files:
    try:
        text = open(file, errors='ignore').read()
    except OSError:
        continue
    for pem in re.findall('-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----', text, re.S):
        try:
            print(hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest())
        except ValueError:
            pass`;

export interface DoctorParts {
  readonly paths: DevicePaths;
  readonly view: DeviceView;
  readonly system: MachineSystem;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The program itself, for a run that tries the ways out. */
  readonly main: string;
}

/** One line a check. Never rejects for what it finds. */
export async function lookAtMachineParts(parts: DoctorParts): Promise<readonly CheckJson[]> {
  const { view, system } = parts;
  return [
    ...(view.answer.kind === 'answered' ? [checkClock(view.nowMs, view.answer.view.nowMs)] : []),
    ...(await lookAtMtu(parts)),
    checkNames(view.machine !== null, view.machine === null ? [] : await addressesOf(AGENT_NAME)),
    ...(await lookAtRuntimes(parts)),
    checkPrograms(await findMissing()),
    checkTun(tryTun()),
    checkNamespaces(
      await run('unshare', ['--user', '--map-root-user', '--net', '--mount', 'true'], { PATH: SYSTEM_PATH }),
      {
        clone: system.readText('/proc/sys/kernel/unprivileged_userns_clone'),
        most: system.readText('/proc/sys/user/max_user_namespaces'),
        apparmor: system.readText('/proc/sys/kernel/apparmor_restrict_unprivileged_userns'),
      },
      process.getuid?.() === 0,
    ),
    await tryRun(parts),
  ];
}

async function lookAtMtu({ view, paths, system }: DoctorParts): Promise<readonly CheckJson[]> {
  const { tunnel } = view.record;
  const host = /^(?:\[([^\]]+)\]|([^:]+)):\d+$/.exec(tunnel.endpoint);
  const known = findMachine(paths)?.journal.plan;
  try {
    const ip = known?.outer.ip ?? (await lookup(host?.[1] ?? host?.[2] ?? '')).address;
    const way = known === undefined ? [] : ['ipproto', 'udp', 'dport', String(known.outer.port)];
    const name = await firstField(system, ['-json', 'route', 'get', ip, ...way], 'dev');
    const mtu = await firstField(system, ['-json', 'link', 'show', 'dev', String(name)], 'mtu');
    return [checkMtu(tunnel.mtu, { name: String(name), mtu: Number(mtu), version: isIP(ip) === 6 ? 6 : 4 })];
  } catch (error) {
    return [check('mtu', 'warn', `the way to ${tunnel.endpoint} is not known: ${messageOf(error)}`)];
  }
}

async function firstField({ run: ask }: MachineSystem, args: readonly string[], name: string): Promise<unknown> {
  const answer: unknown = JSON.parse(await ask('ip', args));
  return fieldOf(Array.isArray(answer) ? answer[0] : null, name);
}

async function addressesOf(name: string): Promise<readonly string[]> {
  try {
    return (await lookup(name, { all: true })).map(({ address }) => address);
  } catch {
    return [];
  }
}

/** Under the variables that agents have: those of this shell where everything is routed, else those that `run` sets. */
async function lookAtRuntimes({ paths, view, env }: DoctorParts): Promise<readonly CheckJson[]> {
  const ca = join(paths.caDir, 'ca.crt');
  const { fingerprint256 } = new X509Certificate(readCa(paths));
  const ours = view.machine === null ? caEnvironment({ bundle: join(paths.caDir, 'ca-bundle.crt'), ca }) : {};
  const own = Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined);
  const under = { ...Object.fromEntries(own), ...ours };
  const asked: readonly (readonly [Runtime, string, readonly string[]])[] = [
    ['openssl', 'openssl', ['verify', ca]],
    ['node', 'node', ['-e', NODE_SCRIPT]],
    ['python', 'python3', ['-c', PYTHON_SCRIPT]],
    ['java', 'keytool', ['-list', '-cacerts', '-storepass', 'changeit']],
  ];
  return Promise.all(
    asked.map(async ([runtime, program, args]) => {
      const said = await run(program, args, under);
      return checkRuntime(runtime, said.status === null && said.stderr === '' ? null : said, fingerprint256);
    }),
  );
}

async function findMissing(): Promise<readonly string[]> {
  const found = await Promise.all(
    PROGRAMS.map(async (program) => {
      const { status } = await run('sh', ['-c', 'command -v "$1"', 'sh', program], { PATH: SYSTEM_PATH });
      return status === 0 ? null : program;
    }),
  );
  return found.filter((program) => program !== null);
}

function tryTun(): string | null {
  try {
    closeSync(openSync('/dev/net/tun', 'r+'));
    return null;
  } catch (error) {
    return messageOf(error);
  }
}

async function tryRun({ main, env, paths }: DoctorParts): Promise<CheckJson> {
  const own = Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined);
  const self = [process.execPath, main];
  const words = ['run', '--ca-dir', paths.caDir, '--label', 'doctor', '--', ...self, 'escape-test', '--json'];
  return checkWaysOut(await run(process.execPath, [main, ...words], Object.fromEntries(own), ESCAPES_MS));
}

/** Runs a program to its end. Never rejects: what cannot be started has no status and said nothing. */
function run(
  program: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  limitMs: number = LIMIT_MS,
): Promise<Said> {
  return new Promise((resolve) => {
    const child = spawn(program, [...args], {
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: limitMs,
      killSignal: 'SIGKILL',
    });
    const said = { stdout: '', stderr: '' };
    for (const name of ['stdout', 'stderr'] as const) {
      child[name].setEncoding('utf8').on('data', (text: string) => {
        said[name] = `${said[name]}${text}`.slice(0, MAX_OUTPUT_BYTES);
      });
    }
    child.on('error', () => resolve({ status: null, stdout: '', stderr: '' }));
    child.on('close', (status) => resolve({ status, ...said }));
  });
}
