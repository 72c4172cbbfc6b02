// The daemon's life as a process, with a fake daemon: ready line, signals, pid file, exit codes.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { test } from 'node:test';
import { runGateway } from '../../src/cli/gateway-run.ts';
import type { Io, SignalName } from '../../src/cli/io.ts';
import { ConfigError } from '../../src/gateway/gateway.ts';
import type { Gateway } from '../../src/gateway/gateway.ts';
import { GatewayError } from '../../src/lib/errors.ts';
import { temporaryFolder } from '../support/temp.ts';

interface World {
  readonly io: Io;
  readonly gateway: Gateway;
  readonly signals: Map<SignalName, () => void>;
  /** What happened, in order. */
  readonly steps: string[];
  out: string;
  err: string;
  /** Ends the daemon: null after a drain, or what broke. */
  end(broken: unknown): void;
}

function world(start: () => Promise<string> = () => Promise.resolve('ready control=unix:/s')): World {
  const steps: string[] = [];
  const signals = new Map<SignalName, () => void>();
  let end: (broken: unknown) => void = () => {};
  const stopped = new Promise<unknown>((resolve) => {
    end = resolve;
  });
  const made: World = {
    steps,
    signals,
    out: '',
    err: '',
    end: (broken) => end(broken),
    gateway: {
      start,
      reload: (trigger) => {
        steps.push(`reload ${trigger}`);
        return Promise.resolve({ ok: true, revision: 'r', message: '', diagnostics: [] });
      },
      stop: () => {
        steps.push('stop');
        return Promise.resolve();
      },
      status: () => [],
      reopenLog: () => steps.push('reopen log'),
      fault: (error) => steps.push(`fault ${String(error)}`),
      stopped,
    },
    io: {
      stdout: new Writable({
        write: (chunk, _encoding, done): void => {
          made.out += String(chunk);
          done();
        },
      }),
      stderr: new Writable({
        write: (chunk, _encoding, done): void => {
          made.err += String(chunk);
          done();
        },
      }),
      stdin: process.stdin,
      env: {},
      pid: 4242,
      onSignal: (name, listener) => {
        signals.set(name, listener);
        return () => signals.delete(name);
      },
      onFault: (listener) => {
        steps.push('faults go to the log');
        listener('early');
        return () => steps.push('faults are fatal again');
      },
      exitNow: (code) => steps.push(`exit now ${code}`),
      connect: () => assert.fail('the daemon calls nobody'),
      now: () => 0,
      sleep: () => Promise.resolve(),
    },
  };
  return made;
}

/** Lets what is already resolved go on. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

test('one ready line, and 0 after a drain that SIGTERM asks for', async () => {
  const { io, gateway, signals, steps, ...rest } = world();
  const running = runGateway(gateway, null, io);
  await turn();
  signals.get('SIGTERM')?.();
  rest.end(null);
  assert.equal(await running, 0);
  assert.deepEqual(steps, ['faults go to the log', 'fault early', 'stop', 'faults are fatal again']);
  assert.equal(signals.size, 0);
});

test('a second signal ends the process at once', async () => {
  const made = world();
  const running = runGateway(made.gateway, null, made.io);
  await turn();
  made.signals.get('SIGINT')?.();
  made.signals.get('SIGTERM')?.();
  assert.ok(made.steps.includes('exit now 1'));
  made.end(null);
  await running;
  assert.equal(made.out, 'ready control=unix:/s\n');
});

test('SIGHUP reopens the log and reloads', async () => {
  const made = world();
  const running = runGateway(made.gateway, null, made.io);
  made.signals.get('SIGHUP')?.();
  made.end(null);
  await running;
  assert.deepEqual(made.steps.slice(2, 4), ['reopen log', 'reload SIGHUP']);
});

test('the pid file stands while the daemon runs', async (t) => {
  const path = join(temporaryFolder(t), 'pid');
  const made = world();
  const running = runGateway(made.gateway, path, made.io);
  while (made.out === '') {
    await turn();
  }
  assert.equal(readFileSync(path, 'utf8'), '4242\n');
  made.end(null);
  await running;
  assert.equal(existsSync(path), false);
});

test('a store that breaks ends it with 1', async () => {
  const made = world();
  const running = runGateway(made.gateway, null, made.io);
  made.end(new Error('the disk is full'));
  assert.equal(await running, 1);
  assert.match(made.err, /^clawpatrol: the disk is full\n$/);
});

test('a start that fails is told with its code and ends with 1, a bad configuration with 2', async () => {
  const at = { file: 'g.hcl', line: 2, column: 3, endLine: 2, endColumn: 4 };
  const finding = { at, severity: 'error', code: 'unknown-block', message: 'no block "rul"', fix: 'rule' } as const;
  const cases = [
    {
      error: new GatewayError('LISTEN_FAILED', 'operator', 'port 1 is taken'),
      code: 1,
      says: 'clawpatrol: port 1 is taken [LISTEN_FAILED]\n',
    },
    {
      error: new ConfigError('g.hcl did not load', [finding]),
      code: 2,
      says: 'g.hcl:2:3: error: no block "rul" [unknown-block]\n  fix: rule\nclawpatrol: g.hcl did not load [CONFIG_INVALID]\n',
    },
  ];
  for (const { error, code, says } of cases) {
    const made = world(() => Promise.reject(error));
    assert.deepEqual([await runGateway(made.gateway, null, made.io), made.err, made.out], [code, says, '']);
  }
});
