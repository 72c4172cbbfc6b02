// Durations and sizes as they are written in configuration: "1h30m", "64KiB" (config reference, section 0.1).

const MS_PER_UNIT: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};

/** Go-style duration text to milliseconds, or null when it is not one. A bare "0" is 0. No sign, no spaces. */
export function parseDurationMs(text: string): number | null {
  if (text === '0') {
    return 0;
  }
  const part = /(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)/y;
  let totalMs = 0;
  let at = 0;
  while (at < text.length) {
    part.lastIndex = at;
    const match = part.exec(text);
    if (match === null) {
      return null;
    }
    totalMs += Number(match[1]) * (MS_PER_UNIT[match[2] ?? ''] ?? Number.NaN);
    at = part.lastIndex;
  }
  return text.length > 0 && Number.isFinite(totalMs) ? totalMs : null;
}

const BYTES_PER_UNIT: Readonly<Record<string, number>> = {
  '': 1,
  b: 1,
  k: 1024,
  kib: 1024,
  m: 1024 ** 2,
  mib: 1024 ** 2,
  g: 1024 ** 3,
  gib: 1024 ** 3,
};

/** Size text ("1MiB", "64k", "10") to bytes, or null. Units are binary, in any case; the number is whole and over 0. */
export function parseSizeBytes(text: string): number | null {
  const match = /^(\d{1,15})\s*([A-Za-z]*)$/.exec(text);
  const factor = BYTES_PER_UNIT[(match?.[2] ?? '?').toLowerCase()];
  if (match === null || factor === undefined) {
    return null;
  }
  const bytes = Number(match[1]) * factor;
  return bytes > 0 && Number.isSafeInteger(bytes) ? bytes : null;
}

/** Milliseconds as short text for people: 90000 → "1m30s", 250 → "250ms". */
export function formatDuration(durationMs: number): string {
  if (durationMs < 1000) {
    return `${Math.round(durationMs)}ms`;
  }
  const totalSeconds = Math.round(durationMs / 1000);
  const hours = Math.floor(totalSeconds / 3600);
  const minutes = Math.floor((totalSeconds % 3600) / 60);
  const seconds = totalSeconds % 60;
  const text = (hours > 0 ? `${hours}h` : '') + (minutes > 0 ? `${minutes}m` : '') + (seconds > 0 ? `${seconds}s` : '');
  return text === '' ? '0s' : text;
}
