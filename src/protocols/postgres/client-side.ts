// The client's direction: takes whole messages, has each statement judged, and forwards the judged bytes themselves. Runs of
// messages that need no change go out as one piece of the chunk that they came in.
import type { ActionId } from '../../rules/action.ts';
import type { Verdict } from '../session.ts';
import type { SqlText } from '../sql/analysis.ts';
import { MAX_PARKED_BUFFER_BYTES, MAX_STATEMENT_BYTES } from '../../lib/limits.ts';
import { SqlAction } from '../sql/action.ts';
import { BoundValues, SqlEvidence } from './evidence.ts';
import { ClientInput } from './client-input.ts';
import { FLUSH_MESSAGE, FRONT, clientLengthLimit } from './codec.ts';
import type { DeniedMessage, Exchange } from './exchange.ts';
import { readBind, readBindNames, readExecute, readParse, readQuery, readTarget, type BindBody } from './messages.ts';
import type { Lookup } from './names.ts';
import { MAX_NAME_BYTES, wirePortal, wirePrepared, type Portal, type Prepared } from './statements.ts';

const EMPTY = Buffer.alloc(0);
/** The length field counts itself. */
const LENGTH_BYTES = 4;
/** Replies that may be outstanding before the client is no longer read. */
const MAX_OWED = 10_000;

/** Why the message at the front cannot be passed on yet. */
type Pending =
  | { readonly kind: 'verdict'; readonly action: SqlAction; readonly message: DeniedMessage; readonly grant: Grant }
  /** A worker analyses the text. */
  | { readonly kind: 'analysis' }
  /** The meaning of the message depends on what the server has not confirmed. */
  | { readonly kind: 'confirmation' };

/** What follows when the gate allows. */
type Grant =
  | { readonly kind: 'query'; readonly text: SqlText }
  | { readonly kind: 'parse'; readonly name: string; readonly value: Prepared }
  | { readonly kind: 'execute'; readonly source: SqlText }
  /** Nothing can: the protocol refuses it. */
  | { readonly kind: 'none' };

const NOT_GRANTED: Grant = { kind: 'none' };
const QUERY_MESSAGE: DeniedMessage = { type: FRONT.query, name: '' };
const EXECUTE_MESSAGE: DeniedMessage = { type: FRONT.execute, name: '' };
const AWAITS_CONFIRMATION: Pending = { kind: 'confirmation' };
const AWAITS_ANALYSIS: Pending = { kind: 'analysis' };

/** Only a text with one of these words can name a prepared statement or a cursor. */
const MAY_USE_NAMES = /execute|fetch|move|current/i;

export class ClientSide {
  readonly #exchange: Exchange;
  readonly #input: ClientInput;
  #pending: Pending | null = null;
  /** The worker's answer, and the text that it is about: the message that asked may have been overtaken. */
  #analysed: { readonly text: SqlText; readonly bytes: Buffer } | null = null;
  /** The server has been asked to answer what the message at the front waits for. */
  #hurried = false;
  #closed = false;

  constructor(exchange: Exchange) {
    this.#exchange = exchange;
    this.#input = new ClientInput((bytes) => exchange.send('upstream', bytes));
  }

  /** The action whose verdict is awaited. */
  get asked(): SqlAction | null {
    return this.#pending?.kind === 'verdict' ? this.#pending.action : null;
  }

  /** Nothing of the client is held or half read. */
  get idle(): boolean {
    return this.#pending === null && this.#input.empty;
  }

  /** The client has said that it ends. */
  get closed(): boolean {
    return this.#closed;
  }

  get paused(): boolean {
    const held = this.#pending !== null && this.#input.heldBytes > MAX_PARKED_BUFFER_BYTES;
    return held || this.#exchange.owed.length > MAX_OWED;
  }

  data(bytes: Buffer): void {
    if (!this.#closed && this.#input.add(bytes, this.#pending !== null)) {
      this.#read();
    }
  }

  /** The client ended its direction. */
  ended(): void {
    this.#closed = true;
  }

  /** The verdict will take a while: everything in front of the action goes out now. */
  waiting(action: ActionId): void {
    if (this.asked?.id === action) {
      this.#input.flush();
    }
  }

