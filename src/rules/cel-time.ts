// Timestamps and durations as CEL has them, in nanoseconds. The calendar is computed here (proleptic Gregorian, RFC 3339),
// because Date knows milliseconds only and its local getters depend on the machine's zone. Only named zones ask Intl.
import { dateOf, daysOf } from '../lib/calendar.ts';

const NS_PER_MS = 1_000_000n;
const NS_PER_SECOND = 1_000_000_000n;
const SECONDS_PER_DAY = 86_400;
/** 0001-01-01T00:00:00Z and 9999-12-31T23:59:59Z, the range of CEL's timestamps. */
const MIN_SECONDS = -62_135_596_800n;
const MAX_SECONDS = 253_402_300_799n;
/** Durations are 64 bits of nanoseconds, about 292 years. */
const MAX_DURATION_NS = 2n ** 63n - 1n;

export class Timestamp {
  readonly ns: bigint;

  private constructor(ns: bigint) {
    this.ns = ns;
  }

  static ofMs(ms: number): Timestamp {
    return new Timestamp(BigInt(Math.floor(ms)) * NS_PER_MS);
  }

  /** Null outside the years 1 to 9999. */
  static of(ns: bigint): Timestamp | null {
    const seconds = floorDivide(ns, NS_PER_SECOND);
    return seconds < MIN_SECONDS || seconds > MAX_SECONDS ? null : new Timestamp(ns);
  }
}

export class Duration {
  readonly ns: bigint;

  private constructor(ns: bigint) {
    this.ns = ns;
  }

  /** Null outside CEL's range. */
  static of(ns: bigint): Duration | null {
    return ns < -MAX_DURATION_NS || ns > MAX_DURATION_NS ? null : new Duration(ns);
  }
}

function floorDivide(value: bigint, by: bigint): bigint {
  const quotient = value / by;
  return value % by < 0n ? quotient - 1n : quotient;
}

