// `clawpatrol run --mode proxy`: works wherever Node does. The command gets variables that lead well-behaved programs through the gateway, with an
// identity of the run's own. It keeps its own network: nothing is contained, and it is told so.
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { accessSync, constants as access, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { delimiter, isAbsolute, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Secret } from '../../lib/secret.ts';
import { visible } from '../../lib/text.ts';
import { readCa } from '../device-files.ts';
import type { Environment } from '../environment.ts';
import { fieldOf, textOf } from '../../lib/fields.ts';
import { parseGatewayUrl } from '../gateway-link.ts';
import { createCarrier } from './carried.ts';
import type { Carrier } from './carried.ts';
import { describeProxy, hostsToLead, programFolderOf, readEndpoints } from './proxy-environment.ts';
import type { Led } from './proxy-environment.ts';
import { openHttpProxy, openPort } from './proxy-front.ts';
import type { Front } from './proxy-front.ts';
import { beginRun, environmentOf } from './registration.ts';
import type { RunOptions, StartedRun } from './registration.ts';

/** The gateway takes a run that is silent for ten minutes for ended. */
const ALIVE_MS = 60_000;
const CANNOT_EXECUTE = 126;
const NOT_FOUND = 127;
const SSH_PROGRAMS = ['ssh', 'scp', 'sftp'];
// The compiler rewrites the extension in import statements only, so the program is named after the file that runs: `.js` as built.
const EXTENSION = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
const CONNECTOR = fileURLToPath(new URL(`./proxy-stdio.${EXTENSION}`, import.meta.url));

/** Runs a command with the proxy's variables and gives its exit code. Rejects with RunError when it cannot begin. */
export async function runWithProxy(options: RunOptions): Promise<number> {
  const started = await beginRun(options, { mode: 'proxy' });
  const folder = mkdtempSync(join(tmpdir(), 'clawpatrol-proxy-'));
  const fronts: Front[] = [];
  const alive = setInterval(() => void started.keepAlive(), ALIVE_MS);
  try {
    const environment = await openFronts(options, started, { folder, fronts });
    options.note('the proxy listens');
    return await runCommand(options, environment);
  } finally {
    clearInterval(alive);
    fronts.forEach((front) => front.close());
    rmSync(folder, { recursive: true, force: true });
    await started.end();
  }
}

async function openFronts(
  options: RunOptions,
  started: StartedRun,
  { folder, fronts }: { readonly folder: string; readonly fronts: Front[] },
): Promise<Environment> {
  const { env, paths, record, warn } = options;
  const caPem = readCa(paths);
  const token = new Secret(textOf(started.answer, 'token'));
  const carrier = createCarrier(parseGatewayUrl(record.gateway.url), caPem, token);
  const endpoints = readEndpoints(fieldOf(started.answer, 'endpoints'));
  const password = randomBytes(18).toString('base64url');
  const proxy = await openHttpProxy(carrier, password);
  fronts.push(proxy);
  const led = await openPorts(carrier, hostsToLead(endpoints), fronts);
  const proxyUrl = `http://run:${password}@127.0.0.1:${proxy.port}`;
  const path = env['PATH'] ?? '';
  const sshPrograms = Object.fromEntries(
    SSH_PROGRAMS.flatMap((name) => {
      const found = findProgram(name, path);
      return found === null ? [] : [[name, found] as const];
    }),
  );
  const connector = [process.execPath, CONNECTOR];
  const settings = describeProxy({ proxyUrl, led, endpoints, folder, caPem, connector, sshPrograms, path });
  mkdirSync(programFolderOf(folder), { mode: 0o700 });
  for (const [texts, mode] of [
    [settings.files, 0o600],
    [settings.programs, 0o700],
  ] as const) {
    Object.entries(texts).forEach(([file, text]) => writeFileSync(file, text, { mode }));
  }
  warn(
    'proxy mode leads what honours its variables through the gateway. It contains nothing: the command has this user’s network and files',
  );
  for (const { endpoint, host, port } of led) {
    warn(`${visible(endpoint.type)}.${visible(endpoint.name)} (${visible(host)}) is at 127.0.0.1:${port}`);
  }
  return { ...settings.environment, ...environmentOf(options, started), CLAWPATROL_RUN_MODE: 'proxy' };
}

/** Where the command would find that program, or null. */
function findProgram(name: string, path: string): string | null {
  const folders = path.split(delimiter).filter(isAbsolute);
  return folders.map((folder) => join(folder, name)).find(isProgram) ?? null;
}

function isProgram(file: string): boolean {
  try {
    accessSync(file, access.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}

async function openPorts(
  carrier: Carrier,
  hosts: ReturnType<typeof hostsToLead>,
  fronts: Front[],
): Promise<readonly Led[]> {
  const led: Led[] = [];
  for (const { endpoint, host } of hosts) {
    const front = await openPort(carrier, host);
    fronts.push(front);
    led.push({ endpoint, host, port: front.port });
  }
  return led;
}

function runCommand(
  { command, args, env, onSignal, warn, note }: RunOptions,
  environment: Environment,
): Promise<number> {
  const { CLAWPATROL_TOKEN: _, ...own } = env;
  return new Promise((resolve) => {
    const child = spawn(command, [...args], { env: { ...own, ...environment }, stdio: 'inherit' });
    const release = onSignal((name) => void child.kill(name));
    child.once('spawn', () => note('the command was started'));
    child.once('error', (error: NodeJS.ErrnoException) => {
      release();
      const missing = error.code === 'ENOENT';
      warn(`${visible(command)}: ${missing ? 'not found' : 'cannot be executed'}`);
      resolve(missing ? NOT_FOUND : CANNOT_EXECUTE);
    });
    child.once('exit', (code, signal) => {
      release();
      resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal]));
    });
  });
}