  verdict(action: ActionId, verdict: Verdict): void {
    const pending = this.#pending;
    if (pending?.kind !== 'verdict' || pending.action.id !== action || this.#exchange.over) {
      return;
    }
    this.#pending = null;
    const { refused } = pending.action;
    if (this.#exchange.skipping) {
      this.#overtaken(pending.action, verdict);
    } else if (verdict.kind === 'deny') {
      this.#deny(pending.message, verdict, action);
    } else if (refused === null && pending.grant.kind !== 'none') {
      this.#accept(pending.grant, pending.action);
    } else {
      // The gate denies what the protocol refuses; this is the second lock on the same door.
      const denial = { kind: 'deny', cause: 'deny', rule: '', reason: refused ?? '', word: '', hint: '' } as const;
      this.#deny(pending.message, denial, action);
    }
    this.#read();
  }

  /** The group failed while the verdict was awaited: the server would skip the message, so it is left out. */
  #overtaken(action: SqlAction, verdict: Verdict): void {
    this.#input.leaveOut();
    if (verdict.kind === 'allow' && action.phase === 'execute') {
      this.#exchange.notRun(action);
    }
  }

  /** The worker has answered. */
  analysed(): void {
    if (this.#pending?.kind === 'analysis' && !this.#exchange.over) {
      this.#pending = null;
      this.#read();
    }
  }

  /** The server has confirmed something: a message that waited for it is looked at again. */
  confirmed(): void {
    if (this.#pending?.kind === 'confirmation' && !this.#exchange.over) {
      this.#pending = null;
      this.#read();
    }
  }

  /** Looks at messages until one has to wait, or the input is used up. */
  #read(): void {
    do {
      while (!this.#stopped && this.#next()) {
        // Each turn takes one message.
      }
      if (this.#stopped) {
        return;
      }
      this.#input.flush();
    } while (this.#input.refill());
  }

  get #stopped(): boolean {
    return this.#pending !== null || this.#closed || this.#exchange.over;
  }

  /** Takes one message, or a part of one that streams. False when more bytes are needed. */
  #next(): boolean {
    const front = this.#input.front();
    if (front !== 'header') {
      return front === 'streaming';
    }
    const { type, length } = this.#input;
    const limit = clientLengthLimit(type);
    if (length < 4 || length > limit) {
      this.#malformed(limit === 0 ? `invalid frontend message type ${type}` : 'invalid message length');
      return false;
    }
    if (type === FRONT.copyData) {
      this.#passOrDrop();
      return true;
    }
    if (this.#input.whole) {
      this.#message(type);
      return true;
    }
    if (length >= this.#holdLimit(type)) {
      return this.#long(type);
    }
    this.#input.need(length + 1);
    return false;
  }

  #holdLimit(type: number): number {
    const { maxTextBytes } = this.#exchange.parts.options();
    return type === FRONT.bind ? maxTextBytes : Math.max(MAX_STATEMENT_BYTES, maxTextBytes);
  }

  /** Data outside of an allowed COPY is dropped, as the server would. */
  #dropsData(): boolean {
    const { skipping, copyIn, owed } = this.#exchange;
    return skipping || (copyIn === 'none' && !owed.expectsData());
  }

  #passOrDrop(): void {
    if (this.#dropsData()) {
      this.#input.leaveOut();
    } else {
      this.#input.pass();
    }
  }

  /** A message that is too long to be held. Its front is here; the rest passes or is dropped. */
  #long(type: number): boolean {
    if (this.#exchange.skipping) {
      this.#input.leaveOut();
      return true;
    }
    const front = this.#input.body;
    if (type !== FRONT.bind) {
      // Not analysed, so not passed: the refusal is recorded with as much of the text as is here.
      this.#judgeRefused(type, front, 'the statement is longer than this gateway holds for judging', false);
      return true;
    }
    if (this.#input.available < this.#holdLimit(type)) {
      this.#input.need(this.#holdLimit(type));
      return false;
    }
    const names = readBindNames(front);
    this.#bind(names === null ? null : { ...names, values: null, parameters: 0 });
    return true;
  }

  #deny(message: DeniedMessage, denial: Extract<Verdict, { kind: 'deny' }>, action: ActionId): void {
    this.#input.flush();
    this.#exchange.deny(message, denial, action);
    this.#input.leaveOut();
  }

  #malformed(why: string): void {
    this.#input.flush();
    this.#exchange.fatal('08P01', why, { kind: 'protocol-error', detail: why });
  }

  #message(type: number): void {
    const { skipping } = this.#exchange;
    if (skipping && type !== FRONT.sync && type !== FRONT.terminate) {
      this.#hurried = false;
      this.#input.leaveOut();
      return;
    }
    if (type === FRONT.sync || type === FRONT.flush || type === FRONT.terminate) {
      this.#control(type, this.#input.length - LENGTH_BYTES);
      return;
    }
    const { body } = this.#input;
    switch (type) {
      case FRONT.query:
        this.#query(body);
        return;
      case FRONT.parse:
        this.#parse(body);
        return;
      case FRONT.bind:
        this.#bind(readBind(body));
        return;
      case FRONT.execute:
        this.#execute(readExecute(body));
        return;
      case FRONT.describe:
      case FRONT.close:
        this.#target(type, readTarget(body));
        return;
      case FRONT.functionCall:
        this.#judgeRefused(type, EMPTY, 'function calls by OID are refused: use SELECT', true);
        return;
      case FRONT.copyDone:
      case FRONT.copyFail:
        this.#copyEnd();
        return;
      default:
        // There are no others: their length limit is 0.
        this.#malformed(`invalid frontend message type ${type}`);
    }
  }

  /** Sync, Flush and Terminate. */
  #control(type: number, bodyBytes: number): void {
    const { owed, copyIn } = this.#exchange;
    if (bodyBytes > 0) {
      this.#malformed('a message with a body that it does not have');
      return;
    }
    this.#input.pass();
    if (type === FRONT.sync) {
      owed.push({ kind: 'sync', inCopy: copyIn === 'open' });
      this.#exchange.skipping = false;
      this.#exchange.endGroup();
    } else if (type === FRONT.terminate) {
      this.#input.flush();
      this.#closed = true;
      this.#exchange.command({ kind: 'end', to: 'upstream' });
    }
  }

  #copyEnd(): void {
    if (this.#dropsData()) {
      this.#input.leaveOut();
      return;
    }
    if (this.#exchange.copyIn === 'open') {
      this.#exchange.copyIn = 'ended';
    } else {
      this.#exchange.owed.push({ kind: 'copy-end' });
    }
    this.#input.pass();
  }

  #query(body: Buffer): void {
    const bytes = readQuery(body);
    if (bytes === null) {
      this.#malformed('a Query whose text does not end');
      return;
    }
    const text = this.#textOf(bytes);
    if (text !== null) {
      const refused = bytes.includes(0) ? 'the text of a statement may not hold a NUL byte' : null;
      const action = this.#actionOf(text, bytes, 'execute', refused);
      this.#ask(action, QUERY_MESSAGE, { kind: 'query', text });
    }
  }

  #parse(body: Buffer): void {
    const parsed = readParse(body);
    if (parsed === null) {
      this.#malformed('a Parse that does not fit its format');
      return;
    }
    const text = this.#textOf(parsed.text);
    if (text !== null) {
      const { name, oids } = parsed;
      const refused = refusalOfName(name) ?? (this.#exchange.statements.full ? 'too many prepared statements' : null);
      const bytes = Buffer.from(parsed.text);
      const action = this.#actionOf(text, bytes, 'prepare', refused);
      const value = wirePrepared(text, bytes, oids);
      this.#ask(action, { type: FRONT.parse, name }, { kind: 'parse', name, value });
    }
  }

  /** An allowed message goes out with the others of its chunk, and what it earns is noted. */
  #accept(grant: Exclude<Grant, { kind: 'none' }>, action: SqlAction): void {
    const exchange = this.#exchange;
    this.#input.pass();
    switch (grant.kind) {
      case 'query': {
        const { changes, copyIn } = grant.text;
        exchange.start(action, { simple: true, changes, copyIn: copyIn.includes(true) });
        exchange.endGroup();
        break;
      }
      case 'parse': {
        const change = { name: grant.name, value: grant.value, group: exchange.group };
        exchange.statements.prepareds.send(change);
        exchange.owed.push({ kind: 'parse', change });
        break;
      }
      case 'execute': {
        const { changes, copyIn } = grant.source;
        exchange.start(action, { simple: false, changes, copyIn: copyIn.includes(true) });
        break;
      }
    }
  }

  /** A Bind is not judged by itself: nothing runs before Execute. But what it binds is fixed here, under the state of here. */
  #bind(bind: BindBody | null): void {
    if (bind === null) {
      this.#malformed('a Bind that does not fit its format');
      return;
    }
    const { statements, group, owed } = this.#exchange;
    const found = statements.prepareds.find(bind.statement, group);
    const refused = refusalOfName(bind.portal) ?? (statements.full ? 'too much is bound at once' : null);
    if (refused !== null) {
      this.#judgeRefused(FRONT.bind, EMPTY, refused, true);
      return;
    }
    if (found.kind === 'wait' || this.#exchange.unsettled > 0 || this.#namesMatter(found)) {
      this.#wait();
      return;
    }
    const portal =
      found.kind === 'known' && found.value.kind === 'wire'
        ? this.#portalOf(found.value.text, found.value.bytes, this.#valuesOf(bind, found.value))
        : this.#namedPortal(`EXECUTE ${quoted(bind.statement)}`, this.#valuesOf(bind, null));
    if (portal === null) {
      return;
    }
    this.#hurried = false;
    const change = { name: bind.portal, value: portal, group };
    statements.portals.send(change);
    owed.push({ kind: 'bind', change });
    this.#input.pass();
  }

  #valuesOf(
    bind: BindBody,
    prepared: { readonly text: SqlText; readonly oids: readonly number[] } | null,
  ): BoundValues | null {
    const count = bind.values === null ? (prepared?.text.parameters ?? 1) : bind.parameters;
    if (count === 0) {
      return null;
    }
    // A named portal outlives this chunk; a slice would keep the whole chunk alive.
    const raw = bind.values !== null && bind.portal !== '' ? Buffer.from(bind.values) : bind.values;
    return new BoundValues(raw, count, prepared?.oids ?? []);
  }

  #portalOf(text: SqlText, bytes: Buffer, values: BoundValues | null): Portal {
    const bound = this.#exchange.statements.bind(text);
    const judgeable = values === null ? bound : bound.withParameters(() => values.decoded);
    return wirePortal(judgeable, new SqlEvidence(text.text, bytes, values, true));
  }

  /** A portal or statement that the wire names and this connection's messages did not make: SQL says what it is. */
  #namedPortal(sql: string, values: BoundValues | null): Portal | null {
    const bytes = Buffer.from(sql, 'utf8');
    const text = this.#analyse(bytes);
    return text === null ? null : this.#portalOf(text, bytes, values);
  }

  #execute(name: string | null): void {
    if (name === null) {
      this.#malformed('an Execute that does not fit its format');
      return;
    }
    const { statements, group } = this.#exchange;
    const found = statements.portals.find(name, group);
    if (found.kind === 'wait' || (found.kind === 'unknown' && this.#exchange.unsettled > 0)) {
      this.#wait();
      return;
    }
    const portal =
      found.kind === 'known' && found.value.evidence !== null
        ? found.value
        : this.#namedPortal(`FETCH ALL FROM ${quoted(name)}`, null);
    if (portal === null || portal.evidence === null) {
      return;
    }
    const { judgeable, evidence } = portal;
    const action = new SqlAction(this.#exchange.parts.origin, judgeable, evidence, { phase: 'execute', refused: null });
    this.#ask(action, EXECUTE_MESSAGE, { kind: 'execute', source: judgeable.source });
  }

  #target(type: number, target: { readonly what: 'statement' | 'portal'; readonly name: string } | null): void {
    if (target === null) {
      this.#malformed('a Describe or Close that does not fit its format');
      return;
    }
    const { statements, group, owed } = this.#exchange;
    const { what, name } = target;
    const refused = refusalOfName(name);
    if (refused !== null) {
      this.#judgeRefused(type, EMPTY, refused, true);
      return;
    }
    if (type === FRONT.describe) {
      const found = what === 'statement' ? statements.prepareds.find(name, group) : null;
      owed.push({ kind: 'describe', prepared: found?.kind === 'known' ? found.value : null });
    } else if (what === 'statement') {
      const change = { name, value: null, group };
      statements.prepareds.send(change);
      owed.push({ kind: 'close-statement', change });
    } else {
      const change = { name, value: null, group };
      statements.portals.send(change);
      owed.push({ kind: 'close-portal', change });
    }
    this.#input.pass();
  }

  /**
   * Waits until the server has confirmed what is in flight. What is in front goes out, and the server is asked to answer it, since the
   * client's own Sync may be behind the waiting message.
   */
  #wait(): void {
    this.#pending = AWAITS_CONFIRMATION;
    if (!this.#hurried) {
      this.#hurried = true;
      this.#input.flush();
      this.#exchange.send('upstream', FLUSH_MESSAGE);
    }
  }

  /** The analysis of the message at the front, or null when it has to wait. */
  #textOf(bytes: Buffer): SqlText | null {
    if (this.#exchange.unsettled > 0) {
      this.#wait();
      return null;
    }
    const text = this.#analyse(bytes);
    if (text !== null && this.#usesUnsettledNames(text)) {
      this.#analysed = { text, bytes };
      this.#wait();
      return null;
    }
    return text;
  }

  #awaitAnalysis(text: Promise<SqlText>, bytes: Buffer): void {
    this.#input.flush();
    this.#pending = AWAITS_ANALYSIS;
    this.#exchange.command({ kind: 'await', work: this.#keep(text, bytes) });
  }

  async #keep(text: Promise<SqlText>, bytes: Buffer): Promise<void> {
    this.#analysed = { text: await text, bytes };
  }

  /** Null: the message waits until a worker has analysed the text. */
  #analyse(bytes: Buffer): SqlText | null {
    const kept = this.#analysed;
    this.#analysed = null;
    const { analyser, options } = this.#exchange.parts;
    const text = kept !== null && kept.bytes.equals(bytes) ? kept.text : analyser.analyse(bytes, options());
    if (text instanceof Promise) {
      this.#awaitAnalysis(text, bytes);
      return null;
    }
    return text;
  }

  /** A text may name statements and cursors; then their changes must have been confirmed. */
  #usesUnsettledNames(text: SqlText): boolean {
    const { statements, group } = this.#exchange;
    return (
      text.readsState &&
      (statements.prepareds.unsettledBefore(group) || statements.portals.unsettledBefore(group)) &&
      MAY_USE_NAMES.test(text.text)
    );
  }

  #namesMatter(found: Lookup<Prepared>): boolean {
    return found.kind === 'known' && found.value.kind === 'wire' && this.#usesUnsettledNames(found.value.text);
  }

  #actionOf(text: SqlText, bytes: Buffer, phase: 'prepare' | 'execute', refused: string | null): SqlAction {
    const judgeable = this.#exchange.statements.bind(text);
    const evidence = new SqlEvidence(text.text, bytes, null, true);
    return new SqlAction(this.#exchange.parts.origin, judgeable, evidence, { phase, refused });
  }

  /** Judges a message that the protocol itself refuses, so that the refusal is recorded like any other. */
  #judgeRefused(type: number, front: Buffer, refused: string, complete: boolean): void {
    const bytes = front.length > 0 ? front : Buffer.from(`-- ${refused}`, 'utf8');
    const text = this.#analyse(Buffer.from(bytes.subarray(0, INLINE_FRONT_BYTES)));
    if (text === null) {
      return;
    }
    const judgeable = this.#exchange.statements.bind(text);
    const evidence = new SqlEvidence(text.text, bytes.subarray(0, INLINE_FRONT_BYTES), null, complete);
    const action = new SqlAction(this.#exchange.parts.origin, judgeable, evidence, { phase: 'execute', refused });
    // Under a name of its own: the name of a statement that is not held may not have arrived.
    this.#ask(action, { type: type === FRONT.parse ? FRONT.bind : type, name: '' }, NOT_GRANTED);
  }

  #ask(action: SqlAction, message: DeniedMessage, grant: Grant): void {
    this.#hurried = false;
    this.#pending = { kind: 'verdict', action, message, grant };
    this.#exchange.command({ kind: 'judge', action });
  }
}

/** As much of a refused text as is analysed and kept. */
const INLINE_FRONT_BYTES = 4096;

function refusalOfName(name: string): string | null {
  return name.length > MAX_NAME_BYTES ? `names of statements and portals are at most ${MAX_NAME_BYTES} bytes` : null;
}

/** A wire name as a quoted SQL identifier. */
function quoted(name: string): string {
  return `"${Buffer.from(name, 'latin1').toString('utf8').replaceAll('"', '""')}"`;
}
