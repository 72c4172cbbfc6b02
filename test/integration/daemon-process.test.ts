// The real process: signals, exit codes, and what it says when it cannot start.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { eventually, lineConfig, QUIET } from '../support/daemon.ts';
import { startGateway } from '../support/gateway-process.ts';
import { temporaryFolder } from '../support/temp.ts';

const MAIN = join(import.meta.dirname, '..', '..', 'src', 'main.js');

/** Runs `clawpatrol gateway` until it ends by itself. */
function runToEnd(folder: string, config: string, ...args: string[]) {
  const path = join(folder, 'gateway.hcl');
  writeFileSync(path, config);
  const result = spawnSync(process.execPath, [MAIN, 'gateway', path, '--state-dir', join(folder, 'state'), ...args], {
    encoding: 'utf8',
    env: { PATH: process.env['PATH'] ?? '', HOME: folder },
    timeout: 60_000,
  });
  return { code: result.status, stdout: result.stdout, stderr: result.stderr };
}

describe('the daemon as a process', { timeout: 300_000 }, () => {
  test('LC-11: SIGHUP reloads, SIGTERM drains and ends with 0, SIGUSR1 changes nothing', async (t) => {
    const gateway = await startGateway(t, { config: lineConfig(9, QUIET) });
    process.kill(gateway.pid, 'SIGUSR1');
    writeFileSync(gateway.configPath, `${lineConfig(9, QUIET)}\n# changed\n`);
    process.kill(gateway.pid, 'SIGHUP');
    await eventually('it is reloaded', () => gateway.log().includes('"reloaded"'));
    writeFileSync(gateway.configPath, 'nonsense = ');
    process.kill(gateway.pid, 'SIGHUP');
    await eventually('it is refused', () => gateway.log().includes('reload refused'));
    assert.doesNotMatch(gateway.log(), /Debugger listening/);
    assert.equal(await gateway.stop('SIGTERM'), 0);
  });

  test('LC-11: a second signal ends it at once with 1', async (t) => {
    // An upstream that never speaks keeps a connection in its login, so that the drain has something to wait for.
    const silent = createServer((socket) => socket.on('error', () => {}));
    silent.listen(0, '127.0.0.1');
    await once(silent, 'listening');
    t.after(() => silent.close());
    const gateway = await startGateway(t, { config: lineConfig((silent.address() as AddressInfo).port, QUIET) });
    const client = connect(gateway.port('postgres.pg'), '127.0.0.1');
    client.on('error', () => {});
    t.after(() => client.destroy());
    await once(client, 'connect');
    await eventually('the client is seen', () => gateway.cli('status').stdout.includes('1 open'));
    process.kill(gateway.pid, 'SIGTERM');
    await eventually('it drains', () => gateway.log().includes('"stopping"'));
    process.kill(gateway.pid, 'SIGTERM');
    assert.equal(await gateway.exited, 1);
  });

  test('killed at once, it leaves a state directory that the next one takes over, and a log that verifies', async (t) => {
    const first = await startGateway(t, { config: lineConfig(9, QUIET) });
    process.kill(first.pid, 'SIGKILL');
    await first.exited;
    const second = await startGateway(t, { config: lineConfig(9, QUIET), stateDir: first.stateDir });
    const verified = second.cli('audit', 'verify');
    assert.equal(verified.code, 0, verified.stdout + verified.stderr);
    assert.equal(await second.stop(), 0);
  });

  test('a call of the control socket that is not sent to its end is cut off within seconds; a whole one is answered', async (t) => {
    const gateway = await startGateway(t, { config: lineConfig(9, QUIET) });
    const path = join(gateway.stateDir, 'control.sock');
    const halves = [
      '',
      'GET /api/status HTTP/1.1\r\nHost: x\r\n',
      'POST /api/reload HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{',
    ];
    const startMs = performance.now();
    const ended = halves.map(async (half) => {
      const socket = connect(path);
      socket.on('error', () => {});
      socket.resume();
      socket.write(half);
      await new Promise((resolve) => socket.once('close', resolve));
    });
    assert.equal(gateway.cli('status').code, 0);
    await Promise.all(ended);
    // Four seconds, and one until they are looked for; Node's own interval would be thirty.
    assert.ok(performance.now() - startMs < 25_000);
  });

  test('it says what keeps it from starting, and what to do', async (t) => {
    const held = await startGateway(t, { config: lineConfig(9, QUIET) });
    const folder = temporaryFolder(t, 'start');
    const taken = held.port('postgres.pg');
    const cases: { config: string; args?: string[]; code: number; says: RegExp }[] = [
      {
        config: lineConfig(9, QUIET).replace('127.0.0.1:0', `127.0.0.1:${taken}`),
        code: 1,
        says: new RegExp(`postgres\\.pg: cannot listen on 127\\.0\\.0\\.1:${taken}: the address is in use; stop what`),
      },
      {
        config: lineConfig(9, QUIET),
        args: ['--state-dir', held.stateDir],
        code: 1,
        says: /another gateway \(process \d+\) holds .*give this one its own --state-dir \[STATE_LOCKED\]/,
      },
      {
        config: `${lineConfig(9, QUIET)}\nrule "x" { verdict = "alow" }`,
        code: 2,
        says: /gateway\.hcl:\d+:\d+: error: .*\[bad-enum\]/,
      },
      { config: lineConfig(9, QUIET), args: ['--log-level', 'loud'], code: 2, says: /"loud" is not a log level/ },
    ];
    for (const { config, args = [], code, says } of cases) {
      const result = runToEnd(folder, config, ...args);
      assert.match(result.stderr, says);
      assert.equal(result.code, code, result.stderr);
      assert.equal(result.stdout, '');
    }
  });
});
