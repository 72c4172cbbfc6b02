// The daemon over real configuration files, sockets and store, with a toy protocol.
import assert from 'node:assert/strict';
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { once } from 'node:events';
import { dirname, join } from 'node:path';
import { describe, test } from 'node:test';
import {
  connectLines,
  eventually,
  lineConfig,
  makeDaemon,
  QUIET,
  startDaemon,
  startLineServer,
} from '../support/daemon.ts';
import { systemClock, type Clock } from '../../src/lib/clock.ts';
import { freePort } from '../support/ports.ts';
import { temporaryFolder } from '../support/temp.ts';

const NO_DROPS = `rule "no-drops" {
  endpoint  = postgres.pg
  condition = "sql.verb == 'drop'"
  verdict   = "deny"
  reason    = "schema changes need a migration"
}`;

describe('the daemon', { timeout: 300_000 }, () => {
  test('judges, forwards, denies, parks and records', async (t) => {
    const upstream = await startLineServer(t);
    const daemon = await startDaemon(t, lineConfig(upstream.port, `${QUIET}\n${NO_DROPS}`));
    const client = await connectLines(t, daemon.port('postgres.pg'));
    client.send('safe select 1');
    assert.equal(await client.next(), 'done safe select 1');
    client.send('safe drop x');
    assert.match(await client.next(), /^denied deny no-drops: schema changes need a migration/);
    client.send('destructive delete 1');
    const parked = /^parked (\S+)/.exec(await client.next());
    assert.ok(parked?.[1]);
    const [waiting] = daemon.operations.approvals.pending();
    assert.equal(waiting?.id, parked[1]);
    const vote = await daemon.operations.approvals.vote(
      parked[1],
      { decision: 'approve', digest: waiting.request.digest, note: '' },
      { name: 'local', via: 'cli', aliases: [] },
    );
    assert.equal(vote.kind, 'recorded');
    assert.equal(await client.next(), 'done destructive delete 1');
    assert.deepEqual(upstream.lines, ['safe select 1', 'destructive delete 1']);
    client.socket.end();
    await eventually('the connection is closed', () =>
      daemon.gateway.status().some(({ detail }) => detail.startsWith('0 open')),
    );
    let types: readonly string[] = [];
    await eventually('its end is recorded', async () => {
      await daemon.operations.audit.flush();
      const { items } = await daemon.operations.audit.search({}, { limit: 100, cursor: null, newestFirst: false });
      types = items.map((record) => [record.type, record.verdict].join(' ').trim());
      return types.includes('connection.closed');
    });
    for (const expected of [
      'gateway.started',
      'config.loaded',
      'connection.opened',
      'action.decided allow',
      'action.decided deny',
      'action.decided approve',
      'approval.created approve',
      'connection.closed',
    ]) {
      assert.ok(
        types.some((type) => type.startsWith(expected.split(' ')[0] ?? '')),
        `${expected} in ${types.join(', ')}`,
      );
    }
    const check = await daemon.operations.audit.verify({ from: null, to: null });
    assert.equal(check.ok, true);
  });

  test('RC-12: a changed file is in force for connections that are open already', async (t) => {
    const upstream = await startLineServer(t);
    const daemon = await startDaemon(t, lineConfig(upstream.port, QUIET));
    const client = await connectLines(t, daemon.port('postgres.pg'));
    client.send('safe drop x');
    assert.equal(await client.next(), 'done safe drop x');
    daemon.writeConfig(lineConfig(upstream.port, `${QUIET}\n${NO_DROPS}`));
    await eventually('the file is noticed', () => daemon.operations.live().rules.has('no-drops'));
    client.send('safe drop x');
    assert.match(await client.next(), /^denied deny no-drops/);
  });

  test('RC-11, LC-08: a file with an error changes nothing, says why, and is tried again when it changes', async (t) => {
    const upstream = await startLineServer(t);
    const good = lineConfig(upstream.port, `${QUIET}\n${NO_DROPS}`);
    const daemon = await startDaemon(t, good);
    daemon.writeConfig(`${good}\nrule "broken" { verdict = "alow" }`);
    const refused = await daemon.gateway.reload('test');
    assert.equal(refused.ok, false);
    assert.ok(refused.diagnostics.some(({ code }) => code === 'bad-enum'));
    assert.ok(daemon.gateway.status().some(({ state, detail }) => state === 'warn' && /refused/.test(detail)));
    const client = await connectLines(t, daemon.port('postgres.pg'));
    client.send('safe drop x');
    assert.match(await client.next(), /^denied deny no-drops/);
    daemon.writeConfig(lineConfig(upstream.port, QUIET));
    await eventually('the corrected file is loaded', () => !daemon.operations.live().rules.has('no-drops'));
    await daemon.operations.audit.flush();
    const { items } = await daemon.operations.audit.search(
      { types: ['config.refused'] },
      { limit: 5, cursor: null, newestFirst: true },
    );
    assert.equal(items.length, 1);
  });

  test('what a removed endpoint still answers has a deadline, after which it is cut off', async (t) => {
    const upstream = await startLineServer(t);
    const deadlines: (() => void)[] = [];
    const clock: Clock = {
      ...systemClock,
      after: (delayMs, fire) => {
        if (delayMs === 20_000) {
          deadlines.push(fire);
        }
        return systemClock.after(delayMs, fire);
      },
    };
    const listen = await freePort();
    const second = `
      endpoint "postgres" "two" {
        host = "127.0.0.1:${upstream.port}"
        sslmode = "disable"
        listen = "127.0.0.1:${listen}"
      }
      credential "passthrough" "two" { endpoint = postgres.two }
      profile "two" { credentials = [passthrough.two] }`;
    const daemon = await startDaemon(t, lineConfig(upstream.port, `${QUIET}\n${second}`), { clock });
    const [removed, kept] = [await connectLines(t, listen), await connectLines(t, daemon.port('postgres.pg'))];
    for (const client of [removed, kept]) {
      client.send('destructive delete 1');
      assert.match(await client.next(), /^parked /);
    }
    deadlines.length = 0;
    daemon.writeConfig(lineConfig(upstream.port, QUIET));
    assert.equal((await daemon.gateway.reload('test')).ok, true);
    assert.equal(deadlines.length, 1);
    deadlines.forEach((fire) => fire());
    assert.equal(await removed.next(), '', 'it is cut off');
    kept.send('safe select 1');
    await eventually('the other still waits, alone', () => daemon.operations.approvals.pending().length === 1);
  });

  test('LC-09: listeners open and close with a reload; one that cannot bind refuses all of it', async (t) => {
    const upstream = await startLineServer(t);
    const daemon = await startDaemon(t, lineConfig(upstream.port, QUIET));
    const second = (listen: string) => `
      endpoint "postgres" "two" {
        host = "127.0.0.1:${upstream.port}"
        sslmode = "disable"
        listen = "${listen}"
      }
      credential "passthrough" "two" { endpoint = postgres.two }
      profile "two" { credentials = [passthrough.two] }`;
    daemon.writeConfig(lineConfig(upstream.port, `${QUIET}\n${second(`127.0.0.1:${upstream.port}`)}`));
    const clash = await daemon.gateway.reload('test');
    assert.equal(clash.ok, false);
    assert.match(clash.message, /postgres\.two: cannot listen on 127\.0\.0\.1:\d+: the address is in use/);
    assert.equal(daemon.operations.live().endpoints.has('postgres.two'), false);
    const free = await freePort();
    daemon.writeConfig(lineConfig(upstream.port, `${QUIET}\n${second(`127.0.0.1:${free}`)}`));
    assert.equal((await daemon.gateway.reload('test')).ok, true);
    const client = await connectLines(t, free);
    client.send('safe select 1');
    assert.equal(await client.next(), 'done safe select 1');
    daemon.writeConfig(lineConfig(upstream.port, QUIET));
    assert.equal((await daemon.gateway.reload('test')).ok, true);
    assert.equal(await client.next(), '', 'the connection of the removed endpoint ends');
    const again = connect(free, '127.0.0.1');
    const [error] = (await once(again, 'error')) as [NodeJS.ErrnoException];
    assert.equal(error.code, 'ECONNREFUSED');
  });

  test('a connection ends when its credential names somebody else or its profile lost it, and not otherwise', async (t) => {
    const upstream = await startLineServer(t);
    const withCredential = (user: string, profile: string, more: string = '') =>
      lineConfig(upstream.port, `${QUIET}\n${more}`)
        .replace(
          'credential "passthrough" "pg" { endpoint = postgres.pg }',
          `credential "postgres_credential" "pg" {\n endpoint = postgres.pg\n user = "${user}"\n}`,
        )
        .replace('credentials = [passthrough.pg]', `credentials = [${profile}]`);
    const spare = `credential "postgres_credential" "spare" {
      endpoint = postgres.pg
      user     = "agent"
    }`;
    const rows: readonly (readonly [string, string, boolean])[] = [
      ['nothing about it', withCredential('agent', 'postgres_credential.pg', NO_DROPS), true],
      ['another user', withCredential('reader', 'postgres_credential.pg'), false],
      ['another credential', withCredential('agent', 'postgres_credential.spare', spare), false],
    ];
    for (const [name, changed, lives] of rows) {
      const env = { CLAWPATROL_SECRET_PG: 'x', CLAWPATROL_SECRET_SPARE: 'x' };
      const daemon = await startDaemon(t, withCredential('agent', 'postgres_credential.pg'), { env });
      const client = await connectLines(t, daemon.port('postgres.pg'));
      client.send('safe select 1');
      assert.equal(await client.next(), 'done safe select 1', name);
      daemon.writeConfig(changed);
      assert.equal((await daemon.gateway.reload('test')).ok, true, name);
      client.send('safe select 2');
      assert.equal(await client.next(), lives ? 'done safe select 2' : '', name);
    }
  });

  test('what waits under a rule that changed is cancelled and denied', async (t) => {
    const upstream = await startLineServer(t);
    const asks = (reason: string) => `rule "ask" {
      endpoint  = postgres.pg
      condition = "sql.verb == 'delete'"
      approve   = [builtin.dashboard]
      reason    = "${reason}"
    }`;
    const daemon = await startDaemon(t, lineConfig(upstream.port, `${QUIET}\n${asks('one')}`));
    const client = await connectLines(t, daemon.port('postgres.pg'));
    client.send('safe delete 1');
    assert.match(await client.next(), /^parked/);
    daemon.writeConfig(lineConfig(upstream.port, `${QUIET}\n${asks('two')}`));
    await daemon.gateway.reload('test');
    assert.match(await client.next(), /^denied deny ask: .*changed while it waited/);
    assert.deepEqual(upstream.lines, []);
  });

  test('a reload says what needs a restart, and the rest is in force', async (t) => {
    const upstream = await startLineServer(t);
    const daemon = await startDaemon(t, lineConfig(upstream.port, QUIET));
    daemon.writeConfig(
      lineConfig(
        upstream.port,
        `gateway {\n dashboard_listen = "off"\n metrics_listen = "127.0.0.1:0"\n}\n${NO_DROPS}`,
      ),
    );
    const result = await daemon.gateway.reload('test');
    assert.equal(result.ok, true);
    assert.deepEqual(
      result.diagnostics.filter(({ code }) => code === 'restart-needed').map(({ message }) => message),
      ['gateway.metrics_listen changed, which a reload does not bring into force'],
    );
    assert.equal(daemon.operations.live().rules.has('no-drops'), true);
  });

  test('LC-11: a stop refuses what waits, lets clients go, and leaves an intact log', async (t) => {
    const upstream = await startLineServer(t);
    const daemon = await startDaemon(t, lineConfig(upstream.port, QUIET));
    const client = await connectLines(t, daemon.port('postgres.pg'));
    client.send('destructive delete 1');
    assert.match(await client.next(), /^parked/);
    const stopped = daemon.gateway.stop();
    assert.match(await client.next(), /^denied .*stopping/);
    assert.equal(await client.next(), '');
    await stopped;
    assert.equal(await daemon.gateway.stopped, null);
    assert.deepEqual(upstream.lines, []);
  });

  test('LC-10: a fault that nobody caught drains the gateway and ends it as failed', async (t) => {
    const upstream = await startLineServer(t);
    const daemon = await startDaemon(t, lineConfig(upstream.port, QUIET));
    const client = await connectLines(t, daemon.port('postgres.pg'));
    daemon.gateway.fault(new Error('a bug'));
    assert.equal(await client.next(), '');
    assert.match(String(await daemon.gateway.stopped), /a bug/);
  });

  test('a second gateway on the same state directory does not start, and the first goes on', async (t) => {
    const upstream = await startLineServer(t);
    const first = await startDaemon(t, lineConfig(upstream.port, QUIET));
    const second = makeDaemon(t, lineConfig(upstream.port, QUIET), { stateDir: first.stateDir });
    await assert.rejects(second.gateway.start(), { code: 'STATE_LOCKED' });
    const client = await connectLines(t, first.port('postgres.pg'));
    client.send('safe select 1');
    assert.equal(await client.next(), 'done safe select 1');
  });

  test('an address that is taken ends the start with its name and a fix, and nothing is left behind', async (t) => {
    const upstream = await startLineServer(t);
    const folder = temporaryFolder(t, 'taken');
    const text = lineConfig(upstream.port, QUIET).replace('127.0.0.1:0', `127.0.0.1:${upstream.port}`);
    await assert.rejects(makeDaemon(t, text, { folder }).gateway.start(), {
      code: 'LISTEN_FAILED',
      message: /postgres\.pg: cannot listen on .*in use; stop what listens there, or choose another port/,
    });
    const daemon = await startDaemon(t, lineConfig(upstream.port, QUIET), { folder });
    assert.ok(daemon.port('postgres.pg') > 0);
  });

  test('an endpoint that leads back to the gateway is not dialled', async (t) => {
    const upstream = await startLineServer(t);
    const daemon = await startDaemon(t, lineConfig(upstream.port, QUIET));
    daemon.writeConfig(lineConfig(daemon.port('postgres.pg'), QUIET));
    assert.equal((await daemon.gateway.reload('test')).ok, true);
    const client = await connectLines(t, daemon.port('postgres.pg'));
    assert.equal(await client.next(), '');
  });

  test('clients from elsewhere than listen_allow are refused and recorded; over the limit too', async (t) => {
    const upstream = await startLineServer(t);
    const daemon = await startDaemon(
      t,
      lineConfig(
        upstream.port,
        'gateway {\n dashboard_listen = "off"\n limits { connections_per_device = 1 }\n}',
        'listen_allow = ["127.0.0.1/32"]',
      ),
    );
    const elsewhere = await connectLines(t, daemon.port('postgres.pg'), '127.0.0.2');
    assert.equal(await elsewhere.next(), '');
    const first = await connectLines(t, daemon.port('postgres.pg'), '127.0.0.1');
    first.send('safe select 1');
    assert.equal(await first.next(), 'done safe select 1');
    const second = await connectLines(t, daemon.port('postgres.pg'), '127.0.0.1');
    assert.equal(await second.next(), '');
    const search = () =>
      daemon.operations.audit.search({ types: ['connection.refused'] }, { limit: 9, cursor: null, newestFirst: false });
    await eventually('both are recorded', async () => (await search()).items.length > 1);
    const { items } = await search();
    assert.deepEqual(
      items.map((record) => record.data?.['cause']),
      ['source', 'limit'],
    );
    assert.equal(items[0]?.agent?.ip, '127.0.0.2');
  });

  test('an endpoint of a type that is not served refuses its clients and says so', async (t) => {
    const upstream = await startLineServer(t);
    const daemon = await startDaemon(t, lineConfig(upstream.port, QUIET), { protocols: new Map() });
    const client = await connectLines(t, daemon.port('postgres.pg'));
    assert.equal(await client.next(), '');
    assert.ok(daemon.gateway.status().some(({ name, detail }) => name === 'postgres.pg' && /not served/.test(detail)));
  });

  test('health, readiness, metrics and the public paths of the dashboard address', async (t) => {
    const upstream = await startLineServer(t);
    const daemon = await startDaemon(
      t,
      lineConfig(upstream.port, 'gateway {\n dashboard_listen = "127.0.0.1:0"\n metrics_listen = "127.0.0.1:0"\n}'),
    );
    const get = (name: string, path: string) => fetch(`http://${daemon.addresses.get(name)}${path}`);
    const cases: [string, string, number, RegExp][] = [
      ['metrics', '/healthz', 200, /"ok"/],
      ['metrics', '/readyz', 200, /"ok"/],
      ['metrics', '/metrics', 200, /^clawpatrol_config_reload_total\{result="refused"\} 0$/m],
      ['metrics', '/metrics', 200, /^clawpatrol_audit_stalled 0$/m],
      ['metrics', '/api/approvals', 404, /./],
      ['dashboard', '/healthz', 200, /"ok"/],
      ['dashboard', '/info', 200, /"version":"0\.0\.0-test","ca_fingerprint":"[0-9A-F:]{95}"/],
      ['dashboard', '/ca.crt', 200, /BEGIN CERTIFICATE/],
      ['dashboard', '/metrics', 401, /./],
      ['dashboard', '/api/audit', 401, /./],
      ['dashboard', '/api/approvals', 401, /./],
    ];
    for (const [name, path, status, body] of cases) {
      const response = await get(name, path);
      assert.equal(response.status, status, `${name} ${path}`);
      assert.match(await response.text(), body, `${name} ${path}`);
    }
    const client = await connectLines(t, daemon.port('postgres.pg'));
    client.send('safe select 1');
    await client.next();
    const text = await (await get('metrics', '/metrics')).text();
    assert.match(text, /^clawpatrol_actions_total\{endpoint="postgres\.pg",verdict="allow",risk="safe"\} 1$/m);
    assert.match(text, /^clawpatrol_connections\{endpoint="postgres\.pg"\} 1$/m);
    assert.match(text, /^clawpatrol_decision_seconds_count 1$/m);
  });

  test('a credential that has no value is named at the start, once, with what to do', async (t) => {
    const upstream = await startLineServer(t);
    const path = join(temporaryFolder(t, 'log'), 'gateway.log');
    const bare = 'credential "postgres_credential" "bare" {\n endpoint = postgres.pg\n user = "x"\n}';
    const config = lineConfig(
      upstream.port,
      `${bare}\n${bare.replace('bare', 'kept')}\ngateway {\n dashboard_listen = "off"\n log_path = "${path}"\n}`,
    );
    const daemon = await startDaemon(t, config, { env: { HOME: dirname(path), CLAWPATROL_SECRET_KEPT: 'value' } });
    await daemon.gateway.reload('test');
    await eventually('the line is written', () => existsSync(path) && /"reloaded"/.test(readFileSync(path, 'utf8')));
    const told = readFileSync(path, 'utf8').match(/no secret for [^;]*/g);
    assert.equal(told?.length, 1);
    assert.match(
      told[0],
      /^no secret for postgres_credential\.bare: run: clawpatrol secrets set bare, or set CLAWPATR/,
    );
  });

  test('the log goes to its file, private, and is opened anew after it was moved', async (t) => {
    const upstream = await startLineServer(t);
    const folder = temporaryFolder(t, 'log');
    const path = join(folder, 'gateway.log');
    const daemon = await startDaemon(
      t,
      lineConfig(upstream.port, `gateway {\n dashboard_listen = "off"\n log_path = "${path}"\n}`),
    );
    await daemon.gateway.reload('test');
    await eventually('the line is written', () => existsSync(path) && /"reloaded"/.test(readFileSync(path, 'utf8')));
    const { renameSync, statSync } = await import('node:fs');
    assert.equal(statSync(path).mode & 0o777, 0o600);
    renameSync(path, `${path}.1`);
    daemon.gateway.reopenLog();
    await eventually('the file is there again', () => existsSync(path));
    appendFileSync(path, '');
    await daemon.gateway.reload('test');
    await eventually('the next line is in the new file', () => /"reloaded"/.test(readFileSync(path, 'utf8')));
  });
});
