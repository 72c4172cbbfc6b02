// The audit log as the gateway uses it: a queue on this thread, one thread that writes the store and one that reads it.
import { randomUUID } from 'node:crypto';
import { Worker } from 'node:worker_threads';
import type { Approval, ApprovalState } from '../approvals/approval.ts';
import type { Grant, GrantState } from '../approvals/grant.ts';
import type { Clock } from '../lib/clock.ts';
import { GatewayError, messageOf } from '../lib/errors.ts';
import { createJobs } from '../lib/jobs.ts';
import type { Job, Jobs } from '../lib/jobs.ts';
import type { Batch } from './batch.ts';
import type { Finding } from './chain.ts';
import { exportRecords } from './export.ts';
import type { ExportFormat, ExportSource } from './export.ts';
import { createEvent } from './event.ts';
import type { AuditEvent, AuditFilter, AuditRecord } from './event.ts';
import type { CheckpointKey } from './keys.ts';
import type { AuditLog, AuditMetrics, AuditPage, AuditTicket } from './log.ts';
import type { ApprovalPage, GrantPage, PageRequest, StatePage } from './queries.ts';
import { AuditQueue } from './queue.ts';
import type { ReaderData, ReaderCalls } from './reader.ts';
import { runRetention } from './retention.ts';
import type { RetentionConfig, RetentionStore } from './retention.ts';
import type { Within } from './scope.ts';
import { startThread } from './thread.ts';
import type { SpawnWorker, Thread } from './thread.ts';
import { reportOf } from './verify.ts';
import type { VerifyReport } from './verify.ts';
import type { OpenedStore, WriterData, WriterCalls, Written } from './writer.ts';

export interface AuditLogParts {
  readonly path: string;
  readonly clock: Clock;
  /** Where its recurring work is seen; left out: nowhere. */
  readonly jobs?: Jobs;
  readonly key: CheckpointKey;
  readonly checkpoint: { readonly everyMs: number; readonly records: number; readonly publish: string | null };
  /** As configured now: a reload may change it. */
  retention(): RetentionConfig;
  /** Told once when something goes wrong and once when it works again. For the process log. */
  onTrouble(trouble: AuditTrouble): void;
  /** Left out: the values that a gateway uses. */
  readonly tuning?: Partial<AuditTuning>;
  /** How threads are started; left out: node:worker_threads. */
  readonly spawn?: SpawnWorker;
}

export interface AuditTrouble {
  readonly what: 'stalled' | 'publishing' | 'thread' | 'retention';
  /** Null: it works again. */
  readonly why: string | null;
}

export interface AuditTuning {
  readonly batchMs: number;
  readonly maxEvents: number;
  readonly maxChars: number;
  readonly retryMs: number;
  readonly waitMs: number;
  readonly busyTimeoutMs: number;
}

/** A safe record is on disk within `batchMs`, one batch before it, and its own batch: well under the promised 100 ms. */
const TUNING: AuditTuning = {
  batchMs: 50,
  maxEvents: 20_000,
  maxChars: 64 * 1024 * 1024,
  retryMs: 1000,
  waitMs: 10_000,
  busyTimeoutMs: 5000,
};

export interface SqliteAuditLog extends AuditLog {
  readonly storeId: string;
  /** What was wrong with the end of the log when it was opened; null when it is intact. Readiness fails while this is set. */
  readonly finding: Finding | null;
  /** Approvals as the log's own records made them, newest first. */
  listApprovals(states: readonly ApprovalState[], page: StatePage): Promise<ApprovalPage>;
  /** By id or unique prefix of 8 or more; null when none or several have it. `of`: among those of these profiles. */
  getApproval(idOrPrefix: string, of?: readonly string[]): Promise<Approval | null>;
  /** Grants as the log's own records made them, newest first. */
  listGrants(states: readonly GrantState[], page: StatePage): Promise<GrantPage>;
  getGrant(idOrPrefix: string, of?: readonly string[]): Promise<Grant | null>;
  /** Checks the chain, the checkpoints and the published file, in a thread of its own. */
  verify(range: { readonly from: number | null; readonly to: number | null }): Promise<VerifyReport>;
  /** Text of an export, piece by piece. Recording that somebody exported is the caller's. */
  export(filter: AuditFilter, format: ExportFormat): AsyncIterable<string>;
  /** One round of sealing and retention; also runs by itself every minute. */
  maintain(): Promise<void>;
  /** Why sealed segments cannot be archived, or null. Readiness fails while this is set. */
  readonly archiveProblem: string | null;
  /** Why checkpoints cannot be published, or null. */
  readonly publishingProblem: string | null;
}

const HOLD_MS = 1000;

