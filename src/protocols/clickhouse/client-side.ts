// The client's direction of a native connection: takes whole packets, has each query judged with everything that comes with it, and forwards
// it as it was read. Data of an INSERT follow block by block.
import { MAX_PARKED_BUFFER_BYTES } from '../../lib/limits.ts';
import type { Outcome } from '../../rules/action.ts';
import type { Verdict } from '../session.ts';
import { SqlAction } from '../sql/action.ts';
import { QueryEvidence } from './evidence.ts';
import type { ClickHouseText } from './analysis/context.ts';
import { DataPacket } from './client-data.ts';
import { CLIENT, Cursor, Input, Writer } from './codec.ts';
import { CODES, EMPTY_BLOCK, denialPacket, exceptionPacket } from './denial.ts';
import type { Exchange } from './exchange.ts';
import { parameterText, queryBytes, takeQuery, type QueryPacket } from './query.ts';

/** Temporary tables that come with one query: held whole, since the query is judged with all of their names. */
const MAX_EXTERNAL_BYTES = 16 * 1024 * 1024;
const MAX_EXTERNAL_TABLES = 1000;

/** A query with what was sent behind it. */
interface Collected {
  readonly query: QueryPacket;
  readonly tables: string[];
  /** Data packets in frames, the one that ends them included. */
  readonly packets: Buffer[];
  heldBytes: number;
}

interface Running {
  readonly action: SqlAction;
  readonly text: ClickHouseText;
  readonly query: QueryPacket;
  readonly startedMs: number;
  readonly takesData: boolean;
  dataEnded: boolean;
  /** Rows of the blocks that were forwarded. */
  sentRows: number;
  cancelled: boolean;
}

type Phase =
  | { readonly kind: 'idle' }
  | { readonly kind: 'collecting'; readonly collected: Collected }
  /** A worker reads the text, or the server is asked how it reads it. */
  | { readonly kind: 'analysing'; readonly collected: Collected }
  | {
      readonly kind: 'judging';
      readonly collected: Collected;
      readonly text: ClickHouseText;
      readonly action: SqlAction;
      readonly bytes: readonly Buffer[];
      withdrawn: boolean;
    }
  | { readonly kind: 'running'; readonly running: Running };

const IDLE: Phase = { kind: 'idle' };

export class ClientSide {
  readonly #exchange: Exchange;
  readonly #input = new Input();
  #phase: Phase = IDLE;
  /** The Data packet that is being read. */
  #packet: DataPacket | null = null;
  /** The data of a query that is over: read to their end, and dropped. Whether they are compressed; null when none are expected. */
  #leftover: { readonly compressed: boolean } | null = null;
  #analysed: { text: ClickHouseText | null; differs: string | null; verified: boolean } = UNREAD();
  /** What is there is not read on before something happens. */
  #blocked = false;

  constructor(exchange: Exchange) {
    this.#exchange = exchange;
  }

  get idle(): boolean {
    return this.#phase.kind === 'idle' && this.#input.length === 0 && this.#packet === null;
  }

  get running(): boolean {
    return this.#phase.kind === 'running';
  }

  /** The action whose verdict is awaited. */
  get asked(): SqlAction | null {
    return this.#phase.kind === 'judging' ? this.#phase.action : null;
  }

  /** The client of the query that is judged waits for the columns of an INSERT. */
  get takesData(): boolean {
    return this.#phase.kind === 'judging' && takesData(this.#phase.text);
  }

  get paused(): boolean {
    return this.#blocked && this.#input.length > MAX_PARKED_BUFFER_BYTES;
  }

  data(bytes: Buffer): void {
    this.#input.append(bytes);
    this.go();
  }

  /** Reads on as far as possible. */
  go(): void {
    this.#blocked = false;
    while (!this.#exchange.over && !this.#exchange.asked && this.#input.length > 0 && this.#step()) {
      // Each turn takes one packet, or a part of one.
    }
  }

  /** Nothing more comes from the client, or nothing more can be sent for it. */
  gone(): void {
    const phase = this.#phase;
    if (phase.kind === 'judging') {
      this.#withdraw(phase);
    } else if (phase.kind === 'running') {
      const reads = phase.running.text.verb === 'select';
      this.finished(reads ? 'cancelled' : 'unknown', '', '');
    }
  }

