// `npm start`: installs and builds what is missing, then runs `clawpatrol gateway` on examples/quickstart/ in front of a
// real PostgreSQL with small data. Needs no root and no tunnel. Everything it makes goes away with Ctrl-C.
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ensureBuilt, ensureInstalled } from './ensure.mjs';

const EXAMPLE = 'examples/quickstart';
/** Ports as examples/quickstart/gateway.hcl has them; free ones stand in for those that are taken. */
const PORTS = { upstream: 25432, listen: 15432, metrics: 19464 };
/** Where scripts/quickstart-query.mjs looks for the port. */
const RUN_FILE = '.quickstart/run.json';
const READY_WITHIN_MS = 30_000;
const DRAIN_WITHIN_MS = 15_000;

process.on('SIGUSR1', () => {});
process.chdir(join(dirname(fileURLToPath(import.meta.url)), '..'));
ensureInstalled();
ensureBuilt();
const { startEmbeddedPostgres } = await import('./embedded-postgres.mjs');
const { seed } = await import('./quickstart-seed.mjs');

/** How to undo what has been started, oldest first. */
const undo = [];
const interrupted = new Promise((resolve) => {
  // They stay in place while things stop: npm passes on the Ctrl-C that the terminal has sent already.
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(name, () => resolve());
  }
});

let exitCode = 0;
try {
  // Also when interrupted meanwhile, starting goes to its end (each step has a limit), so that all of it is undone.
  const { unexpectedly } = await start();
  await Promise.race([interrupted, unexpectedly]);
} catch (error) {
  console.error(`\nnpm start: ${error.message}`);
  exitCode = 1;
}
console.log('\nStopping …');
for (const step of undo.toReversed()) {
  await step();
}
process.exit(exitCode);

async function start() {
  const folder = mkdtempSync(join(tmpdir(), 'clawpatrol-quickstart-'));
  undo.push(() => rmSync(folder, { recursive: true, force: true, maxRetries: 3 }));
  // PostgreSQL runs as another user when this is root, and has to walk through here to its own folder.
  chmodSync(folder, 0o711);
  const ports = await choosePorts();

  console.log('Starting PostgreSQL …');
  const password = randomBytes(24).toString('base64url');
  const agentPassword = randomBytes(24).toString('base64url');
  const database = join(folder, 'postgres');
  mkdirSync(database);
  const postgres = await startEmbeddedPostgres({ folder: database, port: ports.upstream, password });
  undo.push(() => postgres.stop());
  await seed({ port: ports.upstream, password, agentPassword });

  console.log('Starting the gateway …');
  const secretFile = join(folder, 'agent-password');
  writeFileSync(secretFile, agentPassword, { mode: 0o600 });
  const stateDir = join(folder, 'state');
  const gateway = await startGateway({ config: chooseConfig(folder, ports), stateDir, secretFile });
  undo.push(() => gateway.stop());
  const control = `unix:${join(stateDir, 'control.sock')}`;
  publish({ port: ports.listen, control });
  tell(ports, control);
  follow(control);
  return { unexpectedly: unexpectedEnd({ 'the gateway': gateway.exited, PostgreSQL: postgres.exited }) };
}

async function unexpectedEnd(exits) {
  const name = await Promise.race(Object.entries(exits).map(([which, exited]) => exited.then(() => which)));
  throw new Error(`${name} ended by itself; its last words are above`);
}

async function choosePorts() {
  const chosen = {};
  for (const [name, port] of Object.entries(PORTS)) {
    chosen[name] = (await bindable(port)) ?? (await bindable(0));
    if (chosen[name] !== port) {
      console.log(`Port ${port} is taken; using ${chosen[name]} instead.`);
    }
  }
  return chosen;
}

/** The port, or a free one for 0; null when it is taken. */
function bindable(port) {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(null));
    server.listen(port, '127.0.0.1', () => {
      const { port: bound } = server.address();
      server.close(() => resolve(bound));
    });
  });
}

