// Kubernetes' protobuf bodies (`k8s\0` and a runtime.Unknown) to the JSON that they stand for, for the kinds of the table that is
// compiled in. A field that the table does not know, or that comes twice where there can be one, makes the whole body Unknown.
import { decodeUtf8 } from '../../lib/utf8.ts';
import { Unknown } from '../../rules/action.ts';
import { MAX_DEPTH, isObject, parseJson } from './json.ts';
import type { JsonObject, JsonValue } from './json.ts';
import { MESSAGES } from './proto-messages.ts';

const MAGIC = Buffer.from('k8s\0', 'latin1');

interface FieldSpec {
  readonly name: string;
  /** s, b, i, d, y, or a message. */
  readonly type: string;
  readonly shape: 'one' | 'many' | 'map' | 'inline';
}

type MessageSpec = ReadonlyMap<number, FieldSpec>;

const SHAPES: Readonly<Record<string, FieldSpec['shape']>> = { '*': 'many', '%': 'map', '^': 'inline' };

/** Table rows by message name; a row is read when it is first needed. */
const ROWS: ReadonlyMap<string, string> = new Map(
  MESSAGES.map((line): [string, string] => {
    const at = line.indexOf(' ');
    return at === -1 ? [line, ''] : [line.slice(0, at), line.slice(at + 1)];
  }),
);
const specs = new Map<string, MessageSpec>();

function specOf(name: string): MessageSpec | null {
  const known = specs.get(name);
  const row = ROWS.get(name);
  if (known !== undefined || row === undefined) {
    return known ?? null;
  }
  const spec = new Map<number, FieldSpec>();
  for (const field of row.split(' ').filter((text) => text !== '')) {
    const [fieldName = '', number = '', type = ''] = field.split(':');
    const shape = SHAPES[type.at(-1) ?? ''];
    spec.set(Number(number), {
      name: fieldName,
      type: shape === undefined ? type : type.slice(0, -1),
      shape: shape ?? 'one',
    });
  }
  specs.set(name, spec);
  return spec;
}

/** API groups by the package of their messages, where the two differ. */
const PACKAGES: Readonly<Record<string, string>> = {
  v1: 'core/v1',
  'rbac.authorization.k8s.io/v1': 'rbac/v1',
  'authentication.k8s.io/v1': 'authentication/v1',
  'authorization.k8s.io/v1': 'authorization/v1',
  'coordination.k8s.io/v1': 'coordination/v1',
  'events.k8s.io/v1': 'events/v1',
  'networking.k8s.io/v1': 'networking/v1',
  'discovery.k8s.io/v1': 'discovery/v1',
  'storage.k8s.io/v1': 'storage/v1',
  'certificates.k8s.io/v1': 'certificates/v1',
  'admissionregistration.k8s.io/v1': 'admissionregistration/v1',
  'scheduling.k8s.io/v1': 'scheduling/v1',
  'node.k8s.io/v1': 'node/v1',
  'flowcontrol.apiserver.k8s.io/v1': 'flowcontrol/v1',
  'apiextensions.k8s.io/v1': 'apiextensions/v1',
  'apiregistration.k8s.io/v1': 'apiregistration/v1',
};

/** Reads a body of type application/vnd.kubernetes.protobuf. */
export function parseProtobuf(bytes: Buffer): JsonObject | Unknown {
  if (!bytes.subarray(0, MAGIC.length).equals(MAGIC)) {
    return new Unknown('undecodable');
  }
  const envelope = readMessage(bytes.subarray(MAGIC.length), 'runtime.Unknown', 0);
  if (envelope === null) {
    return new Unknown('undecodable');
  }
  // The envelope's own fields are taken apart by hand: `raw` is bytes here, and JSON elsewhere.
  const { kind, apiVersion, raw, contentType, contentEncoding } = envelope;
  if (typeof kind !== 'string' || typeof apiVersion !== 'string' || typeof raw !== 'string') {
    return new Unknown('undecodable');
  }
  if ((isPresent(contentType) && contentType !== PROTOBUF) || (isPresent(contentEncoding) && contentEncoding !== '')) {
    return new Unknown('undecodable');
  }
  const inner = Buffer.from(raw, 'base64');
  const message = messageName(apiVersion, kind);
  const value = message === null ? null : readMessage(inner, message, 0);
  return value === null ? new Unknown('undecodable') : { ...value, apiVersion, kind };
}

