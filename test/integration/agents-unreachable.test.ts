// From where agents are, no way leads to where anything is approved: every kind of listener and proxy against every address of the control
// plane, in every dialect, with a request waiting all the while that each of them tries to approve.
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { networkInterfaces } from 'node:os';
import type { Duplex } from 'node:stream';
import { before, describe, test } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { createControlClient, type ControlClient } from '../../src/client/control-client.ts';
import { join } from 'node:path';
import { startGateway, type GatewayProcess } from '../support/gateway-process.ts';
import { freePort } from '../support/ports.ts';
import { startRawUpstream } from '../support/raw-upstream.ts';
import { startup } from '../support/raw-postgres.ts';
import { fileScope } from '../support/scope.ts';

const scope = fileScope();
const KINDS = ['https', 'kubernetes', 'postgres', 'clickhouse_native', 'clickhouse_https', 'ssh'] as const;
const ports = { dashboard: await freePort(), metrics: await freePort() };
const TARGETS = Object.keys(ports) as (keyof typeof ports)[];
const CREDENTIALS: Readonly<Record<(typeof KINDS)[number], string>> = {
  https: 'passthrough',
  kubernetes: 'passthrough',
  postgres: 'passthrough',
  clickhouse_native: 'clickhouse_credential',
  clickhouse_https: 'clickhouse_credential',
  ssh: 'ssh_key',
};

function endpointOf(kind: (typeof KINDS)[number], target: keyof typeof ports): string {
  const at = `127.0.0.1:${ports[target]}`;
  const where =
    kind === 'postgres'
      ? `host = "${at}"\n  sslmode = "disable"`
      : kind === 'kubernetes'
        ? `server = "https://${at}"`
        : `hosts = ["${at}"]`;
  return `endpoint "${kind}" "${kind}-${target}" {
  ${where}
  listen  = "127.0.0.1:0"
  profile = "${kind}"
}
credential "${CREDENTIALS[kind]}" "${kind}-${target}" { endpoint = ${kind}.${kind}-${target} }`;
}

const CONFIG = (upstream: number): string => `schema_version = 1
gateway {
  dashboard_listen = "127.0.0.1:${ports.dashboard}"
  metrics_listen   = "127.0.0.1:${ports.metrics}"
  proxy {
    listen  = "127.0.0.1:0"
    profile = "open"
  }
}
defaults {
  unknown_host    = "passthrough"
  unknown_private = "passthrough"
}
endpoint "https" "allowed" {
  hosts   = ["localhost:${upstream}"]
  listen  = "127.0.0.1:0"
  profile = "open"
}
credential "passthrough" "allowed" { endpoint = https.allowed }
profile "open" { credentials = [passthrough.allowed] }
${KINDS.map((kind) => TARGETS.map((target) => endpointOf(kind, target)).join('\n')).join('\n')}
${KINDS.map((kind) => `profile "${kind}" { credentials = [${TARGETS.map((target) => `"${CREDENTIALS[kind]}.${kind}-${target}"`).join(', ')}] }`).join('\n')}
`;

/** What only the control plane says: its page, its API, its metrics, its cookies. */
const ITS_OWN = /<html|clawpatrol-\d+=|"csrf"|"items"|# HELP|"required"|log in first|"verification_url"|"pending"/i;

let gateway: GatewayProcess;
let client: ControlClient;
let waiting: { readonly id: string; readonly digest: string };

before(async () => {
  const upstream = await startRawUpstream(scope);
  gateway = await startGateway(scope, { config: CONFIG(upstream.port) });
  client = createControlClient({ kind: 'unix', path: join(gateway.stateDir, 'control.sock') });
  const agent = await open(gateway.port('https.allowed'), true);
  scope.after(() => {
    agent.destroy();
  });
  agent.write(`DELETE /everything HTTP/1.1\r\nHost: localhost:${upstream.port}\r\n\r\n`);
  for (let found = null; found === null;) {
    const [item] = (await client.approvals.list()).items;
    found = item ?? null;
    waiting = { id: item?.id ?? '', digest: item?.request.digest ?? '' };
  }
});

async function open(port: number, secure: boolean): Promise<Duplex> {
  const socket = secure
    ? connectTls({
        port,
        host: '127.0.0.1',
        rejectUnauthorized: false,
        ALPNProtocols: ['http/1.1'],
        servername: 'localhost',
      })
    : connect({ port, host: '127.0.0.1' });
  socket.on('error', () => {});
  await new Promise<void>((resolve) => {
    socket.once(secure ? 'secureConnect' : 'connect', resolve);
    socket.once('close', resolve);
  });
  return socket;
}

const LONGEST_ANSWER_MS = 2_500;
/** Where there has to be an answer, it may take as long as a busy machine needs. */
const WANTED_ANSWER_MS = 60_000;