/** The example as it stands, or a copy with other ports. */
function chooseConfig(folder, ports) {
  if (Object.entries(PORTS).every(([name, port]) => ports[name] === port)) {
    return EXAMPLE;
  }
  const copy = join(folder, 'config');
  mkdirSync(copy);
  for (const file of readdirSync(EXAMPLE).filter((name) => name.endsWith('.hcl'))) {
    let text = readFileSync(join(EXAMPLE, file), 'utf8');
    for (const [name, port] of Object.entries(PORTS)) {
      text = text.replaceAll(`127.0.0.1:${port}`, `127.0.0.1:${ports[name]}`);
    }
    writeFileSync(join(copy, file), text);
  }
  return copy;
}

async function startGateway({ config, stateDir, secretFile }) {
  const child = spawn(
    process.execPath,
    ['bin/clawpatrol', 'gateway', config, '--state-dir', stateDir, '--log-level', 'warn'],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
      // `@file`: the value itself would be readable in /proc/PID/environ.
      env: {
        ...process.env,
        CLAWPATROL_SECRET_SHOP: `@${secretFile}`,
        CLAWPATROL_STORE_KEY: randomBytes(32).toString('base64'),
      },
      // Its own process group, as for PostgreSQL.
      detached: true,
    },
  );
  const exited = new Promise((resolve) => child.once('exit', resolve));
  const stop = async () => {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGTERM');
    }
    const forced = setTimeout(() => child.kill('SIGKILL'), DRAIN_WITHIN_MS);
    await exited;
    clearTimeout(forced);
  };
  try {
    await readyLine(child, exited);
  } catch (error) {
    await stop();
    throw error;
  }
  return { exited, stop };
}

async function readyLine(child, exited) {
  let timer;
  try {
    await new Promise((resolve, reject) => {
      timer = setTimeout(() => reject(new Error('the gateway was not ready in time')), READY_WITHIN_MS);
      void exited.then((code) => reject(new Error(`the gateway did not start (exit ${code})`)));
      let said = '';
      child.stdout.on('data', (bytes) => {
        said += bytes.toString();
        if (/^ready .*\n/m.test(said)) {
          resolve();
        }
      });
    });
  } finally {
    clearTimeout(timer);
  }
}

/** Leaves the addresses where the query script finds them. */
function publish(run) {
  mkdirSync(dirname(RUN_FILE), { recursive: true });
  writeFileSync(RUN_FILE, `${JSON.stringify(run)}\n`);
  undo.push(() => rmSync(dirname(RUN_FILE), { recursive: true, force: true }));
}

/** Shows the log as it is written. */
function follow(control) {
  const child = spawn(process.execPath, ['bin/clawpatrol', 'audit', 'tail', '-f', '-n', '0', '--gateway', control], {
    stdio: ['ignore', 'inherit', 'ignore'],
    detached: true,
  });
  const exited = new Promise((resolve) => child.once('exit', resolve));
  undo.push(async () => {
    child.kill('SIGTERM');
    await exited;
  });
}

function tell(ports, control) {
  const query = (sql) => `     node scripts/quickstart-query.mjs "${sql}"`;
  console.log(`
Claw Patrol is running.

  production database   PostgreSQL on 127.0.0.1:${ports.upstream}; its password is known to the gateway only
  gateway               127.0.0.1:${ports.listen}; metrics on http://127.0.0.1:${ports.metrics}/metrics
  rules                 ${EXAMPLE}/rules.hcl

Be the agent, in a second terminal (no password; without psql, use the node lines below):

     psql "host=127.0.0.1 port=${ports.listen} user=agent dbname=shop"

  1. A read is allowed, and recorded.
${query('SELECT status, count(*) FROM orders GROUP BY status')}
  2. The API keys are denied, however they are reached.
${query('WITH x AS (SELECT * FROM api_keys) SELECT count(*) FROM x')}
  3. A bounded delete waits for a person.
${query("DELETE FROM logs WHERE at < '2026-01-01'")}
  4. So does a DROP, which no rule names: its risk tier asks.
${query('DROP TABLE users CASCADE')}

Be the person on call, in a third terminal:

     export CLAWPATROL_GATEWAY=${control}
     bin/clawpatrol approvals list
     bin/clawpatrol approvals approve ID      # shows the whole request and its effect, and asks
     bin/clawpatrol approvals deny ID --note 'not during the sale'
     bin/clawpatrol audit verify

Below is the log as it is written. Ctrl-C stops everything and removes it.
`);
}
