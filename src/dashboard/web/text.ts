// Text that an agent wrote, made safe to read: what cannot be seen is named, and what hides text by its sheer length is folded and counted.
// Also times and durations as the page writes them. Pure.

/** A piece of a line. */
export type Piece =
  | { readonly kind: 'plain'; readonly text: string }
  /** A character that shows nothing or moves what is around it, by its code point. */
  | { readonly kind: 'hidden'; readonly text: string }
  /** A run of spaces that was folded. */
  | { readonly kind: 'folded'; readonly text: string };

export type Line =
  | { readonly kind: 'line'; readonly number: number; readonly pieces: readonly Piece[] }
  /** Empty lines that were folded. */
  | { readonly kind: 'gap'; readonly count: number };

/** Controls, formats (bidi, zero-width), separators, spaces that are not the space, private and unpaired characters; not tab. */
const HIDDEN =
  /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Co}\p{Cs}\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000\u115f\u1160\u3164\uffa0\u2800]/u;
/** More spaces in a row push what follows out of sight. */
const MAX_SPACES = 60;
/** Empty lines in a row that are kept. */
const MAX_BLANK_LINES = 2;
/** More marks on one letter cover the lines around it. */
const MARKS = /(\p{M}{4})\p{M}+/gu;

/** Pieces of one line. */
export function splitLine(line: string): readonly Piece[] {
  const pieces: Piece[] = [];
  let plain = '';
  const flush = (): void => {
    if (plain !== '') {
      pieces.push(...foldSpaces(plain));
      plain = '';
    }
  };
  for (const char of line.replaceAll('\t', '    ').replaceAll(MARKS, '$1\ufffd')) {
    if (HIDDEN.test(char)) {
      flush();
      pieces.push({ kind: 'hidden', text: nameOf(char) });
    } else {
      plain += char;
    }
  }
  flush();
  return pieces;
}

function foldSpaces(text: string): readonly Piece[] {
  return text
    .split(new RegExp(`( {${MAX_SPACES},})`))
    .filter((part) => part !== '')
    .map((part) =>
      part.length >= MAX_SPACES && part.trim() === ''
        ? { kind: 'folded', text: `${count(part.length)} spaces` }
        : { kind: 'plain', text: part },
    );
}

/** `U+202E`. */
function nameOf(char: string): string {
  return `U+${(char.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}`;
}

/** A whole request as lines. Nothing of it is left out: what is folded says how much it is. */
export function splitRequest(text: string): readonly Line[] {
  const lines: Line[] = [];
  let blank = 0;
  const close = (): void => {
    if (blank > MAX_BLANK_LINES) {
      lines.push({ kind: 'gap', count: blank });
    }
  };
  for (const [index, line] of text.split(/\r\n|\n/).entries()) {
    if (line.trim() === '' && !HIDDEN.test(line.trim())) {
      blank += 1;
      continue;
    }
    if (blank > MAX_BLANK_LINES) {
      close();
    } else {
      for (let back = blank; back > 0; back -= 1) {
        lines.push({ kind: 'line', number: index + 1 - back, pieces: [] });
      }
    }
    blank = 0;
    lines.push({ kind: 'line', number: index + 1, pieces: splitLine(line) });
  }
  close();
  return lines;
}

/** `12,345`, the same everywhere. */
export function count(value: number): string {
  return String(Math.round(value)).replaceAll(/\B(?=(\d{3})+$)/g, ',');
}

/** `9 s`, `4 min`, `2 h 05`, `3 d`. */
export function duration(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 60) {
    return `${seconds} s`;
  }
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) {
    return `${minutes} min`;
  }
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ${String(minutes % 60).padStart(2, '0')}` : `${Math.floor(hours / 24)} d`;
}

/** `4:09`, for a countdown. */
export function countdown(ms: number): string {
  const seconds = Math.max(0, Math.ceil(ms / 1000));
  const minutes = Math.floor(seconds / 60);
  return minutes < 60
    ? `${minutes}:${String(seconds % 60).padStart(2, '0')}`
    : `${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, '0')}:${String(seconds % 60).padStart(2, '0')}`;
}

/** `2026-11-22 14:03:09`, in the reader's own zone. */
export function dateTime(iso: string): string {
  const date = new Date(iso);
  return `${day(date)} ${clockTime(iso)}`;
}

/** `2026-11-22`. */
export function dayOf(iso: string): string {
  return day(new Date(iso));
}

/** `14:03:09`. */
export function clockTime(iso: string): string {
  const date = new Date(iso);
  return [date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(':');
}

function day(date: Date): string {
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}

function two(value: number): string {
  return String(value).padStart(2, '0');
}

/** `1.5 KiB`. */
export function bytes(value: number): string {
  return value < 1024
    ? `${value} B`
    : value < 1024 ** 2
      ? `${(value / 1024).toFixed(1)} KiB`
      : `${(value / 1024 ** 2).toFixed(1)} MiB`;
}
