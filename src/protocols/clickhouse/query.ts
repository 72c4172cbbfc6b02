// The Query packet: read field by field, and written anew from what was read, so that what was judged is what is sent. What only servers say
// to each other (secondary queries, secrets, stages that are not the last) is no query of an agent's, and is refused here.
import { isUtf8 } from 'node:buffer';
import { MAX_STATEMENT_BYTES } from '../../lib/limits.ts';
import { CLIENT, Cursor, SINCE, Writer, taken, type Taken } from './codec.ts';
import { binaryForm } from './settings-binary.ts';

/** A setting or a parameter of a query, with its bytes as they are sent on. */
export interface PacketSetting {
  readonly name: string;
  readonly value: string;
  readonly bytes: Buffer;
}

/** A query as a client sends it. */
export interface QueryPacket {
  /** Chosen by the client, or "". */
  readonly id: Buffer;
  readonly info: ClientInfo;
  readonly settings: readonly PacketSetting[];
  /** Blocks of this query are compressed, both ways. */
  readonly compressed: boolean;
  readonly text: Buffer;
  /** Values of `{name:Type}`. */
  readonly parameters: readonly PacketSetting[];
}

/** What a client says of itself. Nobody checks it: it goes into the server's own log. */
interface ClientInfo {
  readonly initialQueryId: Buffer;
  readonly startTime: Buffer;
  readonly osUser: Buffer;
  readonly hostName: Buffer;
  readonly clientName: Buffer;
  readonly major: number;
  readonly minor: number;
  readonly revision: number;
  readonly patch: number;
  readonly quotaKey: Buffer;
  readonly trace: Buffer;
}

const INITIAL_QUERY = 1;
const OVER_TCP = 1;
const COMPLETE = 2;
const TIME_BYTES = 8;
/** Trace and span of OpenTelemetry. */
const TRACE_ID_BYTES = 24;
const MAX_SETTINGS = 2000;
const MAX_VALUE_BYTES = 1024 * 1024;
const EMPTY = Buffer.alloc(0);

/** Takes a Query from the front, its type byte included. */
export function takeQuery(bytes: Buffer, revision: number): Taken<QueryPacket> {
  const cursor = new Cursor(bytes);
  cursor.varuint();
  const id = cursor.string();
  const info = readClientInfo(cursor, revision);
  const settings = revision >= SINCE.settingsAsStrings ? readSettings(cursor) : readBinarySettings(cursor);
  if (revision >= SINCE.interserverSecret && cursor.string().length > 0) {
    cursor.malformed('a query with the secret of a cluster: those are between servers');
  }
  const stage = cursor.varuint();
  if (stage !== COMPLETE) {
    cursor.malformed(`a query up to stage ${stage}: those are between servers`);
  }
  const compression = cursor.varuint();
  if (compression > 1) {
    cursor.malformed(`the compression ${compression}`);
  }
  const text = cursor.string(MAX_STATEMENT_BYTES);
  const parameters = revision >= SINCE.parameters ? readSettings(cursor) : [];
  return taken(cursor, () => ({ id, info, settings, compressed: compression === 1, text, parameters }));
}

/** ClickHouse, Interpreters/ClientInfo.cpp. */
function readClientInfo(cursor: Cursor, revision: number): ClientInfo {
  const kind = cursor.u8();
  if (kind !== INITIAL_QUERY) {
    cursor.malformed(`a query of kind ${kind}: only servers send queries on behalf of others`);
  }
  // Name of the user and address: the server puts its own in their place.
  cursor.string();
  const initialQueryId = cursor.string();
  cursor.string();
  const startTime = revision >= SINCE.initialQueryStartTime ? cursor.take(TIME_BYTES) : EMPTY;
  const over = cursor.u8();
  if (over !== OVER_TCP) {
    cursor.malformed(`a query that says that it came over interface ${over}`);
  }
  const names = { osUser: cursor.string(), hostName: cursor.string(), clientName: cursor.string() };
  const version = { major: cursor.varuint(), minor: cursor.varuint(), revision: cursor.varuint() };
  const quotaKey = cursor.string();
  if (revision >= SINCE.distributedDepth) {
    cursor.varuint();
  }
  const patch = cursor.varuint();
  const trace = revision >= SINCE.openTelemetry ? readTrace(cursor) : EMPTY;
  if (revision >= SINCE.parallelReplicas) {
    cursor.varuint();
    cursor.varuint();
    cursor.varuint();
  }
  return { initialQueryId, startTime, ...names, ...version, quotaKey, patch, trace };
}

/** Empty, or ids, state and flags of a trace as they are. */
function readTrace(cursor: Cursor): Buffer {
  const has = cursor.u8();
  if (has === 0) {
    return EMPTY;
  }
  if (has !== 1) {
    cursor.malformed('a trace that is neither there nor not');
  }
  const ids = cursor.take(TRACE_ID_BYTES);
  const state = cursor.string();
  const flags = cursor.u8();
  return new Writer().raw(ids).string(state).u8(flags).bytes();
}