const PROTOBUF = 'application/vnd.kubernetes.protobuf';

function isPresent(value: JsonValue | undefined): boolean {
  return value !== undefined && value !== null && value !== '';
}

function messageName(apiVersion: string, kind: string): string | null {
  // Options are registered under every group and version.
  const names = [
    `${PACKAGES[apiVersion] ?? apiVersion}.${kind}`,
    ...(kind === 'DeleteOptions' ? ['meta/v1.DeleteOptions'] : []),
  ];
  return names.find((name) => /^[A-Z]\w*$/.test(kind) && ROWS.has(name)) ?? null;
}

/** Reads one field after another; positions stay inside `bytes`. */
class Reader {
  readonly bytes: Buffer;
  at = 0;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }

  /** A varint as an unsigned 64-bit number; null when it is cut or too long. */
  varint(): bigint | null {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.bytes[this.at];
      if (byte === undefined) {
        return null;
      }
      this.at += 1;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) {
        return value > 0xffff_ffff_ffff_ffffn ? null : value;
      }
    }
    return null;
  }

  /** What a length stands before. */
  chunk(): Buffer | null {
    const size = this.varint();
    if (size === null || size > BigInt(this.bytes.length - this.at)) {
      return null;
    }
    const start = this.at;
    this.at += Number(size);
    return this.bytes.subarray(start, this.at);
  }

  double(): number | null {
    if (this.bytes.length - this.at < 8) {
      return null;
    }
    this.at += 8;
    return this.bytes.readDoubleLE(this.at - 8);
  }
}

/** The JSON object that a message stands for, or null when it cannot be read in full. */
function readMessage(bytes: Buffer, messageType: string, depth: number): JsonObject | null {
  const spec = specOf(messageType);
  if (spec === null || depth > MAX_DEPTH) {
    return null;
  }
  const fields = new Map<string, JsonValue>();
  const lists = new Map<string, JsonValue[]>();
  const maps = new Map<string, Map<string, JsonValue>>();
  const seen = new Set<number>();
  const reader = new Reader(bytes);
  while (reader.at < bytes.length) {
    const key = reader.varint();
    const field = key === null ? undefined : spec.get(Number(key >> 3n));
    if (key === null || field === undefined) {
      return null;
    }
    const once = field.shape === 'one' || field.shape === 'inline';
    if (once && seen.has(Number(key >> 3n))) {
      return null;
    }
    seen.add(Number(key >> 3n));
    const wire = Number(key & 7n);
    if (field.shape === 'map') {
      const entry = readEntry(reader, wire, field, depth);
      const map = maps.get(field.name) ?? new Map<string, JsonValue>();
      if (entry === null || map.has(entry.key)) {
        return null;
      }
      maps.set(field.name, map.set(entry.key, entry.value));
      continue;
    }
    const value = readValue(reader, wire, field.type, depth);
    if (value === undefined) {
      return null;
    }
    if (field.shape === 'many') {
      append(lists, field.name, value);
      continue;
    }
    for (const [name, inner] of field.shape === 'inline' && isObject(value)
      ? Object.entries(value)
      : [[field.name, value] as const]) {
      fields.set(name, inner);
    }
  }
  const objects = [...maps].map(([key, map]): [string, JsonValue] => [key, Object.fromEntries(map)]);
  return Object.fromEntries([...fields, ...lists, ...objects]);
}

function append(lists: Map<string, JsonValue[]>, name: string, value: JsonValue): void {
  const list = lists.get(name);
  if (list === undefined) {
    lists.set(name, [value]);
  } else {
    list.push(value);
  }
}

interface Entry {
  readonly key: string;
  readonly value: JsonValue;
}

function readEntry(reader: Reader, wire: number, field: FieldSpec, depth: number): Entry | null {
  const bytes = wire === 2 ? reader.chunk() : null;
  if (bytes === null) {
    return null;
  }
  const entry = new Reader(bytes);
  const parts = new Map<number, JsonValue>();
  while (entry.at < bytes.length) {
    const tag = entry.varint();
    const number = tag === null ? 0 : Number(tag >> 3n);
    const value =
      tag === null || (number !== 1 && number !== 2) || parts.has(number)
        ? undefined
        : readValue(entry, Number(tag & 7n), number === 1 ? 's' : field.type, depth);
    if (value === undefined) {
      return null;
    }
    parts.set(number, value);
  }
  const key = parts.get(1) ?? '';
  return typeof key === 'string' ? { key, value: parts.get(2) ?? emptyOf(field.type) } : null;
}

