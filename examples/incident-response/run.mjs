// Plays an incident from the alert to the evidence, on this machine alone: node examples/incident-response/run.mjs [--keep]
import { spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const EXAMPLE = 'examples/incident-response';
process.chdir(join(dirname(fileURLToPath(import.meta.url)), '..', '..'));
const { ensureBuilt, ensureInstalled } = await import('../../scripts/ensure.mjs');
ensureInstalled();
ensureBuilt();
const { default: pg } = await import('pg');
const { startEmbeddedPostgres } = await import('../../scripts/embedded-postgres.mjs');
const { seed } = await import('../../scripts/quickstart-seed.mjs');
const support = '../../dist/test/support';
const { REST_KEY, sendPagerDutyEvent, SIGNING_SECRET, startHookServer } = await import(`${support}/hook-server.js`);
const { startModelServer } = await import(`${support}/model-server.js`);
const { freePort } = await import(`${support}/ports.js`);

const KEEP = process.argv.includes('--keep');
const PARKED_WITHIN_MS = 60_000;
const READY_WITHIN_MS = 120_000;
const DRAIN_WITHIN_MS = 15_000;
const ATTEMPTS = 3;
const INCIDENT = {
  id: 'Q0SHOP1',
  title: 'shop-db: 95 % of the disk is used',
  urgency: 'high',
  status: 'triggered',
  html_url: 'https://shop.pagerduty.example/incidents/Q0SHOP1',
  created_at: new Date().toISOString(),
  service: { id: 'PSHOPDB', summary: 'shop-db', type: 'service_reference' },
  assignments: [{ assignee: { id: 'PALICE', summary: 'Alice', type: 'user_reference' } }],
  body: { type: 'incident_body', details: 'logs grow by 2 GiB an hour; the disk is full in about 40 minutes' },
};

let steps = 0;
const ALLOW = {
  verdict: 'allow',
  risk: 25,
  reasons: [{ quote: "at < '2026-01-01'", why: 'old rows only; it fits the alert about the disk' }],
};
const DENY = {
  verdict: 'deny',
  risk: 98,
  reasons: [{ quote: 'DROP TABLE', why: 'users have nothing to do with logs that grow' }],
};

/** How to undo what has been started, oldest first. */
const undo = [];
const cleanUp = { after: (step) => undo.push(step) };
const interrupted = new Promise((resolve) => {
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(name, () => resolve());
  }
});

let exitCode = 0;
try {
  const world = await start();
  await Promise.race([play(world), interrupted.then(() => Promise.reject(new Error('interrupted')))]);
  if (KEEP) {
    console.log(`\nThe dashboard: ${world.setup()}\nCtrl-C stops everything and removes it.`);
    await interrupted;
  }
} catch (error) {
  console.error(`\nincident-response: ${error.message}`);
  exitCode = 1;
}
for (const step of undo.toReversed()) {
  await step();
}
process.exit(exitCode);

async function start() {
  const folder = mkdtempSync(join(tmpdir(), 'clawpatrol-incident-'));
  undo.push(() => rmSync(folder, { recursive: true, force: true, maxRetries: 3 }));
  // PostgreSQL runs as another user when this is root, and has to walk through here to its own folder.
  chmodSync(folder, 0o711);
  say('Starting PostgreSQL, the gateway, and stand-ins for PagerDuty and the model …');
  const password = randomBytes(24).toString('base64url');
  const agentPassword = randomBytes(24).toString('base64url');
  const upstream = await startPostgres(folder, password);
  await seed({ port: upstream, password, agentPassword });
  const pagerDuty = await startHookServer(cleanUp);
  const model = await startModelServer(cleanUp);
  model.script = ({ user }) => ({ kind: 'answer', value: /drop table/i.test(user) ? DENY : ALLOW });
  const gateway = await startGateway(folder, { upstream, pagerDuty: portOf(pagerDuty.url), model: model.port }, {
    CLAWPATROL_SECRET_SHOP: agentPassword,
    CLAWPATROL_SECRET_PAGERDUTY: REST_KEY,
    PD_SIGNING_SECRET: SIGNING_SECRET,
    CLAWPATROL_STORE_KEY: randomBytes(32).toString('base64'),
  });
  return { ...gateway, folder, pagerDuty };
}