/** Names, flags and values up to an empty name. */
function readSettings(cursor: Cursor): readonly PacketSetting[] {
  const settings: PacketSetting[] = [];
  for (;;) {
    const name = readName(cursor, settings.length);
    if (name === '') {
      return settings;
    }
    const flags = cursor.varuint();
    const value = cursor.string(MAX_VALUE_BYTES);
    checkText(cursor, value);
    const bytes = new Writer().string(name).varuint(flags).string(value).bytes();
    settings.push({ name, value: value.toString('utf8'), bytes });
  }
}

/** Before 54429 the layout of a value hangs on the setting's type, and so on its name. */
function readBinarySettings(cursor: Cursor): readonly PacketSetting[] {
  const settings: PacketSetting[] = [];
  for (;;) {
    const name = readName(cursor, settings.length);
    if (name === '') {
      return settings;
    }
    switch (binaryForm(name)) {
      case 'number': {
        const value = cursor.bigVaruint();
        settings.push({ name, value: String(value), bytes: new Writer().string(name).varuint(value).bytes() });
        break;
      }
      case 'string': {
        const value = cursor.string(MAX_VALUE_BYTES);
        checkText(cursor, value);
        const bytes = new Writer().string(name).string(value).bytes();
        settings.push({ name, value: value.toString('utf8'), bytes });
        break;
      }
      case 'unknown':
        cursor.malformed(`the setting ${name}, whose binary form is not known here; newer clients send text`);
        return settings;
    }
  }
}

/** "" ends a list; so does any trouble. */
function readName(cursor: Cursor, before: number): string {
  const name = cursor.string();
  checkText(cursor, name);
  if (before === MAX_SETTINGS) {
    cursor.malformed(`more than ${MAX_SETTINGS} settings`);
  }
  return cursor.trouble === 'none' ? name.toString('utf8') : '';
}

function checkText(cursor: Cursor, bytes: Buffer): void {
  if (!isUtf8(bytes)) {
    cursor.malformed('a setting that is not UTF-8');
  }
}

export interface QueryForm {
  readonly revision: number;
  /** Blocks go compressed on the upstream's leg, whatever the client does. */
  readonly compressed: boolean;
}

/** The Query as it goes upstream. */
export function queryBytes(query: QueryPacket, { revision, compressed }: QueryForm): Buffer {
  const writer = new Writer().varuint(CLIENT.query).string(query.id);
  writeClientInfo(writer, query.info, revision);
  writeSettings(writer, query.settings);
  if (revision >= SINCE.interserverSecret) {
    writer.string('');
  }
  writer
    .varuint(COMPLETE)
    .varuint(compressed ? 1 : 0)
    .string(query.text);
  if (revision >= SINCE.parameters) {
    writeSettings(writer, query.parameters);
  }
  return writer.bytes();
}

function writeClientInfo(writer: Writer, info: ClientInfo, revision: number): void {
  writer.u8(INITIAL_QUERY).string('').string(info.initialQueryId).string('0.0.0.0:0');
  if (revision >= SINCE.initialQueryStartTime) {
    writer.raw(info.startTime);
  }
  writer
    .u8(OVER_TCP)
    .string(info.osUser)
    .string(info.hostName)
    .string(info.clientName)
    .varuint(info.major)
    .varuint(info.minor)
    .varuint(info.revision)
    .string(info.quotaKey);
  if (revision >= SINCE.distributedDepth) {
    writer.varuint(0);
  }
  writer.varuint(info.patch);
  if (revision >= SINCE.openTelemetry) {
    writer.u8(info.trace.length > 0 ? 1 : 0).raw(info.trace);
  }
  if (revision >= SINCE.parallelReplicas) {
    // One server answers it alone.
    writer.varuint(0).varuint(0).varuint(0);
  }
}

function writeSettings(writer: Writer, settings: readonly PacketSetting[]): void {
  for (const { bytes } of settings) {
    writer.raw(bytes);
  }
  writer.string('');
}

/** A query of the gateway's own. */
export function ownQuery(text: string): QueryPacket {
  return {
    id: EMPTY,
    info: {
      initialQueryId: EMPTY,
      startTime: Buffer.alloc(TIME_BYTES),
      osUser: EMPTY,
      hostName: EMPTY,
      clientName: Buffer.from('clawpatrol'),
      major: 1,
      minor: 0,
      revision: 0,
      patch: 0,
      quotaKey: EMPTY,
      trace: EMPTY,
    },
    settings: [],
    compressed: false,
    text: Buffer.from(text, 'utf8'),
    parameters: [],
  };
}

/**
 * The text behind a parameter's value as it stands in a packet: a string in quotes, with backslashes (Field::dump). Null for anything else,
 * which a server does not take as a parameter either.
 */
export function parameterText(value: string): string | null {
  if (!/^'(?:[^'\\]|\\[^])*'$/.test(value)) {
    return null;
  }
  const plain = value.slice(1, -1);
  // \xHH stands for a byte, \N for nothing: clients do not write them here.
  return /\\[^\\'"`bfrnt0ae/]/.test(plain)
    ? null
    : plain.replace(/\\([^])/g, (_all, char: string) => ESCAPES[char] ?? char);
}

const ESCAPES: Readonly<Record<string, string>> = {
  b: '\b',
  f: '\f',
  r: '\r',
  n: '\n',
  t: '\t',
  '0': '\0',
  a: '\u0007',
  e: '\u001b',
};
