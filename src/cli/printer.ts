// Output for people and machines: JSON lines, lists that are tables on a terminal and tab-separated elsewhere, colour.
import { once } from 'node:events';
import { visible } from '../lib/text.ts';
import type { Io } from './io.ts';

export type Colour = 'red' | 'green' | 'yellow' | 'dim' | 'bold';

/** SGR numbers. `util.styleText` looks at the process's own stream on newer Node, and a verb writes to the one it was given. */
const SGR: Readonly<Record<Colour, number>> = { red: 31, green: 32, yellow: 33, dim: 2, bold: 1 };

/** Writes a verb's results. Text from agents must go through `visible` (lists do it themselves). */
export interface Printer {
  readonly json: boolean;
  /** Standard output is a terminal. */
  readonly terminal: boolean;
  line(text: string): void;
  /** A complaint, on standard error. */
  complain(text: string): void;
  object(value: unknown): void;
  /** Rows under headings: padded columns with headings on a terminal, tab-separated without them elsewhere. */
  table(headings: readonly string[], rows: readonly (readonly string[])[]): void;
  /** One row as it would stand in a table, with fixed separators: for lists that never end. */
  row(cells: readonly string[]): void;
  paint(colour: Colour, text: string): string;
  /** Resolves when what was written may be followed by more (back-pressure for long outputs). */
  ready(): Promise<void>;
}

/** Makes the printer for one call of a verb. */
export function createPrinter(io: Io, options: Readonly<Record<string, unknown>>): Printer {
  const terminal = io.stdout.isTTY === true;
  const coloured = terminal && options['color'] !== false && (io.env['NO_COLOR'] ?? '') === '';
  const line = (text: string): void => {
    io.stdout.write(`${text}\n`);
  };
  const paint = (colour: Colour, text: string): string => (coloured ? `\u001b[${SGR[colour]}m${text}\u001b[0m` : text);
  return {
    json: options['json'] === true,
    terminal,
    line,
    complain: (text) => {
      io.stderr.write(`${text}\n`);
    },
    object: (value) => line(JSON.stringify(value)),
    table: (headings, rows) => {
      const clean = rows.map((row) => row.map((cell) => visible(cell)));
      if (!terminal) {
        clean.forEach((row) => line(row.join('\t')));
        return;
      }
      const [head = '', ...lines] = align([headings, ...clean]);
      line(paint('bold', head));
      lines.forEach(line);
      if (lines.length === 0) {
        line(paint('dim', 'none'));
      }
    },
    row: (cells) => line(cells.map((cell) => visible(cell)).join(terminal ? '  ' : '\t')),
    paint,
    ready: async () => {
      if (io.stdout.writableNeedDrain) {
        await once(io.stdout, 'drain');
      }
    },
  };
}

/** Pads every column but the last to its widest cell, two spaces between. */
export function align(rows: readonly (readonly string[])[]): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((cell, column) => {
      widths[column] = Math.max(widths[column] ?? 0, cell.length);
    });
  }
  return rows.map((row) =>
    row.map((cell, column) => (column === row.length - 1 ? cell : cell.padEnd(widths[column] ?? 0))).join('  '),
  );
}

/** Milliseconds as a short age for a list: `45s`, `12m`, `3h`, `2d`. */
export function formatAge(ageMs: number): string {
  const seconds = Math.max(0, Math.floor(ageMs / 1000));
  if (seconds < 120) {
    return `${seconds}s`;
  }
  const minutes = Math.floor(seconds / 60);
  if (minutes < 120) {
    return `${minutes}m`;
  }
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours}h` : `${Math.floor(hours / 24)}d`;
}