const RFC3339 = /^(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(?:([Zz])|([+-])(\d\d):(\d\d))$/;

/** RFC 3339 text to an instant, or null. */
export function parseTimestamp(text: string): Timestamp | null {
  const match = RFC3339.exec(text);
  if (match === null) {
    return null;
  }
  const part = (index: number): number => Number(match[index] ?? 0);
  const [year, month, day, hour, minute, second] = [part(1), part(2), part(3), part(4), part(5), part(6)];
  const inRange =
    month >= 1 && month <= 12 && day >= 1 && day <= daysInMonth(year, month) && hour < 24 && minute < 60 && second < 60;
  if (!inRange || part(10) > 23 || part(11) > 59) {
    return null;
  }
  const offset = (part(10) * 60 + part(11)) * 60 * (match[9] === '-' ? -1 : 1);
  const seconds = daysOf({ year, month, day }) * SECONDS_PER_DAY + hour * 3600 + minute * 60 + second - offset;
  return Timestamp.of(BigInt(seconds) * NS_PER_SECOND + BigInt((match[7] ?? '').padEnd(9, '0')));
}

function daysInMonth(year: number, month: number): number {
  const leap = (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
  return month === 2 ? (leap ? 29 : 28) : [4, 6, 9, 11].includes(month) ? 30 : 31;
}

/** A wall-clock reading. `month` and `dayOfMonth` are 1-based, `dayOfWeek` is 0 on Sunday, `dayOfYear` 0-based. */
export interface Civil {
  readonly year: number;
  readonly month: number;
  readonly dayOfMonth: number;
  readonly dayOfWeek: number;
  readonly dayOfYear: number;
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
  readonly millisecond: number;
}

/** Wall clock of an instant in UTC shifted by `offsetSeconds`. */
function civilOf(ns: bigint, offsetSeconds: number): Civil {
  const seconds = Number(floorDivide(ns, NS_PER_SECOND)) + offsetSeconds;
  const days = Math.floor(seconds / SECONDS_PER_DAY);
  const inDay = seconds - days * SECONDS_PER_DAY;
  const { year, month, day } = dateOf(days);
  const nanos = ns - floorDivide(ns, NS_PER_SECOND) * NS_PER_SECOND;
  return {
    year,
    month,
    dayOfMonth: day,
    dayOfWeek: (((days + 4) % 7) + 7) % 7,
    dayOfYear: days - daysOf({ year, month: 1, day: 1 }),
    hour: Math.floor(inDay / 3600),
    minute: Math.floor((inDay % 3600) / 60),
    second: inDay % 60,
    millisecond: Number(nanos / NS_PER_MS),
  };
}

/** Wall clock in a zone: "" or "UTC", a fixed offset ("+02:00"), an IANA name. Null when there is no such zone. */
export function civilIn(time: Timestamp, zone: string): Civil | null {
  const offset = zone === '' || zone === 'UTC' ? 0 : zoneOffsetSeconds(time, zone);
  return offset === null ? null : civilOf(time.ns, offset);
}

const FIXED_OFFSET = /^([+-]?)(\d\d):(\d\d)$/;

function zoneOffsetSeconds(time: Timestamp, zone: string): number | null {
  const fixed = FIXED_OFFSET.exec(zone);
  if (fixed !== null) {
    const seconds = (Number(fixed[2]) * 60 + Number(fixed[3])) * 60;
    return seconds >= SECONDS_PER_DAY ? null : fixed[1] === '-' ? -seconds : seconds;
  }
  const format = formatterOf(zone);
  if (format === null) {
    return null;
  }
  const wholeMs = Number(floorDivide(time.ns, NS_PER_SECOND)) * 1000;
  const parts = new Map(format.formatToParts(wholeMs).map(({ type, value }) => [type, value]));
  const part = (type: Intl.DateTimeFormatPartTypes): number => Number(parts.get(type) ?? 0);
  const era = parts.get('era') === 'BC' ? 1 - part('year') : part('year');
  const days = daysOf({ year: era, month: part('month'), day: part('day') });
  return days * SECONDS_PER_DAY + part('hour') * 3600 + part('minute') * 60 + part('second') - wholeMs / 1000;
}

/** Making a formatter costs a hundred times what using it does. Zones that do not exist are not kept. */
const formatters = new Map<string, Intl.DateTimeFormat>();
const MAX_FORMATTERS = 32;

function formatterOf(zone: string): Intl.DateTimeFormat | null {
  const known = formatters.get(zone);
  if (known !== undefined) {
    return known;
  }
  try {
    const format = new Intl.DateTimeFormat('en-US', {
      timeZone: zone,
      calendar: 'gregory',
      hourCycle: 'h23',
      era: 'short',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    });
    if (formatters.size >= MAX_FORMATTERS) {
      formatters.clear();
    }
    formatters.set(zone, format);
    return format;
  } catch {
    return null;
  }
}

const DURATION_PART = /(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)/y;

const NS_PER_UNIT: Readonly<Record<string, bigint>> = {
  ns: 1n,
  us: 1000n,
  µs: 1000n,
  ms: NS_PER_MS,
  s: NS_PER_SECOND,
  m: 60n * NS_PER_SECOND,
  h: 3600n * NS_PER_SECOND,
};

/** Go-style duration text ("-1h30m", "1.5s"), or null. */
export function parseDuration(text: string): Duration | null {
  const negative = text.startsWith('-');
  let at = negative || text.startsWith('+') ? 1 : 0;
  if (text.slice(at) === '0') {
    return Duration.of(0n);
  }
  if (at === text.length || text.length > 64) {
    return null;
  }
  let total = 0n;
  while (at < text.length) {
    DURATION_PART.lastIndex = at;
    const match = DURATION_PART.exec(text);
    if (match === null) {
      return null;
    }
    const [whole = '', fraction = ''] = (match[1] ?? '').split('.');
    const unit = NS_PER_UNIT[match[2] ?? ''] ?? 0n;
    total += BigInt(whole === '' ? 0 : whole) * unit + (BigInt(`0${fraction}`) * unit) / 10n ** BigInt(fraction.length);
    at = DURATION_PART.lastIndex;
  }
  return Duration.of(negative ? -total : total);
}

function two(value: number): string {
  return String(value).padStart(2, '0');
}

/** RFC 3339 in UTC, fraction without trailing zeros. */
export function formatTimestamp({ ns }: Timestamp): string {
  const at = civilOf(ns, 0);
  const fraction = String(ns - floorDivide(ns, NS_PER_SECOND) * NS_PER_SECOND)
    .padStart(9, '0')
    .replace(/0+$/, '');
  const date = `${String(at.year).padStart(4, '0')}-${two(at.month)}-${two(at.dayOfMonth)}`;
  return `${date}T${two(at.hour)}:${two(at.minute)}:${two(at.second)}${fraction === '' ? '' : `.${fraction}`}Z`;
}

/** Seconds with an "s", as protobuf's JSON writes durations. */
export function formatDuration({ ns }: Duration): string {
  const absolute = ns < 0n ? -ns : ns;
  const fraction = String(absolute % NS_PER_SECOND)
    .padStart(9, '0')
    .replace(/0+$/, '');
  return `${ns < 0n ? '-' : ''}${absolute / NS_PER_SECOND}${fraction === '' ? '' : `.${fraction}`}s`;
}
