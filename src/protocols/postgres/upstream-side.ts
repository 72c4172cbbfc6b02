// The upstream's direction: passes whole chunks on, looks at the few messages that say where the exchange stands, and rewrites
// one kind only, the rejection of a substitute. Rows and copied data are walked over by their headers.
import { BACK, HEADER_BYTES, lengthAt } from './codec.ts';
import { isRejection } from './denial.ts';
import type { Exchange } from './exchange.ts';
import { readErrorFields, readParameterStatus, readParameterTypes, readTag, rowsOfTag } from './messages.ts';
import type { Denied, Execution, Owed } from './owed.ts';

const EMPTY = Buffer.alloc(0);
/** The longest message that is looked at: a ParameterDescription of 65,535 parameters is 262 kB. Errors are read as far. */
const MAX_WATCHED_BYTES = 512 * 1024;

export class UpstreamSide {
  readonly #exchange: Exchange;
  #input: Buffer = EMPTY;
  /** Start of the next message in `#input`; of what has not been sent; and of what has not been counted. */
  #at = 0;
  #sent = 0;
  #counted = 0;
  #rows = 0;
  /** Start of a message whose rest has not arrived and that must be seen whole. */
  #tail: Buffer = EMPTY;
  /** Bytes of the current message that pass unseen. */
  #passing = 0;
  /** Messages of our own that wait for the end of the upstream's current one. */
  #injections: Buffer[] = [];
  /** The upstream has said that it ends. */
  #fatal = false;
  /** Set when the upstream does not keep to the protocol: what it says can no longer be matched to what was judged. */
  #trouble = '';

  constructor(exchange: Exchange) {
    this.#exchange = exchange;
  }

  /** The upstream said why it closes, so nothing needs to be said for it. */
  get saidGoodbye(): boolean {
    return this.#fatal;
  }

  /** Puts a message of our own between two of the upstream's. */
  inject(message: Buffer): void {
    if (this.#passing > 0) {
      this.#injections.push(message);
    } else {
      this.#exchange.send('client', message);
    }
  }

  data(bytes: Buffer): void {
    const exchange = this.#exchange;
    this.#input = this.#tail.length > 0 ? Buffer.concat([this.#tail, bytes]) : bytes;
    this.#at = 0;
    this.#sent = 0;
    this.#counted = 0;
    while (this.#trouble === '' && !exchange.over && this.#next()) {
      // Each turn takes one message, or a part of one.
    }
    this.#count();
    const input = this.#input;
    if (this.#at > this.#sent) {
      const whole = this.#sent === 0 && this.#at === input.length;
      exchange.send('client', whole ? input : input.subarray(this.#sent, this.#at));
    }
    exchange.midMessage = this.#passing > 0;
    this.#tail = this.#at < input.length ? input.subarray(this.#at) : EMPTY;
    this.#input = EMPTY;
    if (this.#trouble !== '') {
      const detail = `upstream: ${this.#trouble}`;
      exchange.fatal('08P01', 'the upstream broke the protocol', { kind: 'protocol-error', detail });
    }
  }

  /** Takes one message, or a part of one that passes. False when more bytes are needed. */
  #next(): boolean {
    const available = this.#input.length - this.#at;
    if (this.#passing > 0) {
      return this.#passOn(available);
    }
    if (available < HEADER_BYTES) {
      return false;
    }
    const type = this.#input[this.#at] ?? 0;
    const length = lengthAt(this.#input, this.#at);
    if (length < 4 || length > 0x7fff_ffff) {
      this.#trouble = 'a message whose length cannot be';
      return false;
    }
    const size = length + 1;
    if (passes(type)) {
      this.#rows += type === BACK.dataRow ? 1 : 0;
      this.#passing = size;
      return true;
    }
    const errorPrefix = type === BACK.error && available >= MAX_WATCHED_BYTES;
    if (available < size && !errorPrefix) {
      if (size > MAX_WATCHED_BYTES && type !== BACK.error) {
        this.#trouble = 'a control message that is too long';
      }
      return false;
    }
    this.#watched(type, size);
    return true;
  }

  /** A message that says where the exchange stands. It is here as a whole, or (a very long error) as far as it is read. */
  #watched(type: number, size: number): void {
    this.#count();
    const at = this.#at;
    const end = Math.min(at + size, this.#input.length);
    const replacement = this.#message(type, at + HEADER_BYTES, end);
    if (this.#trouble !== '') {
      return;
    }
    if (replacement !== null) {
      if (at > this.#sent) {
        this.#exchange.send('client', this.#input.subarray(this.#sent, at));
      }
      this.#exchange.send('client', replacement);
      this.#sent = end;
    }
    this.#passing = at + size - end;
    this.#at = end;
  }

  #passOn(available: number): boolean {
    const taken = Math.min(available, this.#passing);
    this.#passing -= taken;
    this.#at += taken;
    if (this.#passing > 0) {
      return false;
    }
    if (this.#injections.length > 0) {
      this.#exchange.send('client', this.#input.subarray(this.#sent, this.#at));
      this.#sent = this.#at;
      this.#sendInjections();
    }
    return true;
  }

  /** Books the bytes and rows up to here on the statement that they belong to. */
  #count(): void {
    this.#exchange.counted(this.#at - this.#counted);
    this.#counted = this.#at;
    if (this.#rows > 0) {
      const front = this.#exchange.owed.front();
      if (front?.kind === 'execution') {
        front.rowsSeen += this.#rows;
      }
      this.#rows = 0;
    }
  }

  #sendInjections(): void {
    for (const message of this.#injections) {
      this.#exchange.send('client', message);
    }
    this.#injections = [];
  }