async function play({ ports, pagerDuty, cli, folder }) {
  const events = `http://127.0.0.1:${ports.dashboard}/api/context/oncall/events`;
  pagerDuty.incidents.set(INCIDENT.id, INCIDENT);
  step('PagerDuty sends an alert, signed');
  const { assignments: _, body: __, ...event } = INCIDENT;
  expect(await sendPagerDutyEvent(events, event), 202);
  expect(await sendPagerDutyEvent(events, event, { secrets: ['somebody else'] }), 401);
  console.log(`   ${INCIDENT.id}: ${INCIDENT.title}; the same under another secret is turned away`);

  const agent = new pg.Client({ host: '127.0.0.1', port: ports.listen, user: 'agent', password: 'x', database: 'shop' });
  undo.push(() => agent.end().catch(() => undefined));
  agent.on('error', () => undefined);
  await agent.connect();
  const query = (sql) => ask(agent, sql);
  const DELETE = "DELETE FROM logs WHERE at < '2026-01-01'";
  step('The agent wants to delete, and has named no incident');
  console.log(`   ${await query(DELETE)}`);

  step('It names the incident at http://clawpatrol.internal');
  console.log(`   ${await sayContext(ports.proxy)}`);

  step('It looks first: reading is allowed');
  console.log(`   ${await query("SELECT count(*) AS old FROM logs WHERE at < '2026-01-01'")}`);

  step('It deletes old rows: the model looks, then a person');
  const deleting = query(DELETE);
  const approval = await waiting(cli);
  console.log(indent(cli('approvals', 'show', approval.id)));
  cli('approvals', 'approve', approval.id, '--digest', approval.request.digest, '--note', 'old logs may go');
  console.log(`   approved; the agent: ${await deleting}`);

  step('It wants to drop a table: the model denies');
  console.log(`   ${await query('DROP TABLE users CASCADE')}`);

  step('PagerDuty says that it is over');
  const over = { ...event, status: 'resolved' };
  pagerDuty.incidents.set(INCIDENT.id, { ...INCIDENT, status: 'resolved' });
  expect(await sendPagerDutyEvent(events, over, { type: 'incident.resolved' }), 202);

  step('What led to what (clawpatrol audit chain)');
  console.log(indent(cli('audit', 'chain', INCIDENT.id)));

  step('The evidence verifies without the gateway');
  const bundle = join(folder, 'evidence.jsonl');
  cli('audit', 'export', '--bundle', '--out', bundle);
  console.log(`   ${run(['audit', 'verify', '--store', bundle]).trim()}`);
}

/** The answer, or the denial, in one line. */
async function ask(client, sql) {
  try {
    const { command, rowCount, rows } = await client.query(sql);
    return command === 'SELECT' ? JSON.stringify(rows) : `${command} ${rowCount ?? ''}`.trim();
  } catch (error) {
    return [`${error.code}: ${error.message}`, error.detail, error.hint].filter((part) => part !== undefined).join(' | ');
  }
}

/** As an agent does that has HTTP_PROXY: the name exists only inside the gateway. */
function sayContext(proxyPort) {
  const said = { incident: INCIDENT.id, task: 'make room on shop-db', reason: 'old log rows fill the disk; delete those of last year' };
  const body = JSON.stringify(said);
  return new Promise((resolve, reject) => {
    const call = request(
      {
        host: '127.0.0.1',
        port: proxyPort,
        method: 'POST',
        path: 'http://clawpatrol.internal/context',
        headers: { host: 'clawpatrol.internal', 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) },
      },
      (response) => {
        let text = '';
        response.on('data', (bytes) => {
          text += bytes;
        });
        response.on('end', () => resolve(text.trim()));
      },
    );
    call.on('error', reject);
    call.end(body);
  });
}