  /** False when more bytes, or another event, are needed. */
  #step(): boolean {
    if (this.#packet !== null) {
      return this.#readData(this.#packet);
    }
    const cursor = new Cursor(this.#input.view);
    const type = cursor.varuint();
    if (cursor.trouble !== 'none') {
      return cursor.trouble === 'malformed' && this.#malformed(cursor.why);
    }
    switch (this.#phase.kind) {
      case 'idle':
        return this.#idlePacket(type, cursor.at);
      case 'collecting':
        return type === CLIENT.data
          ? this.#beginData(this.#phase.collected.query.compressed)
          : this.#malformed(`a packet ${type} before the data of a query have ended`);
      case 'analysing':
      case 'judging':
        return this.#waitingPacket(type, cursor.at);
      case 'running':
        return this.#runningPacket(this.#phase.running, type, cursor.at);
    }
  }

  #malformed(detail: string): boolean {
    this.#exchange.fail('client-packet', detail, { kind: 'protocol-error', detail });
    return false;
  }

  #beginData(compressed: boolean): boolean {
    this.#packet = new DataPacket(this.#exchange.parts.revision, compressed);
    return true;
  }

  #wait(): boolean {
    this.#blocked = true;
    return false;
  }

  #idlePacket(type: number, size: number): boolean {
    const exchange = this.#exchange;
    if (exchange.pongsOwed > 0) {
      return this.#wait();
    }
    switch (type) {
      case CLIENT.query:
        return this.#takeQuery();
      case CLIENT.data:
        return this.#leftover === null
          ? this.#malformed('data without a query')
          : this.#beginData(this.#leftover.compressed);
      case CLIENT.cancel:
        // The query that it is about has ended meanwhile.
        this.#input.used(size);
        return true;
      case CLIENT.ping:
        this.#input.used(size);
        exchange.pongsOwed += 1;
        exchange.toUpstream(Buffer.from([CLIENT.ping]));
        return true;
      default:
        return this.#malformed(`a packet ${type}, which is for servers only or not known`);
    }
  }

  #takeQuery(): boolean {
    const taken = takeQuery(this.#input.view, this.#exchange.parts.revision);
    switch (taken.kind) {
      case 'incomplete':
        return false;
      case 'malformed':
        return this.#malformed(taken.why);
      case 'packet': {
        this.#input.used(taken.sizeBytes);
        this.#leftover = null;
        const collected: Collected = { query: taken.packet, tables: [], packets: [], heldBytes: 0 };
        this.#phase = { kind: 'collecting', collected };
        return true;
      }
    }
  }

  /** While the query waits, the client may take it back; everything else can wait too. */
  #waitingPacket(type: number, size: number): boolean {
    if (type !== CLIENT.cancel) {
      return this.#wait();
    }
    this.#input.used(size);
    if (this.#phase.kind === 'judging') {
      this.#withdraw(this.#phase);
    } else {
      this.#cancelled = true;
    }
    return true;
  }

  /** Taken back before anybody was asked. */
  #cancelled = false;

  #withdraw(phase: Extract<Phase, { readonly kind: 'judging' }>): void {
    if (!phase.withdrawn) {
      phase.withdrawn = true;
      this.#exchange.command({ kind: 'withdraw', action: phase.action.id });
    }
  }

  #runningPacket(running: Running, type: number, size: number): boolean {
    const exchange = this.#exchange;
    switch (type) {
      case CLIENT.data:
        return running.takesData && !running.dataEnded
          ? this.#beginData(running.query.compressed)
          : this.#malformed('data that the query does not take');
      case CLIENT.cancel:
        this.#input.used(size);
        running.cancelled = true;
        exchange.toUpstream(Buffer.from([CLIENT.cancel]));
        return true;
      case CLIENT.query:
      case CLIENT.ping:
        if (exchange.server.lost) {
          // The client has found the end of the answer, which could not be told here.
          this.finished('unknown', '', '');
          return true;
        }
        return this.#wait();
      default:
        return this.#malformed(`a packet ${type}, which is for servers only or not known`);
    }
  }

  #readData(packet: DataPacket): boolean {
    const size = packet.push(this.#input.view);
    this.#input.used(size);
    const phase = this.#phase;
    if (phase.kind === 'running') {
      for (const bytes of packet.drain()) {
        this.#exchange.toUpstream(bytes);
      }
    } else if (phase.kind === 'idle') {
      packet.drain();
    }
    switch (packet.state) {
      case 'malformed':
        return this.#malformed(packet.why);
      case 'reading':
        return phase.kind === 'collecting' && this.#tooMuch(phase.collected, packet.heldBytes)
          ? this.#malformed('temporary tables that are too large to be held')
          : size > 0;
      case 'done':
        this.#packet = null;
        this.#dataRead(packet);
        return true;
    }
  }

  #tooMuch(collected: Collected, more: number): boolean {
    return collected.heldBytes + more > MAX_EXTERNAL_BYTES || collected.tables.length > MAX_EXTERNAL_TABLES;
  }

  #dataRead(packet: DataPacket): void {
    const phase = this.#phase;
    if (phase.kind === 'idle') {
      this.#leftover = packet.ends ? null : this.#leftover;
    } else if (phase.kind === 'running') {
      phase.running.sentRows += packet.rows;
      phase.running.dataEnded = packet.ends;
    } else if (phase.kind === 'collecting') {
      const { collected } = phase;
      const held = packet.drain();
      collected.packets.push(...held);
      collected.heldBytes += held.reduce((sum, bytes) => sum + bytes.length, 0);
      if (this.#tooMuch(collected, 0)) {
        this.#malformed('temporary tables that are too large to be held');
      } else if (packet.ends) {
        this.#analyse(collected);
      } else if (!collected.tables.includes(packet.name)) {
        collected.tables.push(packet.name);
      }
    }
  }

  // Judging.

  #analyse(collected: Collected): void {
    const { analyser, options } = this.#exchange.parts;
    this.#analysed = UNREAD();
    this.#cancelled = false;
    const read = analyser.analyse(collected.query.text, options());
    if (read instanceof Promise) {
      const place = this.#analysed;
      this.#phase = { kind: 'analysing', collected };
      this.#exchange.command({
        kind: 'await',
        work: (async (): Promise<void> => {
          place.text = await read;
        })(),
      });
    } else {
      this.#analysed.text = read;
      this.#verify(collected, read);
    }
  }

  /** What the last `await` was for is there. */
  analysed(): void {
    const phase = this.#phase;
    const { text } = this.#analysed;
    if (phase.kind === 'analysing' && text !== null) {
      this.#verify(phase.collected, text);
    }
    this.go();
  }

  #verify(collected: Collected, text: ClickHouseText): void {
    const verify = this.#exchange.parts.verify();
    const place = this.#analysed;
    if (verify === null || place.verified || text.verb === null) {
      this.#judge(collected, text);
      return;
    }
    place.verified = true;
    this.#phase = { kind: 'analysing', collected };
    this.#exchange.command({
      kind: 'await',
      work: (async (): Promise<void> => {
        place.differs = await verify(text, collected.query.text, this.#exchange.state.database);
      })(),
    });
  }

  #judge(collected: Collected, text: ClickHouseText): void {
    const { analyser, options, origin, revision } = this.#exchange.parts;
    const { query, tables, packets } = collected;
    const parameters = readParameters(query);
    const context = this.#exchange.state.context({
      settings: new Map(query.settings.map(({ name, value }) => [name, value])),
      parameters: parameters ?? new Map(),
      externalTables: tables,
    });
    const judgeable = analyser.bind(text, context, options());
    const framed = query.compressed || tables.length > 0 || takesData(text);
    const head = queryBytes(query, { revision, compressed: framed });
    const bytes = framed ? [head, ...packets] : [head, EMPTY_DATA];
    const evidence = new QueryEvidence({
      text: query.text.toString('utf8'),
      extras: extrasOf(collected),
      bytes,
      complete: true,
    });
    const action = new SqlAction(origin, judgeable, evidence, {
      phase: 'execute',
      refused: this.#refusal(parameters),
    });
    this.#phase = { kind: 'judging', collected, text, action, bytes, withdrawn: false };
    if (this.#cancelled) {
      // Taken back while it was read: as if it had never been asked.
      this.#refused(exceptionPacket(CODES.queryWasCancelled, 'Query was cancelled'), collected, text);
    } else {
      this.#exchange.command({ kind: 'judge', action });
    }
  }

  /** What the protocol itself refuses, or null. */
  #refusal(parameters: ReadonlyMap<string, string> | null): string | null {
    if (parameters === null) {
      return 'a parameter of the query is not a string in quotes';
    }
    const { differs } = this.#analysed;
    return differs === null ? null : 'the server reads this statement differently than the gateway (verify_ast)';
  }

  verdict(action: string, verdict: Verdict): void {
    const phase = this.#phase;
    if (phase.kind !== 'judging' || phase.action.id !== action) {
      return;
    }
    const { collected, text } = phase;
    if (verdict.kind === 'deny') {
      this.#refused(denialPacket(verdict, action), collected, text);
    } else {
      this.#run(phase);
    }
    this.go();
  }

  #refused(packet: Buffer, { query }: Collected, text: ClickHouseText): void {
    this.#exchange.toClient(packet);
    this.#phase = IDLE;
    // Whoever does not wait for the columns of an INSERT sends its data all the same.
    this.#leftover = takesData(text) ? { compressed: query.compressed } : null;
  }

  #run({ collected, text, action, bytes }: Extract<Phase, { readonly kind: 'judging' }>): void {
    const exchange = this.#exchange;
    const { query, tables } = collected;
    const takes = takesData(text);
    const framed = query.compressed || tables.length > 0 || takes;
    exchange.server.begin(query.compressed ? 'frames' : framed ? 'frames-to-raw' : 'raw');
    exchange.bytesToClient = 0;
    exchange.rows = null;
    this.#phase = {
      kind: 'running',
      running: {
        action,
        text,
        query,
        startedMs: exchange.parts.origin.clock.monotonicMs(),
        takesData: takes,
        dataEnded: false,
        sentRows: 0,
        cancelled: false,
      },
    };
    exchange.toUpstream(bytes.length === 1 ? (bytes[0] ?? EMPTY_DATA) : Buffer.concat(bytes));
  }

  /** The query is over, one way or the other. */
  finished(kind: Outcome['kind'], errorCode: string, status: string): void {
    const phase = this.#phase;
    if (phase.kind !== 'running') {
      return;
    }
    const exchange = this.#exchange;
    const { running } = phase;
    const { action, text, query, startedMs, sentRows, cancelled } = running;
    if (kind === 'ok') {
      exchange.state.succeeded(text.changes);
    } else {
      exchange.state.failed(text.changes);
    }
    this.#phase = IDLE;
    this.#leftover = running.takesData && !running.dataEnded ? { compressed: query.compressed } : null;
    const outcome: Outcome = {
      kind: kind === 'ok' && cancelled ? 'cancelled' : kind,
      rows: running.takesData && sentRows > 0 && kind === 'ok' ? sentRows : exchange.rows,
      status,
      errorCode,
      bytesToClient: exchange.bytesToClient,
      durationMs: exchange.parts.origin.clock.monotonicMs() - startedMs,
    };
    exchange.command({ kind: 'settle', action, outcome });
    if (this.#packet !== null) {
      // Half of a block is on its way: what would follow it, the server would take for the other half.
      exchange.finish({ kind: 'upstream-closed', detail: 'the server gave up in the middle of a block' });
    }
  }
}

/** The Data packet that ends a query's data where nothing is compressed. */
const EMPTY_DATA = Buffer.concat([new Writer().varuint(CLIENT.data).string('').bytes(), EMPTY_BLOCK]);

function UNREAD(): { text: ClickHouseText | null; differs: string | null; verified: boolean } {
  return { text: null, differs: null, verified: false };
}

/** The server will ask for blocks. Of a text that could not be read nobody knows. */
function takesData({ verb, insert }: ClickHouseText): boolean {
  return verb === null || (verb === 'insert' && insert?.takesData === true);
}

/** Null when one is not what a server takes. */
function readParameters({ parameters }: QueryPacket): ReadonlyMap<string, string> | null {
  const read = new Map<string, string>();
  for (const { name, value } of parameters) {
    const text = parameterText(value);
    if (text === null) {
      return null;
    }
    read.set(name, text);
  }
  return read;
}

/** For people: what the text alone does not show. */
function extrasOf({ query, tables }: Collected): readonly string[] {
  return [
    ...query.settings.map(({ name, value }) => `setting ${name} = ${value}`),
    ...query.parameters.map(({ name, value }) => `parameter ${name} = ${value}`),
    ...tables.map((name) => `temporary table ${name}`),
  ];
}