function emptyOf(type: string): JsonValue {
  return { s: '', y: '', i: 0, d: 0, b: false }[type] ?? {};
}

/** One value by its type; undefined when it cannot be read. */
function readValue(reader: Reader, wire: number, type: string, depth: number): JsonValue | undefined {
  if (type === 'd') {
    return wire === 1 ? (reader.double() ?? undefined) : undefined;
  }
  if (type === 'i' || type === 'b') {
    const value = wire === 0 ? reader.varint() : null;
    if (value === null) {
      return undefined;
    }
    return type === 'b' ? value !== 0n : smallInteger(BigInt.asIntN(64, value));
  }
  const bytes = wire === 2 ? reader.chunk() : null;
  if (bytes === null) {
    return undefined;
  }
  switch (type) {
    case 's':
      return decodeUtf8(bytes) ?? undefined;
    case 'y':
      return bytes.toString('base64');
    default:
      return readSpecial(type, bytes, depth);
  }
}

/** Of an int32 the server keeps the low 32 bits, and the table does not tell int32 from int64: nobody sends longer ones. */
function smallInteger(value: bigint): number | undefined {
  return BigInt.asIntN(32, value) === value ? Number(value) : undefined;
}

/** Messages whose JSON form is something else than an object of their fields. */
function readSpecial(type: string, bytes: Buffer, depth: number): JsonValue | undefined {
  const message = readMessage(bytes, type, depth + 1);
  if (message === null) {
    return undefined;
  }
  switch (type) {
    case 'resource.Quantity':
      return message['string'] ?? '';
    case 'intstr.IntOrString':
      return (message['type'] === 1 ? message['strVal'] : message['intVal']) ?? 0;
    case 'meta/v1.Time':
    case 'meta/v1.MicroTime':
      // An unset time is an empty message.
      return typeof message['seconds'] === 'number' ? timeText(message['seconds']) : null;
    case 'meta/v1.FieldsV1':
    case 'apiextensions/v1.JSON':
    case 'runtime.RawExtension':
      return embeddedJson(message['Raw'] ?? message['raw'] ?? '');
    case 'authentication/v1.ExtraValue':
    case 'authorization/v1.ExtraValue':
    case 'certificates/v1.ExtraValue':
      return message['items'] ?? [];
    case 'apiextensions/v1.JSONSchemaPropsOrBool':
      return message['schema'] ?? message['allows'] ?? false;
    case 'apiextensions/v1.JSONSchemaPropsOrArray':
      return message['jSONSchemas'] ?? message['schema'] ?? null;
    case 'apiextensions/v1.JSONSchemaPropsOrStringArray':
      return message['property'] ?? message['schema'] ?? null;
    default:
      return message;
  }
}

function embeddedJson(raw: JsonValue): JsonValue | undefined {
  if (typeof raw !== 'string' || raw === '') {
    return null;
  }
  const value = parseJson(Buffer.from(raw, 'base64').toString('utf8'));
  return value instanceof Unknown ? undefined : value;
}

/** Seconds since 1970 as RFC 3339; by hand (days from civil), since protocol code has no Date. */
function timeText(seconds: number): string {
  const days = Math.floor(seconds / 86_400);
  const rest = seconds - days * 86_400;
  const shifted = days + 719_468;
  const era = Math.floor(shifted / 146_097);
  const dayOfEra = shifted - era * 146_097;
  const yearOfEra = Math.floor(
    (dayOfEra - Math.floor(dayOfEra / 1460) + Math.floor(dayOfEra / 36_524) - Math.floor(dayOfEra / 146_096)) / 365,
  );
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const shiftedMonth = Math.floor((5 * dayOfYear + 2) / 153);
  const day = dayOfYear - Math.floor((153 * shiftedMonth + 2) / 5) + 1;
  const month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9;
  const year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0);
  const clock = [Math.floor(rest / 3600), Math.floor(rest / 60) % 60, rest % 60].map(two).join(':');
  return `${String(year).padStart(4, '0')}-${two(month)}-${two(day)}T${clock}Z`;
}

function two(value: number): string {
  return String(value).padStart(2, '0');
}