/** The request that waits for a person. */
async function waiting(cli) {
  const until = performance.now() + PARKED_WITHIN_MS;
  while (performance.now() < until) {
    const { items } = JSON.parse(cli('approvals', 'list', '--json'));
    const found = items.find(({ reviews }) => reviews.length > 0);
    if (found !== undefined) {
      return found;
    }
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  throw new Error('nothing came to wait for a person');
}

async function startPostgres(folder, password) {
  for (let attempt = 1; ; attempt += 1) {
    const port = await freePort();
    const database = join(folder, `postgres-${attempt}`);
    mkdirSync(database);
    try {
      const postgres = await startEmbeddedPostgres({ folder: database, port, password });
      undo.push(() => postgres.stop());
      return port;
    } catch (error) {
      if (attempt === ATTEMPTS || !/Address already in use/.test(error.message)) {
        throw error;
      }
    }
  }
}

/** The gateway on a copy of the example in which every port is one that is free. */
async function startGateway(folder, others, env) {
  const ports = { listen: await freePort(), proxy: await freePort(), dashboard: await freePort() };
  const wanted = {
    18090: ports.dashboard,
    18091: ports.proxy,
    15433: ports.listen,
    25433: others.upstream,
    18092: others.pagerDuty,
    18093: others.model,
  };
  const config = join(folder, 'config');
  mkdirSync(config, { recursive: true });
  for (const file of ['gateway.hcl', 'rules.hcl']) {
    const text = readFileSync(join(EXAMPLE, file), 'utf8').replace(
      /127\.0\.0\.1:(\d+)/g,
      (_, port) => `127.0.0.1:${wanted[port]}`,
    );
    writeFileSync(join(config, file), text, { mode: 0o600 });
  }
  const stateDir = join(folder, 'state');
  const child = spawn(process.execPath, ['bin/clawpatrol', 'gateway', config, '--state-dir', stateDir, '--log-level', 'warn'], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
    // Its own process group: Ctrl-C in the terminal must reach only this script, which stops things in order.
    detached: true,
  });
  const exited = new Promise((resolve) => child.once('exit', resolve));
  undo.push(async () => {
    child.kill('SIGTERM');
    const forced = setTimeout(() => child.kill('SIGKILL'), DRAIN_WITHIN_MS);
    await exited;
    clearTimeout(forced);
  });
  let said = '';
  await new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`the gateway was not ready in time: ${said}`)), READY_WITHIN_MS);
    void exited.then((code) => reject(new Error(`the gateway did not start (exit ${code}): ${said}`)));
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (bytes) => {
        said = (said + bytes).slice(-8_000);
        if (/^ready /m.test(said)) {
          clearTimeout(timer);
          resolve();
        }
      });
    }
  });
  const control = `unix:${join(stateDir, 'control.sock')}`;
  return {
    ports,
    setup: () => /^setup: (\S+)$/m.exec(said)?.[1] ?? `http://127.0.0.1:${ports.dashboard}/`,
    cli: (...args) => run([...args, '--gateway', control]),
  };
}

function run(args) {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['bin/clawpatrol', ...args], {
    encoding: 'utf8',
    env: { ...process.env, NO_COLOR: '1' },
  });
  if (status !== 0) {
    throw new Error(`clawpatrol ${args.join(' ')}: exit ${status}: ${stderr}`);
  }
  return stdout;
}

function portOf(url) {
  return Number(new URL(url).port);
}

function expect(status, wanted) {
  if (status !== wanted) {
    throw new Error(`the gateway answered an event with ${status}, not ${wanted}`);
  }
}

function indent(text) {
  return text
    .trimEnd()
    .split('\n')
    .map((line) => `   ${line}`)
    .join('\n');
}

function step(text) {
  steps += 1;
  console.log(`\n${steps}. ${text}`);
}

function say(text) {
  console.log(text);
}