/** Pause between rounds of retention. */
const RETENTION_MS = 60_000;

// The compiler rewrites the extension in import statements only, so the entry is named after the file that runs: `.js` as built.
const EXTENSION = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
const WRITER = new URL(`./writer.${EXTENSION}`, import.meta.url);
const READER = new URL(`./reader.${EXTENSION}`, import.meta.url);

/**
 * Opens (and makes) the store, brings its schema up to date and checks the end of its log. Actions of an earlier run whose outcome was
 * never recorded get a record that says so. Rejects with GatewayError STORE_FAILED.
 */
export async function openAuditLog(parts: AuditLogParts): Promise<SqliteAuditLog> {
  const log = new Log(parts);
  await log.open();
  return log;
}

// Without the process's own flags: some of them (--eval, --input-type, --test) make no sense in a thread.
const startWorker: SpawnWorker = (entry, workerData) => new Worker(entry, { workerData, execArgv: [] });

class Log implements SqliteAuditLog {
  readonly #parts: AuditLogParts;
  readonly #tuning: AuditTuning;
  readonly #spawn: SpawnWorker;
  readonly #run = randomUUID();
  readonly #queue: AuditQueue;
  readonly #listeners = new Set<(record: AuditRecord) => void>();
  #writer: Promise<Thread<WriterCalls>> | null = null;
  #reader: Thread<ReaderCalls> | null = null;
  #storeId = '';
  #finding: Finding | null = null;
  #head = { seq: 0, hash: '' };
  #records = 0;
  #lastWriteMs = 0;
  #publishing: string | null = null;
  #followedSeq = 0;
  #following = false;
  readonly #asides = new Set<Thread<ReaderCalls>>();
  #work: readonly Job[] = [];
  #maintaining: Promise<void> = Promise.resolve();
  #archiveProblem: string | null = null;
  #threadGone = false;
  /** No more reading and no more housekeeping; then, when all is written, no more writing. */
  #closing = false;
  #closed = false;

