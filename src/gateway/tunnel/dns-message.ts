// Questions of the domain name system as clients send them, and the short answers that we give (RFC 1035; EDNS: RFC 6891; reasons: RFC 8914).
// The question is given back byte for byte, so that clients which mix the case of names recognise it. Pure; any bytes give a value.

/** A question that can be answered. */
export interface DnsQuestion {
  readonly id: number;
  /** Lower case, no trailing dot; "" is the root. A name with labels that no host has (spaces, dots inside) is null. */
  readonly name: string | null;
  readonly type: number;
  readonly recursionDesired: boolean;
  /** The question section as it came. */
  readonly section: Buffer;
  /** Whether the client speaks EDNS. */
  readonly edns: boolean;
}

export type TakeQuestion =
  | { readonly kind: 'question'; readonly question: DnsQuestion }
  /** To be answered with this. */
  | { readonly kind: 'refused'; readonly reply: Buffer; readonly why: string }
  /** Not a question at all: answering would let two servers talk for ever. */
  | { readonly kind: 'dropped' };

/** Types (RFC 1035, 3596). */
export const TYPE_A = 1;
export const TYPE_PTR = 12;
export const TYPE_AAAA = 28;
const TYPE_SOA = 6;
const TYPE_OPT = 41;
const CLASS_IN = 1;
const CLASS_ANY = 255;

const HEADER_BYTES = 12;
const MAX_NAME_BYTES = 255;
/** What follows one question: an OPT record with a cookie, at most. */
const MAX_QUERY_BYTES = 1232;

export type Rcode = 'NOERROR' | 'FORMERR' | 'SERVFAIL' | 'NXDOMAIN' | 'NOTIMP' | 'REFUSED' | 'BADVERS';
const RCODES: Readonly<Record<Rcode, number>> = {
  NOERROR: 0,
  FORMERR: 1,
  SERVFAIL: 2,
  NXDOMAIN: 3,
  NOTIMP: 4,
  REFUSED: 5,
  BADVERS: 16,
};

/** Reads one message. */
export function takeQuestion(message: Buffer): TakeQuestion {
  if (message.length < HEADER_BYTES || (message.readUInt16BE(2) & 0x8000) !== 0) {
    return { kind: 'dropped' };
  }
  const id = message.readUInt16BE(0);
  const flags = message.readUInt16BE(2);
  const recursionDesired = (flags & 0x0100) !== 0;
  const fail = (rcode: Rcode, why: string): TakeQuestion => ({
    kind: 'refused',
    reply: writeReply({ id, recursionDesired, section: null, edns: false }, { rcode }),
    why,
  });
  if ((flags & 0x7800) !== 0) {
    return fail('NOTIMP', 'not a query');
  }
  const [questions, answers, authorities, additionals] = [4, 6, 8, 10].map((at) => message.readUInt16BE(at));
  if (message.length > MAX_QUERY_BYTES || questions !== 1 || answers !== 0 || authorities !== 0) {
    return fail('FORMERR', 'not exactly one question');
  }
  const end = endOfName(message, HEADER_BYTES);
  if (end === null || message.length < end + 4) {
    return fail('FORMERR', 'the name in the question is broken');
  }
  const type = message.readUInt16BE(end);
  const queryClass = message.readUInt16BE(end + 2);
  const edns = takeEdns(message, end + 4, additionals ?? 0);
  if (edns === 'broken') {
    return fail('FORMERR', 'what follows the question is broken');
  }
  const section = message.subarray(HEADER_BYTES, end + 4);
  if (edns === 'version') {
    const reply = writeReply({ id, recursionDesired, section, edns: true }, { rcode: 'BADVERS' });
    return { kind: 'refused', reply, why: 'an unknown version of EDNS' };
  }
  if ((queryClass !== CLASS_IN && queryClass !== CLASS_ANY) || (type >= 249 && type <= 252)) {
    const reply = writeReply({ id, recursionDesired, section, edns }, { rcode: 'REFUSED' });
    return { kind: 'refused', reply, why: 'a zone transfer or another class' };
  }
  const name = readName(message, HEADER_BYTES);
  return { kind: 'question', question: { id, name, type, recursionDesired, section, edns } };
}

/** Offset behind the name that begins there; null when it is too long, cut, or compressed (nothing stands before it to point to). */
function endOfName(message: Buffer, start: number): number | null {
  let at = start;
  for (;;) {
    const length = message[at];
    if (length === undefined || length > 63 || at + 1 + length - start > MAX_NAME_BYTES) {
      return null;
    }
    at += 1 + length;
    if (length === 0) {
      return at;
    }
  }
}

function readName(message: Buffer, start: number): string | null {
  const labels: string[] = [];
  for (let at = start; ;) {
    const length = message[at] ?? 0;
    if (length === 0) {
      return labels.join('.').toLowerCase();
    }
    const label = message.toString('latin1', at + 1, at + 1 + length);
    if (!/^[A-Za-z0-9_-]+$/.test(label)) {
      return null;
    }
    labels.push(label);
    at += 1 + length;
  }
}