  /** Looks at one message, whose body is from `from` to `to`. Returns what the client is sent in its place, or null to pass it on. */
  #message(type: number, from: number, to: number): Buffer | null {
    switch (type) {
      case BACK.parameterStatus: {
        const status = readParameterStatus(this.#input.subarray(from, to));
        if (status !== null) {
          this.#exchange.parts.tracker.reported(status.name, status.value);
        }
        return null;
      }
      case BACK.error:
        return this.#error(this.#input.subarray(from, to));
      case BACK.ready:
        this.#ready(from < to ? (this.#input[from] ?? 0) : 0);
        return null;
      default:
        break;
    }
    const front = this.#front();
    if (type === BACK.commandComplete || type === BACK.emptyQuery || type === BACK.portalSuspended) {
      this.#completed(front, type, from, to);
    } else if (front === undefined || !this.#expected(front, type, from, to)) {
      this.#trouble = `an unexpected message of type ${type}`;
    }
    return null;
  }

  /** Whether this reply fits the entry at the front, which it may complete. */
  // oxlint-disable-next-line max-params -- a slice for every reply is the largest part of looking at it
  #expected(front: Owed, type: number, from: number, to: number): boolean {
    switch (type) {
      case BACK.parseComplete:
      case BACK.bindComplete:
      case BACK.closeComplete:
        return this.#confirmed(front, type);
      case BACK.parameterDescription:
        if (front.kind === 'describe' && front.prepared?.kind === 'wire') {
          front.prepared.oids = readParameterTypes(this.#input.subarray(from, to)) ?? front.prepared.oids;
        }
        return front.kind === 'describe';
      case BACK.rowDescription:
      case BACK.noData:
        if (front.kind === 'describe') {
          this.#exchange.owed.shift();
          return true;
        }
        return front.kind === 'execution';
      case BACK.copyIn:
        if (front.kind === 'execution') {
          this.#exchange.copyIn = this.#exchange.owed.swallowSyncs().ended ? 'ended' : 'open';
        }
        return front.kind === 'execution';
      case BACK.copyOut:
        return front.kind === 'execution';
      default:
        return false;
    }
  }

