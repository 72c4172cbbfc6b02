// A control socket with everything real behind it but the gateway: the audit log on disk, the queue, the secret store.
import { randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { ApprovalResult } from '../../src/approvals/approval.ts';
import { createApprovals, type Approvals } from '../../src/approvals/queue.ts';
import { loadCheckpointKey } from '../../src/audit/keys.ts';
import { openAuditLog, type SqliteAuditLog } from '../../src/audit/sqlite.ts';
import { createControlClient, type ControlClient } from '../../src/client/control-client.ts';
import { openSecretStore } from '../../src/credentials/store.ts';
import { listenControl, type Control, type ControlParts } from '../../src/dashboard/control.ts';
import type { DashboardParts } from '../../src/dashboard/dashboard.ts';
import { openOperators } from '../../src/dashboard/operators.ts';
import { refused } from '../../src/gateway/channels/parts.ts';
import { openQuarantine } from '../../src/gateway/judging/quarantine.ts';
import { createRuleHits } from '../../src/gateway/judging/rule-hits.ts';
import { systemClock } from '../../src/lib/clock.ts';
import type { GrantLimits } from '../../src/config/config.ts';
import type { Effect } from '../../src/protocols/protocol.ts';
import { createGrantBook } from '../../src/approvals/grants.ts';
import type { Reviewer } from '../../src/approvals/reviewer.ts';
import { scopeVotes } from '../../src/approvals/scoped-votes.ts';
import { createFatigue } from '../../src/approvals/fatigue.ts';
import { actionOf, decisionOf, human, reviewOf, settingsOf, type ActionChanges } from '../approvals/parts.ts';
import { makeConfig } from '../support/gate-parts.ts';
import { temporaryFolder, type CleanUp } from '../support/temp.ts';

export interface ControlWorld {
  readonly dir: string;
  readonly path: string;
  readonly audit: SqliteAuditLog;
  readonly approvals: Approvals;
  readonly client: ControlClient;
  readonly control: Control;
  readonly parts: ControlParts;
  readonly warnings: string[];
  measure: () => Promise<Effect | null>;
  /** Parks an action; resolves when it waits. */
  park(changes?: ActionChanges & { readonly approver?: string }): Promise<Parked>;
}

export interface Parked {
  readonly id: string;
  readonly digest: string;
  readonly result: Promise<ApprovalResult>;
}

/** Listens in a temporary folder. `changes` replaces parts of the API. */
const LIMITS: GrantLimits = {
  enabled: true,
  maxDurationMs: 900_000,
  maxUses: 20,
  scopes: ['exact', 'shape'],
  maxRisk: 'suspicious',
};

export async function openWorld(t: CleanUp, changes: Partial<ControlParts> = {}): Promise<ControlWorld> {
  const dir = temporaryFolder(t);
  const storeKey = randomBytes(32);
  mkdirSync(join(dir, 'keys'), { mode: 0o700 });
  const warnings: string[] = [];
  const warn = (message: string, error: unknown) => warnings.push(`${message}: ${String(error)}`);
  const audit = await openAuditLog({
    path: join(dir, 'clawpatrol.db'),
    clock: systemClock,
    key: loadCheckpointKey({ stateDir: dir, storeKey, configured: null }),
    checkpoint: { everyMs: 60_000, records: 1000, publish: null },
    // The one process of the unit tests has arguments that no thread takes.
    retention: () => ({ retentionMs: 0, segmentMs: 86_400_000, archiveDir: join(dir, 'archive') }),
    spawn: (entry, workerData) => new Worker(entry, { workerData, execArgv: [] }),
    onTrouble: ({ what, why }) => warnings.push(`${what}: ${why}`),
    // A machine on which the writer's thread begins slowly is waited for.
    tuning: { waitMs: 60_000 },
  });
  const settings = settingsOf(
    [
      human('oncall', { grant: LIMITS }),
      human('both', { requireApprovers: 2 }),
      human('carol', { approvers: ['carol'] }),
    ],
    { parkedPerDevice: 100 },
  );
  const grants = createGrantBook({
    clock: systemClock,
    audit,
    store: audit,
    // One form for all ids.
    likeness: ({ evidence }, scope) => {
      const key = scope === 'exact' ? evidence.text : evidence.text.replace(/\d+/g, '?');
      return { kind: 'like', key, sentence: key };
    },
    policyOf: () => 'policy',
    warn,
  });
  const reviewer: Reviewer = { review: async ({ approver }) => reviewOf(approver, null), usage: () => [] };
  const fatigue = createFatigue();
  const queue = createApprovals({
    clock: systemClock,
    audit,
    store: audit,
    settings: () => settings,
    grants,
    reviewer,
    fatigue,
    announce: () => undefined,
    measure: () => world.measure(),
    show: ({ evidence }) => ({
      text: evidence.text,
      factsJson: '{"sql":{"verb":"delete","tables":["users"]}}',
      alert: null,
      words: '',
    }),
    ended: () => undefined,
    warn,
  });
  const approvals = scopeVotes(queue, { clock: systemClock, audit, store: audit, warn });
  const path = join(dir, 'control.sock');
  const parts: ControlParts = {
    address: { kind: 'unix', path },
    ownUser: process.getuid?.() ?? null,
    clock: systemClock,
    config: () => makeConfig(),
    approvals,
    reviewer,
    fatigue,
    grants,
    incidents: { list: () => [], receive: async () => refused(404, 'none') },
    audit,
    secrets: openSecretStore({ stateDir: dir, key: storeKey, clock: systemClock }),
    operators: openOperators({ stateDir: dir, clock: systemClock }),
    knownHosts: () => [{ endpoint: 'ssh.box', names: ['[127.0.0.1]:2222', 'box.example'], key: 'ssh-ed25519 AAAA' }],
    quarantine: openQuarantine(dir),
    hits: createRuleHits(systemClock),
    connections: { list: () => [] },
    devices: null,
    ca: () => ({ fingerprint: 'AA:BB', subject: 'CN=Claw Patrol', notBeforeMs: 0, notAfterMs: 1_000, pem: 'PEM\n' }),
    status: () => ({ ok: true, checks: [{ name: 'store', state: 'ok', detail: '', fix: '' }] }),
    reload: async () => ({ ok: true, revision: 'r2', diagnostics: [], message: '' }),
    warn,
    ...changes,
  };
  const control = await listenControl(parts);
  t.after(async () => {
    await control.close();
    await approvals.close('the test is over');
    grants.close();
    await audit.close();
  });
  const world: ControlWorld = {
    dir,
    path,
    audit,
    approvals,
    client: createControlClient({ kind: 'unix', path }),
    control,
    parts,
    warnings,
    measure: async () => null,
    park: (action) => park(approvals, action),
  };
  return world;
}

/** What a dashboard has beside the parts of the control socket: on a free port, without a page, channels or machines that join. */
export function dashboardParts(parts: ControlParts): DashboardParts {
  return {
    ...parts,
    address: { kind: 'tcp', host: '127.0.0.1', port: 0 },
    tls: null,
    publicUrl: () => null,
    sessionTtlMs: () => 86_400_000,
    version: '1.2.3',
    health: {
      failing: () => [],
      metrics: { scrape: async () => 'x 1\n', contentType: 'text/plain' },
      info: () => ({ version: '1.2.3', fingerprint: 'AA' }),
      caPem: () => 'PEM\n',
    },
    onApprovals: () => () => undefined,
    join: null,
    enrolListen: null,
    people: null,
    channels: {
      receiveSlack: async () => refused(404, 'there is none'),
      receiveDecision: async () => refused(404, 'there is none'),
    },
    tell: () => undefined,
    page: new Map(),
  };
}

let parks = 0;

async function park(
  approvals: Approvals,
  { approver = 'human_approver.oncall', ...changes }: ActionChanges & { readonly approver?: string } = {},
): Promise<Parked> {
  parks += 1;
  const action = actionOf({ text: `delete from users where id = ${parks}`, ...changes });
  let result: Promise<ApprovalResult> = Promise.reject(new Error('not asked'));
  result.catch(() => undefined);
  const id = await new Promise<string>((resolve, reject) => {
    result = approvals.ask(action, decisionOf(approver), {
      signal: new AbortController().signal,
      parked: (notice) => resolve(notice.approval),
    });
    result.catch(reject);
  });
  return { id, digest: action.evidence.digest(), result };
}