/** The OPT record, where it is the only thing that follows. */
function takeEdns(message: Buffer, start: number, count: number): boolean | 'broken' | 'version' {
  let at = start;
  let found: boolean | 'version' = false;
  for (let index = 0; index < count; index += 1) {
    const fixed = endOfName(message, at);
    if (fixed === null || message.length < fixed + 10) {
      return 'broken';
    }
    if (message.readUInt16BE(fixed) === TYPE_OPT) {
      if (found !== false || fixed !== at + 1) {
        return 'broken';
      }
      found = message[fixed + 5] === 0 ? true : 'version';
    }
    at = fixed + 10 + message.readUInt16BE(fixed + 8);
  }
  return at === message.length ? found : 'broken';
}

/** A record of the answer, about the name of the question. */
export interface DnsRecord {
  readonly type: number;
  readonly ttlSeconds: number;
  readonly data: Buffer;
}

export interface DnsReply {
  readonly rcode: Rcode;
  readonly answers?: readonly DnsRecord[];
  /** How long "there is none" may be remembered, seconds; absent = not said. */
  readonly negativeTtlSeconds?: number;
  /** Why, for people who look (RFC 8914, code 15 "Blocked"). */
  readonly blocked?: string;
}

/** Our greatest UDP answer is far below what every client takes; so nothing is ever cut. */
export function writeReply(
  question: Pick<DnsQuestion, 'id' | 'recursionDesired' | 'edns'> & { readonly section: Buffer | null },
  { rcode, answers = [], negativeTtlSeconds, blocked }: DnsReply,
): Buffer {
  const { id, recursionDesired, section, edns } = question;
  const authorities = negativeTtlSeconds === undefined ? [] : [writeSoa(negativeTtlSeconds)];
  const additionals = edns ? [writeOpt(RCODES[rcode] >> 4, blocked ?? null)] : [];
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt16BE(id, 0);
  // Response, authoritative (nobody else knows these names), recursion available.
  header.writeUInt16BE(0x8480 | (recursionDesired ? 0x0100 : 0) | (RCODES[rcode] & 15), 2);
  header.writeUInt16BE(section === null ? 0 : 1, 4);
  header.writeUInt16BE(answers.length, 6);
  header.writeUInt16BE(authorities.length, 8);
  header.writeUInt16BE(additionals.length, 10);
  // 0xc00c points at the question's name.
  const records = answers.map(({ type, ttlSeconds, data }) =>
    writeRecord(Buffer.of(0xc0, 0x0c), { type, ttlSeconds, data }),
  );
  return Buffer.concat([header, ...(section === null ? [] : [section]), ...records, ...authorities, ...additionals]);
}

function writeRecord(name: Buffer, { type, ttlSeconds, data }: DnsRecord): Buffer {
  const fixed = Buffer.alloc(10);
  fixed.writeUInt16BE(type, 0);
  fixed.writeUInt16BE(CLASS_IN, 2);
  fixed.writeUInt32BE(ttlSeconds, 4);
  fixed.writeUInt16BE(data.length, 8);
  return Buffer.concat([name, fixed, data]);
}

/** A name as in a record: every label with its length. */
export function writeName(name: string): Buffer {
  const labels = name === '' ? [] : name.split('.');
  return Buffer.concat([
    ...labels.map((label) => Buffer.concat([Buffer.of(label.length), Buffer.from(label, 'latin1')])),
    Buffer.of(0),
  ]);
}

/** Start of authority of the root: its last number says how long a missing name or record is remembered (RFC 2308). */
function writeSoa(ttlSeconds: number): Buffer {
  const numbers = Buffer.alloc(20);
  [1, 3600, 600, 86_400, ttlSeconds].forEach((value, index) => numbers.writeUInt32BE(value, index * 4));
  const data = Buffer.concat([writeName('clawpatrol.internal'), writeName('hostmaster.clawpatrol.internal'), numbers]);
  return writeRecord(Buffer.of(0), { type: TYPE_SOA, ttlSeconds, data });
}

/** RFC 6891, section 6.1.2: our UDP payload size stands in place of the class. */
function writeOpt(highRcode: number, blocked: string | null): Buffer {
  const text = Buffer.from(blocked ?? '', 'utf8');
  const option = Buffer.alloc(blocked === null ? 0 : 6);
  if (blocked !== null) {
    option.writeUInt16BE(15, 0);
    option.writeUInt16BE(2 + text.length, 2);
    option.writeUInt16BE(15, 4);
  }
  const data = Buffer.concat([option, text]);
  const fixed = Buffer.alloc(11);
  fixed.writeUInt16BE(TYPE_OPT, 1);
  fixed.writeUInt16BE(MAX_QUERY_BYTES, 3);
  fixed[5] = highRcode;
  fixed.writeUInt16BE(data.length, 9);
  return Buffer.concat([fixed, data]);
}
