import assert from 'node:assert/strict';
import { test } from 'node:test';
import { maxConnections } from '../../src/gateway/descriptors.ts';
import { findRestartNeeded, keepTunnel } from '../../src/gateway/reloading/restart-needed.ts';
import { NO_DECIDERS, type Deciders } from '../../src/gateway/decider-metrics.ts';
import { describeStatus, findUnready } from '../../src/gateway/status.ts';
import type { StatusSources } from '../../src/gateway/status.ts';
import type { JobState } from '../../src/lib/jobs.ts';
import { ALLOWED, makeConfig, makeLive } from '../support/gate-parts.ts';

const HEALTHY: StatusSources = {
  phase: 'running',
  live: makeLive(() => ALLOWED),
  audit: { records: 1, headSeq: 1, headHash: '', lastWriteMs: 1, queued: 0, stalled: false },
  auditFinding: null,
  auditTroubles: new Map(),
  freeBytes: 1024 ** 3,
  connections: 2,
  parked: 1,
  refusedReload: null,
  restartNeeded: [],
  served: new Set(['postgres']),
  lookedAgoMs: 10,
  deciders: NO_DECIDERS,
  jobs: [],
  tunnels: [],
};

const TUNNEL = { name: 'wireguard', kind: 'userspace', trouble: null, peers: 3, lastHandshakeMs: 1_000 } as const;

const REVIEWER = {
  approver: 'llm_approver.r',
  reviews: 10,
  allowed: 9,
  denied: 0,
  escalated: 0,
  failed: 1,
  cached: 0,
  inputTokens: 1,
  outputTokens: 1,
  cost: 0,
  hourTokens: 10,
  hourlyTokens: 1_000,
  lastTrouble: 'timeout: no answer in time',
};
const BOB = {
  name: 'bob',
  decided: 20,
  approved: 20,
  lastDecided: 20,
  lastApproved: 20,
  medianMs: 1_500,
  limitMs: 5_000,
  lastMs: 1,
  tired: true,
};

test('reviewer models that give no answers, spent tokens and approvers who do not read are told, and others are not', () => {
  const told = (deciders: Partial<Deciders>): readonly string[] =>
    describeStatus({ ...HEALTHY, deciders: { ...NO_DECIDERS, ...deciders } })
      .filter(({ state }) => state !== 'ok')
      .map(({ name, detail }) => `${name}: ${detail}`);
  assert.deepEqual(told({ reviewers: [REVIEWER], approvers: [{ ...BOB, tired: false }] }), []);
  assert.match(told({ reviewers: [{ ...REVIEWER, failed: 6 }] })[0] ?? '', /^llm_approver\.r: .*last trouble: timeout/);
  assert.match(told({ reviewers: [{ ...REVIEWER, hourTokens: 990 }] })[0] ?? '', /990 of 1000 tokens/);
  assert.deepEqual(told({ approvers: [BOB] }), ['approver bob: approved 20 of the last 20, in 1.5 s each (median)']);
  assert.deepEqual(findUnready({ ...HEALTHY, deciders: { ...NO_DECIDERS, approvers: [BOB] } }), []);
});

test('a healthy gateway is ready and has nothing to say', () => {
  assert.deepEqual(findUnready(HEALTHY), []);
  assert.deepEqual(
    describeStatus(HEALTHY).filter(({ state }) => state !== 'ok'),
    [],
  );
});