  /** A name was made or dropped. */
  #confirmed(front: Owed, type: number): boolean {
    const { owed, statements } = this.#exchange;
    if (front.kind === 'parse' && type === BACK.parseComplete) {
      statements.prepareds.confirm(front.change);
    } else if (front.kind === 'bind' && type === BACK.bindComplete) {
      statements.portals.confirm(front.change);
    } else if (front.kind === 'close-statement' && type === BACK.closeComplete) {
      statements.prepareds.confirm(front.change);
    } else if (front.kind === 'close-portal' && type === BACK.closeComplete) {
      statements.portals.confirm(front.change);
    } else {
      return false;
    }
    owed.shift();
    return true;
  }

  /** The entry that the next reply belongs to. */
  #front(): Owed | undefined {
    const { owed } = this.#exchange;
    let front = owed.front();
    // The end of copied data earns no reply; a Sync among the data was swallowed by the copy.
    while (front?.kind === 'copy-end' || (front?.kind === 'sync' && front.inCopy)) {
      owed.shift();
      front = owed.front();
    }
    return front;
  }

  // oxlint-disable-next-line max-params -- as above
  #completed(front: Owed | undefined, type: number, from: number, to: number): void {
    if (front?.kind !== 'execution') {
      this.#trouble = 'a completion of nothing';
      return;
    }
    const exchange = this.#exchange;
    if (exchange.copyIn !== 'none') {
      exchange.copyIn = 'none';
      exchange.owed.dropCopySyncs();
    }
    switch (type) {
      case BACK.commandComplete: {
        const tag = readTag(this.#input.subarray(from, to));
        exchange.completed(front, tag, rowsOfTag(tag));
        break;
      }
      case BACK.portalSuspended:
        front.rows = front.rowsSeen;
        front.tag = 'suspended';
        exchange.suspended(front);
        break;
      default:
        front.done += 1;
        break;
    }
    if (!front.simple) {
      exchange.owed.shift();
      exchange.finishExecution(front, 'ok');
    }
  }

  /** An ErrorResponse: the front of the queue failed, and what is behind it up to the next Sync is skipped by the server. */
  #error(body: Buffer): Buffer | null {
    const exchange = this.#exchange;
    const front = this.#front();
    const fields = readErrorFields(body);
    const severity = fields.get('V') ?? fields.get('S');
    if (severity === 'FATAL' || severity === 'PANIC') {
      this.#fatal = true;
    }
    if (front === undefined) {
      return null;
    }
    exchange.failedAt(front);
    if (front.kind === 'sync') {
      // The commit failed.
      return null;
    }
    exchange.copyIn = 'none';
    const replacement = front.kind === 'denied' ? this.#rejection(front, body) : null;
    if (front.kind === 'execution') {
      front.errorCode = fields.get('C') ?? '';
      front.rows = null;
    }
    if (isSimple(front)) {
      return replacement;
    }
    exchange.owed.shift();
    this.#failedEntry(front);
    this.#skipGroup();
    return replacement;
  }

  #rejection(denied: Denied, body: Buffer): Buffer | null {
    denied.answered = true;
    if (denied.unnamed) {
      this.#exchange.statements.prepareds.set('', null);
    }
    return isRejection(body, denied.nonce) ? denied.error : null;
  }

  #failedEntry(entry: Owed): void {
    const exchange = this.#exchange;
    if (entry.kind === 'execution') {
      exchange.finishExecution(entry, outcomeOf(entry));
    } else {
      if (entry.kind === 'parse' && entry.change.name === '') {
        // A failed Parse of the unnamed statement has destroyed the previous one (checked).
        exchange.statements.prepareds.set('', null);
      }
      exchange.skipped(entry);
    }
  }

  /** What the server skips after an error in the extended protocol. */
  #skipGroup(): void {
    const exchange = this.#exchange;
    for (let entry = exchange.owed.front(); entry !== undefined; entry = exchange.owed.front()) {
      if (entry.kind === 'sync') {
        return;
      }
      exchange.owed.shift();
      exchange.skipped(entry);
    }
    exchange.skipping = true;
  }

  #ready(status: number): void {
    const exchange = this.#exchange;
    let front = exchange.owed.front();
    while (front?.kind === 'copy-end') {
      exchange.owed.shift();
      front = exchange.owed.front();
    }
    exchange.copyIn = 'none';
    const trouble = readyTrouble(front);
    if (front === undefined || trouble !== '') {
      this.#trouble = trouble;
      return;
    }
    if (front.kind !== 'sync') {
      exchange.statements.queryDone();
    }
    exchange.owed.shift();
    if (front.kind === 'execution') {
      exchange.finishExecution(front, front.errorCode === '' ? 'ok' : outcomeOf(front));
    }
    exchange.ready(status, front.kind !== 'sync');
  }
}

/** Messages that say nothing about the state of the exchange. */
function passes(type: number): boolean {
  switch (type) {
    case BACK.dataRow:
    case BACK.copyData:
    case BACK.copyDone:
    case BACK.notice:
    case BACK.notification:
      return true;
    default:
      return false;
  }
}

/** Why ReadyForQuery cannot be the next message, or "". */
function readyTrouble(front: Owed | undefined): string {
  if (front === undefined) {
    return 'ready without having been asked';
  }
  if (front.kind === 'sync' || (front.kind === 'execution' && front.simple)) {
    return '';
  }
  return front.kind === 'denied' && front.simple && front.answered ? '' : 'ready before a statement was done';
}

function isSimple(entry: Owed): boolean {
  return (entry.kind === 'execution' || entry.kind === 'denied') && entry.simple;
}

function outcomeOf(execution: Execution): 'cancelled' | 'error' {
  return execution.errorCode === '57014' ? 'cancelled' : 'error';
}