  constructor(parts: AuditLogParts) {
    this.#parts = parts;
    this.#tuning = { ...TUNING, ...parts.tuning };
    this.#spawn = parts.spawn ?? startWorker;
    this.#queue = new AuditQueue({
      ...this.#tuning,
      clock: parts.clock,
      write: (batch): Promise<void> => this.#write(batch),
      onStalled: (why): void => parts.onTrouble({ what: 'stalled', why }),
    });
  }

  get storeId(): string {
    return this.#storeId;
  }

  get finding(): Finding | null {
    return this.#finding;
  }

  get stalled(): boolean {
    return this.#queue.stalled;
  }

  async open(): Promise<void> {
    const { opened, thread } = await this.#openWriter();
    this.#writer = Promise.resolve(thread);
    this.#storeId = opened.storeId;
    this.#finding = opened.finding;
    this.#head = opened.head;
    this.#followedSeq = opened.head.seq;
    await this.#closeUnsettled(opened);
    this.#beginWork();
  }

  append(event: AuditEvent): AuditTicket | null {
    return this.#queue.append(event);
  }

  appendLater(chars: number, make: () => AuditEvent): AuditTicket | null {
    return this.#queue.appendLater(chars, make);
  }

  appendDurable(event: AuditEvent): Promise<AuditTicket> {
    return this.#queue.appendDurable(event);
  }

  writable(signal: AbortSignal): Promise<void> {
    return this.#queue.writable(signal);
  }

  flush(): Promise<void> {
    return this.#queue.flush();
  }

  async close(): Promise<void> {
    if (this.#closing) {
      return;
    }
    this.#closing = true;
    this.#work.forEach((job) => job.stop());
    // The clock's timers do not keep a process alive, and this must not end before the queue is empty or its deadline is over.
    const hold = setInterval(() => {}, HOLD_MS);
    try {
      // Readers first: the last connection to close folds the write-ahead log into the main file.
      await Promise.all([this.#reader?.end(), ...[...this.#asides].map((reader) => reader.end())]);
      await this.#queue.flush();
      const writer = await this.#getWriter();
      this.#noteWritten(await writer.call('close', this.#parts.clock.now()));
    } finally {
      clearInterval(hold);
      this.#closed = true;
      await (await this.#writer?.catch(() => null))?.end();
    }
  }

  async search(filter: AuditFilter, page: PageRequest): Promise<AuditPage> {
    return await this.#getReader().call('search', { filter, page });
  }

  async show(actionId: string, within?: Within): Promise<readonly AuditRecord[]> {
    return await this.#getReader().call('show', { actionId, ...(within === undefined ? {} : { within }) });
  }

  async get(seq: number): Promise<AuditRecord | null> {
    return await this.#getReader().call('get', seq);
  }

  async listApprovals(states: readonly ApprovalState[], page: StatePage): Promise<ApprovalPage> {
    return await this.#getReader().call('approvals', { states, page });
  }

  async getApproval(id: string, of?: readonly string[]): Promise<Approval | null> {
    return await this.#getReader().call('approval', { id, ...(of === undefined ? {} : { of }) });
  }

  async listGrants(states: readonly GrantState[], page: StatePage): Promise<GrantPage> {
    return await this.#getReader().call('grants', { states, page });
  }

  async getGrant(id: string, of?: readonly string[]): Promise<Grant | null> {
    return await this.#getReader().call('grant', { id, ...(of === undefined ? {} : { of }) });
  }

  async verify({ from, to }: { readonly from: number | null; readonly to: number | null }): Promise<VerifyReport> {
    const { checkpoint, key } = this.#parts;
    const argument = { from, to, publish: checkpoint.publish, publicPem: key.publicPem };
    return reportOf(await this.#aside((reader) => reader.call('verify', argument)));
  }

  export(filter: AuditFilter, format: ExportFormat): AsyncIterable<string> {
    const source: ExportSource = {
      rows: (wanted, page) => this.#getReader().call('rows', { filter: wanted, page }),
      between: (from, to) => this.#getReader().call('between', { from, to }),
      bundle: async (wanted) => {
        // A bundle ends at a signature, so the head gets one now.
        await this.#checkpoint();
        return this.#getReader().call('bundle', { filter: wanted, nowMs: this.#parts.clock.now() });
      },
    };
    return exportRecords(source, filter, format);
  }

  get archiveProblem(): string | null {
    return this.#archiveProblem;
  }

  get publishingProblem(): string | null {
    return this.#publishing;
  }

  maintain(): Promise<void> {
    // One round at a time; whoever asks gets a round that began after the question.
    this.#maintaining = this.#maintaining.then(() => this.#maintain());
    return this.#maintaining;
  }

  async #maintain(): Promise<void> {
    const problem = await runRetention(this.#retentionStore(), this.#parts.retention(), this.#parts.clock);
    if (problem !== this.#archiveProblem && !this.#closing) {
      this.#archiveProblem = problem;
      this.#parts.onTrouble({ what: 'retention', why: problem });
    }
  }

  #retentionStore(): RetentionStore {
    const record = async (data: Readonly<Record<string, unknown>>): Promise<void> => {
      await this.appendDurable(createEvent('audit.sealed', this.#parts.clock.now(), { data }));
    };
    return {
      seal: async (nowMs, segmentMs) => (await this.#getWriter()).call('seal', { nowMs, segmentMs }),
      due: (beforeMs) => this.#getReader().call('due', beforeMs),
      unpurged: () => this.#getReader().call('unpurged', null),
      archive: (segment, folder, nowMs) => this.#aside((reader) => reader.call('archive', { segment, folder, nowMs })),
      retire: async ({ id }, { file, fileSha256 }, nowMs) =>
        (await this.#getWriter()).call('retire', { segment: id, file, fileSha256, nowMs }),
      // What a stop cuts short is finished after the next start.
      purge: async (segment, limit) => !this.#closing && (await this.#getWriter()).call('purge', { segment, limit }),
      sealed: ({ id, first, last, head }) => record({ state: 'sealed', segment: id, first, last, head }),
      retired: ({ id, first, last }, { file, fileSha256 }) =>
        record({ state: 'archived', segment: id, first, last, file, file_sha256: fileSha256 }),
    };
  }

  follow(listener: (record: AuditRecord) => void): () => void {
    // Whoever begins gets what reaches the disk from now on.
    if (this.#listeners.size === 0) {
      this.#followedSeq = this.#head.seq;
    }
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  metrics(): AuditMetrics {
    return {
      records: this.#records,
      headSeq: this.#head.seq,
      headHash: this.#head.hash,
      lastWriteMs: this.#lastWriteMs,
      queued: this.#queue.size,
      stalled: this.stalled,
    };
  }

  async #write(batch: Batch): Promise<void> {
    const writer = await this.#getWriter();
    this.#noteWritten(await writer.call('write', batch));
  }

  #noteWritten({ head, tookMs, publishing }: Written): void {
    this.#records += head.seq - this.#head.seq;
    this.#head = head;
    this.#lastWriteMs = tookMs;
    if (publishing !== this.#publishing) {
      this.#publishing = publishing;
      this.#parts.onTrouble({ what: 'publishing', why: publishing });
    }
    if (this.#listeners.size > 0) {
      void this.#tellListeners();
    }
  }

  /** The thread that writes; a new one when the last one is gone. */
  #getWriter(): Promise<Thread<WriterCalls>> {
    if (this.#closed) {
      return Promise.reject(new GatewayError('STORE_FAILED', 'gateway', 'the audit log is closed'));
    }
    this.#writer ??= this.#startWriter().then(
      ({ thread }) => thread,
      (error: unknown) => {
        this.#writer = null;
        throw error;
      },
    );
    return this.#writer;
  }

  async #startWriter(): Promise<{ readonly thread: Thread<WriterCalls>; readonly opened: OpenedStore }> {
    const { path, key, checkpoint, clock } = this.#parts;
    const data: WriterData = {
      path,
      key,
      run: this.#run,
      checkpointRecords: checkpoint.records,
      busyTimeoutMs: this.#tuning.busyTimeoutMs,
      nowMs: clock.now(),
      publish: checkpoint.publish,
    };
    const thread = startThread<WriterCalls>(this.#spawn(WRITER, data), (why) => {
      this.#writer = null;
      this.#threadGone = true;
      this.#parts.onTrouble({ what: 'thread', why });
    });
    try {
      const opened = await thread.call('open', null);
      if (this.#threadGone) {
        this.#threadGone = false;
        this.#parts.onTrouble({ what: 'thread', why: null });
      }
      return { thread, opened };
    } catch (error) {
      await thread.end();
      throw error;
    }
  }

  async #openWriter(): Promise<{ readonly thread: Thread<WriterCalls>; readonly opened: OpenedStore }> {
    try {
      return await this.#startWriter();
    } catch (error) {
      const message = `cannot open the store ${this.#parts.path}: ${messageOf(error)}`;
      throw new GatewayError('STORE_FAILED', 'operator', message, { cause: error });
    }
  }

  #getReader(): Thread<ReaderCalls> {
    this.#reader ??= this.#startReader(() => {
      this.#reader = null;
    });
    return this.#reader;
  }

  #startReader(onGone: () => void): Thread<ReaderCalls> {
    if (this.#closing) {
      throw new GatewayError('STORE_FAILED', 'gateway', 'the audit log is closed');
    }
    const data: ReaderData = { path: this.#parts.path, busyTimeoutMs: this.#tuning.busyTimeoutMs };
    return startThread<ReaderCalls>(this.#spawn(READER, data), onGone);
  }

  /** Work that takes long, on a reading thread of its own. */
  async #aside<T>(work: (reader: Thread<ReaderCalls>) => Promise<T>): Promise<T> {
    const reader = this.#startReader(() => {});
    this.#asides.add(reader);
    try {
      return await work(reader);
    } finally {
      this.#asides.delete(reader);
      await reader.end();
    }
  }

  /** Hands new records to the listeners in order; one loop at a time, which goes on until it has caught up. */
  async #tellListeners(): Promise<void> {
    if (this.#following) {
      return;
    }
    this.#following = true;
    try {
      while (this.#listeners.size > 0 && this.#followedSeq < this.#head.seq && !this.#closing) {
        const seq = this.#followedSeq;
        const records = await this.#getReader().call('after', { seq, limit: 200 });
        this.#followedSeq = records.at(-1)?.seq ?? this.#head.seq;
        for (const record of records) {
          for (const listener of this.#listeners) {
            listener(record);
          }
        }
      }
    } catch {
      // The reader thread ended. The records are in the store; the next write starts the loop, and with it a reader, again.
    } finally {
      this.#following = false;
    }
  }

  async #checkpoint(): Promise<void> {
    const writer = await this.#getWriter();
    this.#noteWritten(await writer.call('checkpoint', this.#parts.clock.now()));
  }

  #beginWork(): void {
    const { clock, checkpoint, jobs = createJobs(clock) } = this.#parts;
    this.#work = [
      // A store that cannot be written now says so at the next batch; the checkpoint is tried again in its turn.
      jobs.every({ name: 'audit checkpoints', everyMs: () => checkpoint.everyMs, work: () => this.#checkpoint() }),
      jobs.every({
        name: 'audit retention',
        everyMs: () => RETENTION_MS,
        firstMs: 0,
        work: async () => {
          await this.maintain();
          if (this.#archiveProblem !== null) {
            throw new Error(this.#archiveProblem);
          }
        },
      }),
    ];
  }

  /** What the last run let through and never heard of again is recorded as unknown, once. */
  async #closeUnsettled({ unsettled }: OpenedStore): Promise<void> {
    for (const { seq } of unsettled) {
      const record = await this.get(seq);
      if (record !== null) {
        const outcome = { kind: 'unknown', status: 'the gateway ended before the outcome was known' };
        this.#queue.settleLate({ ...record, digestOf: null }, outcome, this.#parts.clock.now());
      }
    }
    await this.flush();
  }
}