test('each trouble has its word, its line, and what to do', () => {
  const cases: { parts: Partial<StatusSources>; unready: string[]; line: string | null }[] = [
    { parts: { phase: 'draining' }, unready: ['draining'], line: 'gateway' },
    { parts: { audit: { ...HEALTHY.audit, stalled: true } }, unready: ['store'], line: 'audit' },
    { parts: { auditFinding: 'seq 3: edited' }, unready: ['audit'], line: 'audit' },
    { parts: { auditTroubles: new Map([['retention', 'not writable']]) }, unready: ['archive'], line: 'audit' },
    { parts: { auditTroubles: new Map([['publishing', 'no such file']]) }, unready: [], line: 'audit' },
    { parts: { freeBytes: 1024 }, unready: ['disk'], line: 'disk' },
    { parts: { freeBytes: null }, unready: [], line: 'disk' },
    { parts: { refusedReload: 'bad-enum' }, unready: [], line: 'configuration' },
    { parts: { restartNeeded: ['gateway.store changed'] }, unready: [], line: 'configuration' },
    { parts: { lookedAgoMs: 60_000 }, unready: [], line: 'configuration' },
    { parts: { tunnels: [{ ...TUNNEL, trouble: 'wireguard-go ended' }] }, unready: ['tunnel'], line: 'tunnel' },
    { parts: { tunnels: [TUNNEL] }, unready: [], line: null },
    { parts: { served: new Set() }, unready: [], line: 'postgres.pg' },
  ];
  for (const { parts, unready, line } of cases) {
    const sources = { ...HEALTHY, ...parts };
    assert.deepEqual(findUnready(sources), unready);
    const told = describeStatus(sources).filter(({ state }) => state !== 'ok');
    assert.deepEqual(
      told.map(({ name }) => name),
      line === null ? [] : [line],
    );
  }
});

test('a reload names what needs a restart, and nothing else', () => {
  const started = makeConfig();
  const gateway = { ...started.gateway, storePath: 'other.db', logLevel: 'debug' as const };
  const found = findRestartNeeded(started, { ...started, gateway }, 'gateway.hcl');
  assert.deepEqual(
    found.map(({ code, message }) => `${code}: ${message}`),
    ['restart-needed: gateway.store changed, which a reload does not bring into force'],
  );
  assert.deepEqual(findRestartNeeded(started, makeConfig(), 'gateway.hcl'), []);
});

test('a tunnel that stands is not told of other networks than it was made with; the rest of a reload counts', () => {
  const started = makeConfig();
  const gateway = {
    ...started.gateway,
    wireguard: { subnet_cidr: '10.99.0.0/16' },
    vipSubnets: ['10.79.0.0/16', 'fd79::/64'],
    logLevel: 'debug' as const,
  };
  const next = { ...started, gateway };
  assert.deepEqual(
    findRestartNeeded(started, next, 'gateway.hcl').map(({ message }) => message.split(' ')[0]),
    ['gateway.wireguard', 'gateway.vip_subnets'],
  );
  const kept = keepTunnel(started, next).gateway;
  assert.deepEqual(
    [kept.wireguard, kept.vipSubnets, kept.logLevel],
    [started.gateway.wireguard, started.gateway.vipSubnets, 'debug'],
  );
});

test('the limit of open files bounds the connections', () => {
  const table =
    'Max cpu time    unlimited  unlimited  seconds\nMax open files            1024                 4096                 files\n';
  assert.equal(maxConnections(table), 448);
  assert.equal(maxConnections(table.replace('1024', 'unlimited')), Number.POSITIVE_INFINITY);
  assert.equal(maxConnections(table.replace('1024', '64')), 1);
  assert.equal(maxConnections(''), Number.POSITIVE_INFINITY);
});

test('TR-07: work that is overdue or fails is a warning with its last run, and work that runs is not', () => {
  const job = { name: 'audit checkpoints', everyMs: 60_000, lastRunMs: 1_000, lastError: null, late: false };
  const told = (more: Partial<JobState>): string => {
    const checks = describeStatus({ ...HEALTHY, jobs: [{ ...job, ...more }] });
    const found = checks.find(({ name }) => name === 'job: audit checkpoints');
    return `${found?.state} ${found?.detail}`;
  };
  assert.equal(told({}), 'ok last run 1970-01-01T00:00:01.000Z, every 60 s');
  assert.equal(told({ lastRunMs: null }), 'ok last run never, every 60 s');
  assert.equal(told({ lastRunMs: null, late: true }), 'warn last run never, every 60 s; it is overdue');
  assert.match(told({ lastError: 'disk full' }), /^warn .*; failed: disk full$/);
});
