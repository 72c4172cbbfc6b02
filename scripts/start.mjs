// `npm start`: installs and builds what is missing, then runs `clawpatrol gateway` on examples/quickstart/ in front of a
// real PostgreSQL with small data. Needs no root and no tunnel. Everything it makes goes away with Ctrl-C.
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { ensureBuilt, ensureInstalled } from './ensure.mjs';

const EXAMPLE = 'examples/quickstart';
/** Ports as examples/quickstart/gateway.hcl has them; free ones stand in for those that are taken. */
const PORTS = { upstream: 25432, listen: 15432, metrics: 19464, dashboard: 18080 };
/** Where scripts/quickstart-query.mjs looks for the port. */
const RUN_FILE = '.quickstart/run.json';
const READY_WITHIN_MS = 30_000;
const DRAIN_WITHIN_MS = 15_000;
const POSTGRES_ATTEMPTS = 3;
const GATEWAY_ATTEMPTS = 3;
/** One for all attempts: they share a state folder. */
const STORE_KEY = randomBytes(32).toString('base64');

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

  console.log('Starting PostgreSQL …');
  const password = randomBytes(24).toString('base64url');
  const agentPassword = randomBytes(24).toString('base64url');
  const { postgres, port: upstream } = await startPostgres(folder, password);
  undo.push(() => postgres.stop());
  await seed({ port: upstream, password, agentPassword });

  console.log('Starting the gateway …');
  const secretFile = join(folder, 'agent-password');
  writeFileSync(secretFile, agentPassword, { mode: 0o600 });
  const stateDir = join(folder, 'state');
  const { gateway, ports, config } = await startOnFreePorts(folder, upstream, { stateDir, secretFile });
  undo.push(() => gateway.stop());
  const control = `unix:${join(stateDir, 'control.sock')}`;
  publish({ port: ports.listen, control });
  tell({ ports, control, config, setup: gateway.setup() });
  follow(control);
  return { unexpectedly: unexpectedEnd({ 'the gateway': gateway.exited, PostgreSQL: postgres.exited }) };
}

async function unexpectedEnd(exits) {
  const name = await Promise.race(Object.entries(exits).map(([which, exited]) => exited.then(() => which)));
  throw new Error(`${name} ended by itself; its last words are above`);
}

/** The server, and its port: making its files takes seconds, in which somebody else may take the port. */
async function startPostgres(folder, password) {
  for (let attempt = 1; ; attempt += 1) {
    const port = await choosePort(PORTS.upstream);
    const database = join(folder, `postgres-${attempt}`);
    mkdirSync(database);
    try {
      return { port, postgres: await startEmbeddedPostgres({ folder: database, port, password }) };
    } catch (error) {
      if (attempt === POSTGRES_ATTEMPTS || !/Address already in use/.test(error.message)) {
        throw error;
      }
    }
  }
}

/** The gateway, with its ports: another quickstart that starts at the same moment may take them between the look and the binding. */
async function startOnFreePorts(folder, upstream, files) {
  for (let attempt = 1; ; attempt += 1) {
    const ports = {
      upstream,
      listen: await choosePort(PORTS.listen),
      metrics: await choosePort(PORTS.metrics),
      dashboard: await choosePort(PORTS.dashboard),
    };
    const config = chooseConfig(folder, ports);
    try {
      return { gateway: await startGateway({ config, ...files }), ports, config };
    } catch (error) {
      const lost = (await Promise.all([ports.listen, ports.metrics, ports.dashboard].map(bindable))).includes(null);
      if (attempt === GATEWAY_ATTEMPTS || !lost) {
        throw error;
      }
      console.log('Somebody else took a port at the same moment; trying again …');
    }
  }
}

async function choosePort(wanted) {
  const port = (await bindable(wanted)) ?? (await bindable(0));
  if (port !== wanted) {
    console.log(`Port ${wanted} is taken; using ${port} instead.`);
  }
  return port;
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

/** The example as it stands, or a copy: with other ports, or with an owner and a mode that the gateway trusts. */
function chooseConfig(folder, ports) {
  const files = readdirSync(EXAMPLE).filter((name) => name.endsWith('.hcl'));
  if (
    Object.entries(PORTS).every(([name, port]) => ports[name] === port) &&
    files.every((file) => trusted(join(EXAMPLE, file)))
  ) {
    return EXAMPLE;
  }
  const copy = join(folder, 'config');
  mkdirSync(copy, { mode: 0o755, recursive: true });
  for (const file of files) {
    let text = readFileSync(join(EXAMPLE, file), 'utf8');
    for (const [name, port] of Object.entries(PORTS)) {
      text = text.replaceAll(`127.0.0.1:${port}`, `127.0.0.1:${ports[name]}`);
    }
    writeFileSync(join(copy, file), text, { mode: 0o600 });
  }
  return copy;
}

/** The gateway refuses rules that others may change, as in a checkout of another user, which root may well start. */
function trusted(file) {
  const { uid, mode } = statSync(file);
  return [0, process.geteuid()].includes(uid) && (mode & 0o002) === 0;
}

async function startGateway({ config, stateDir, secretFile }) {
  const child = spawn(
    process.execPath,
    ['bin/clawpatrol', 'gateway', config, '--state-dir', stateDir, '--log-level', 'warn'],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
      // `@file`: the value itself would be readable in /proc/PID/environ.
      env: {
        ...process.env,
        CLAWPATROL_SECRET_SHOP: `@${secretFile}`,
        CLAWPATROL_STORE_KEY: STORE_KEY,
      },
      // Its own process group, as for PostgreSQL.
      detached: true,
    },
  );
  const exited = new Promise((resolve) => child.once('exit', resolve));
  const said = { setup: null };
  // The set-up link is told once, below, where it is said what it is for.
  createInterface({ input: child.stderr }).on('line', (line) => {
    const setup = /^setup: (\S+)$/.exec(line)?.[1];
    if (setup === undefined) {
      process.stderr.write(`${line}\n`);
    } else {
      said.setup = setup;
    }
  });
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
    // Two pipes: what was printed before the ready line may come after it.
    for (let look = 0; look < 40 && said.setup === null; look += 1) {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  } catch (error) {
    await stop();
    throw error;
  }
  return { exited, stop, setup: () => said.setup };
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
  const text = `${JSON.stringify(run)}\n`;
  writeFileSync(RUN_FILE, text);
  undo.push(() => {
    // A second quickstart in this folder may have written its own.
    if (existsSync(RUN_FILE) && readFileSync(RUN_FILE, 'utf8') === text) {
      rmSync(dirname(RUN_FILE), { recursive: true, force: true });
    }
  });
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

function tell({ ports, control, config, setup }) {
  const query = (sql) => `     node scripts/quickstart-query.mjs "${sql}"`;
  console.log(`
Claw Patrol is running.

  production database   PostgreSQL on 127.0.0.1:${ports.upstream}; its password is known to the gateway only
  gateway               127.0.0.1:${ports.listen}; metrics on http://127.0.0.1:${ports.metrics}/metrics
  rules                 ${config}/rules.hcl; a change is in force when you save it

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

Be the person on call, in a browser (the link makes your account; it works once, for half an hour):

     ${setup ?? `http://127.0.0.1:${ports.dashboard}/`}

Or in a third terminal:

     export CLAWPATROL_GATEWAY=${control}
     bin/clawpatrol approvals list
     bin/clawpatrol approvals approve ID      # shows the whole request and its effect, and asks
     bin/clawpatrol approvals deny ID --note 'not during the sale'
     bin/clawpatrol audit verify

Below is the log as it is written. Ctrl-C stops everything and removes it.
`);
}
