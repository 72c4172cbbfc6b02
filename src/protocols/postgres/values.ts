// Bound parameters as text, as far as they can be read: text format always, binary format for the built-in scalar types
// (their send functions in the server's source are the specification). Anything else is opaque, never guessed.
import { dateOf } from '../../lib/calendar.ts';
import type { ParameterValue } from '../sql/analysis.ts';
import type { RawParameter } from './messages.ts';

const OPAQUE: ParameterValue = { kind: 'opaque' };
const NULL: ParameterValue = { kind: 'null' };
const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The value of a parameter whose type has this OID (0 = not known). */
export function decodeParameter(parameter: RawParameter, oid: number): ParameterValue {
  const { bytes, binary } = parameter;
  if (bytes === null) {
    return NULL;
  }
  const text = binary ? decodeBinary(bytes, oid) : decodeText(bytes);
  return text === null ? OPAQUE : { kind: 'text', text };
}

function decodeText(bytes: Buffer): string | null {
  try {
    return UTF8.decode(bytes);
  } catch {
    return null;
  }
}

function decodeBinary(bytes: Buffer, oid: number): string | null {
  switch (oid) {
    case 16: // bool
      return bytes.length === 1 ? (bytes[0] === 0 ? 'f' : 't') : null;
    case 17: // bytea
      return `\\x${bytes.toString('hex')}`;
    case 21: // int2
      return bytes.length === 2 ? String(bytes.readInt16BE(0)) : null;
    case 23: // int4
      return bytes.length === 4 ? String(bytes.readInt32BE(0)) : null;
    case 20: // int8
      return bytes.length === 8 ? String(bytes.readBigInt64BE(0)) : null;
    case 26: // oid
      return bytes.length === 4 ? String(bytes.readUInt32BE(0)) : null;
    case 700: // float4
      return bytes.length === 4 ? shortestFloat4(bytes.readFloatBE(0)) : null;
    case 701: // float8
      return bytes.length === 8 ? String(bytes.readDoubleBE(0)) : null;
    case 1700:
      return decodeNumeric(bytes);
    case 1082:
      return bytes.length === 4 ? dateText(bytes.readInt32BE(0)) : null;
    case 1083:
      return bytes.length === 8 ? timeText(bytes.readBigInt64BE(0)) : null;
    case 1114:
      return bytes.length === 8 ? timestampText(bytes.readBigInt64BE(0), '') : null;
    case 1184:
      return bytes.length === 8 ? timestampText(bytes.readBigInt64BE(0), '+00') : null;
    case 2950: // uuid
      return bytes.length === 16
        ? bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
        : null;
    case 3802: // jsonb: a version byte, then text
      return bytes[0] === 1 ? decodeText(bytes.subarray(1)) : null;
    case 18: // "char"
    case 19: // name
    case 25: // text
    case 114: // json
    case 142: // xml
    case 705: // unknown
    case 1042: // bpchar
    case 1043: // varchar
      return decodeText(bytes);
    default:
      return null;
  }
}

/** The shortest decimal that reads back as the same single. */
function shortestFloat4(value: number): string {
  for (let digits = 6; digits < 9; digits += 1) {
    const text = value.toPrecision(digits);
    if (Math.fround(Number(text)) === value) {
      return String(Number(text));
    }
  }
  return String(Number(value.toPrecision(9)));
}

/** numeric_send: digit count, weight, sign, display scale, then base-10000 digits. */
function decodeNumeric(bytes: Buffer): string | null {
  if (bytes.length < 8 || bytes.length !== 8 + bytes.readUInt16BE(0) * 2) {
    return null;
  }
  const count = bytes.readUInt16BE(0);
  const weight = bytes.readInt16BE(2);
  const sign = bytes.readUInt16BE(4);
  const scale = bytes.readUInt16BE(6);
  if (sign !== 0 && sign !== 0x4000) {
    return sign === 0xc000 ? 'NaN' : sign === 0xd000 ? 'Infinity' : sign === 0xf000 ? '-Infinity' : null;
  }
  const digit = (index: number): string =>
    String(index >= 0 && index < count ? bytes.readUInt16BE(8 + index * 2) : 0).padStart(4, '0');
  let whole = '';
  for (let index = 0; index <= weight; index += 1) {
    whole += digit(index);
  }
  let fraction = '';
  for (let index = weight + 1; fraction.length < scale; index += 1) {
    fraction += digit(index);
  }
  const text = whole.replace(/^0+(?=\d)/, '') || '0';
  return `${sign === 0 ? '' : '-'}${text}${scale > 0 ? `.${fraction.slice(0, scale)}` : ''}`;
}

/** Days from 1970-01-01 to 2000-01-01, where PostgreSQL counts from. */
const DAYS_TO_2000 = 10_957;
const DAY_MICROSECONDS = 86_400_000_000n;
const INT64_MAX = 2n ** 63n - 1n;

/** Days since 2000-01-01 as an ISO date. Years before 1 are opaque: their text form has a suffix that nothing here needs. */
function dateText(days: number): string | null {
  if (days === 0x7fff_ffff) {
    return 'infinity';
  }
  if (days === -0x8000_0000) {
    return '-infinity';
  }
  const { year, month, day } = dateOf(days + DAYS_TO_2000);
  return year < 1 ? null : `${String(year).padStart(4, '0')}-${two(month)}-${two(day)}`;
}

/** Microseconds of a day. */
function timeText(microseconds: bigint): string | null {
  if (microseconds < 0n || microseconds > DAY_MICROSECONDS) {
    return null;
  }
  const seconds = Number(microseconds / 1_000_000n);
  const rest = Number(microseconds % 1_000_000n);
  const fraction = rest === 0 ? '' : `.${String(rest).padStart(6, '0').replace(/0+$/, '')}`;
  return `${two(Math.floor(seconds / 3600))}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}${fraction}`;
}

/** Microseconds since 2000-01-01 00:00. */
function timestampText(microseconds: bigint, zone: string): string | null {
  if (microseconds === INT64_MAX) {
    return 'infinity';
  }
  if (microseconds === -INT64_MAX - 1n) {
    return '-infinity';
  }
  const ofDay = ((microseconds % DAY_MICROSECONDS) + DAY_MICROSECONDS) % DAY_MICROSECONDS;
  const date = dateText(Number((microseconds - ofDay) / DAY_MICROSECONDS));
  return date === null ? null : `${date} ${timeText(ofDay) ?? ''}${zone}`;
}

function two(value: number): string {
  return String(value).padStart(2, '0');
}
