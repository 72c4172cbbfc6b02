// What a record costs, without sockets: CPU time of the main thread (queue, batch, hand-over) and of the writer (text, hash, SQLite), each by
// itself, per record of a point select. The least of many batches, so that other work on the machine counts little.
// Run: node dist/bench/audit.js [batches]
import { hash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MessageChannel, receiveMessageOnPort } from 'node:worker_threads';
import type { Batch } from '../src/audit/batch.ts';
import { createEvent } from '../src/audit/event.ts';
import type { AuditEvent } from '../src/audit/event.ts';
import { loadCheckpointKey } from '../src/audit/keys.ts';
import { AuditQueue } from '../src/audit/queue.ts';
import { Store } from '../src/audit/store.ts';
import { systemClock } from '../src/lib/clock.ts';
import { uuidv7 } from '../src/lib/ids.ts';
import { AGENT } from '../test/support/gate-parts.ts';
import { table } from './parts.ts';

const RECORDS = 500;
const WARM_UP = 10;
const LONG_MS = 1e6;
const FACTS = JSON.stringify({
  sql: {
    verb: 'select',
    tables: ['pgbench_accounts', 'public.pgbench_accounts'],
    columns: ['abalance', 'aid'],
    effects: ['read'],
    fingerprint: 'f'.repeat(200),
  },
  risk: 'safe',
});

function makeEvent(turn: number): AuditEvent {
  const text = `SELECT abalance FROM pgbench_accounts WHERE aid = ${turn}`;
  const timeMs = Date.now();
  return createEvent('action.decided', timeMs, {
    agent: AGENT,
    session: 'session',
    actionId: uuidv7(timeMs),
    endpoint: 'postgres.bench',
    family: 'sql',
    factsJson: FACTS,
    risk: 'safe',
    verdict: 'allow',
    by: 'risk',
    summary: text,
    text,
    digest: hash('sha256', text, 'hex'),
  });
}

function microseconds(before: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(before);
  return (user + system) / RECORDS;
}

/** Main thread and writer, microseconds a record, of one batch. */
async function measure(queue: AuditQueue, written: () => number, turn: number): Promise<readonly [number, number]> {
  const events = Array.from({ length: RECORDS }, (_, index) => makeEvent(turn * RECORDS + index));
  const before = process.cpuUsage();
  for (const event of events) {
    queue
      .appendLater(event.summary.length, () => event)
      ?.settle({ kind: 'ok', rows: 1, status: 'SELECT 1', error_code: '', bytes: 97, duration_ms: 0.123 }, 0);
  }
  await queue.flush();
  return [microseconds(before), written()];
}

const folder = mkdtempSync(join(tmpdir(), 'clawpatrol-bench-'));
try {
  const { port1, port2 } = new MessageChannel();
  const key = loadCheckpointKey({ stateDir: folder, storeKey: Buffer.alloc(32), configured: null });
  const path = join(folder, 'store.db');
  const store = new Store({ path, key, run: 'bench', checkpointRecords: 1e9, busyTimeoutMs: 100, nowMs: 0 });
  const queue = new AuditQueue({
    clock: systemClock,
    batchMs: LONG_MS,
    maxEvents: LONG_MS,
    maxChars: Number.MAX_SAFE_INTEGER,
    retryMs: LONG_MS,
    waitMs: LONG_MS,
    write: (batch) => {
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread's port, not a window: there is no origin
      port1.postMessage(batch);
      return Promise.resolve();
    },
    onStalled: () => undefined,
  });
  const written = (): number => {
    const before = process.cpuUsage();
    const received: { readonly message: Batch } | undefined = receiveMessageOnPort(port2);
    if (received !== undefined) {
      store.write(received.message);
    }
    return microseconds(before);
  };
  const results: (readonly [number, number])[] = [];
  for (let turn = 0; turn < WARM_UP + Number(process.argv[2] ?? '70'); turn += 1) {
    const result = await measure(queue, written, turn);
    results.push(...(turn < WARM_UP ? [] : [result]));
  }
  const least = ([0, 1] as const).map((place) => Math.min(...results.map((result) => result[place])).toFixed(1));
  console.log(table(['main thread, µs', 'writer, µs'], [least]));
  store.close();
  port1.close();
} finally {
  rmSync(folder, { recursive: true, force: true });
}