/** Everything that comes back to those bytes, until the other side has ended or has been silent for long. `wanted`: an answer that has to come. */
async function answerTo(stream: Duplex, bytes: Buffer | string, wanted: RegExp | null = null): Promise<string> {
  let text = '';
  const over = new Promise<void>((resolve) => {
    const began = performance.now();
    const look = (): void => {
      const late = performance.now() - began > WANTED_ANSWER_MS;
      if (wanted === null || wanted.test(text) || late) {
        resolve();
      } else {
        setTimeout(look, 100).unref();
      }
    };
    stream.on('close', resolve);
    stream.on('end', resolve);
    setTimeout(look, LONGEST_ANSWER_MS).unref();
  });
  stream.on('data', (piece: Buffer) => (text += piece.toString('latin1')));
  stream.write(bytes);
  await over;
  stream.destroy();
  return text;
}

/** Requests that would approve, list, log in or scrape, if they came through. */
function requests(host: string): readonly string[] {
  const body = JSON.stringify({ digest: waiting.digest });
  const post = (path: string): string =>
    `POST ${path} HTTP/1.1\r\nHost: ${host}\r\nOrigin: http://${host}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`;
  const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`;
  return [post(`/api/approvals/${waiting.id}/approve`), post('/api/cred/slack/interactive'), get('/'), get('/metrics')];
}

async function stillWaits(): Promise<void> {
  assert.equal((await client.approvals.show(waiting.id)).state, 'pending');
}

describe('agents and approvals', { timeout: 400_000 }, () => {
  test('the probes themselves find the control plane where they are let', async () => {
    const [, , page = '', metrics = ''] = requests(`127.0.0.1:${ports.dashboard}`);
    assert.match(await answerTo(await open(ports.dashboard, false), page, ITS_OWN), ITS_OWN);
    assert.match(await answerTo(await open(ports.metrics, false), metrics, ITS_OWN), ITS_OWN);
  });

  for (const kind of KINDS) {
    test(`CP-03 CP-04: ${kind}: no endpoint of it leads to the dashboard, the API, callbacks or metrics`, async () => {
      for (const target of TARGETS) {
        const port = gateway.port(`${kind}.${kind}-${target}`);
        const host = `127.0.0.1:${ports[target]}`;
        const probes = requests(host).flatMap((bytes) => [
          async () => answerTo(await open(port, false), bytes),
          async () => answerTo(await open(port, true), bytes),
        ]);
        probes.push(async () => answerTo(await open(port, false), startup({ user: 'agent', database: 'app' })));
        const told = await Promise.all(probes.map((probe) => probe()));
        for (const text of told) {
          assert.doesNotMatch(text, ITS_OWN, `${kind} to ${target}`);
          assert.doesNotMatch(text, /^HTTP\/1\.1 (?:2|3|401)/, `${kind} to ${target}`);
        }
      }
      await stillWaits();
    });
  }

  test('CP-03 CP-04: the forward proxy leads there by no name, by CONNECT and by absolute URL, with everything else open', async () => {
    const own = Object.values(networkInterfaces())
      .flatMap((addresses) => addresses ?? [])
      .map(({ address, family }) => (family === 'IPv6' ? `[${address}]` : address))
      .filter((address) => !address.startsWith('[fe80'));
    const names = ['127.0.0.1', '127.1.2.3', 'localhost', '[::1]', '0.0.0.0', '[::]', '[::ffff:127.0.0.1]', ...own];
    for (const target of TARGETS) {
      const asked = [...new Set(names)].flatMap((name) => {
        const to = `${name}:${ports[target]}`;
        return [`CONNECT ${to} HTTP/1.1\r\nHost: ${to}\r\n\r\n`, `GET http://${to}/ HTTP/1.1\r\nHost: ${to}\r\n\r\n`];
      });
      const told = await Promise.all(
        asked.map(async (bytes) => answerTo(await open(gateway.port('proxy'), false), bytes, /^HTTP\/1\.1 \d\d\d /)),
      );
      for (const [index, text] of told.entries()) {
        assert.match(text, /^HTTP\/1\.1 4\d\d /, asked[index]);
        assert.doesNotMatch(text, ITS_OWN, asked[index]);
      }
    }
    await stillWaits();
  });

  test('each try is in the log, and a person can still decide', async () => {
    const log = gateway.cli('audit', 'export', '--format', 'jsonl').stdout;
    const tries = log.match(/is a listener of this gateway/g) ?? [];
    assert.ok(tries.length >= KINDS.length, `${tries.length} tries`);
    await client.approvals.approve(waiting.id, { digest: waiting.digest });
    assert.equal((await client.approvals.show(waiting.id)).state, 'approved');
  });
});
