// `audit export`: records as JSON lines, as CSV, or as a bundle that can be verified without the store. Reads page by page, so an
// export of any length holds one page in memory.
import { visible } from '../lib/text.ts';
import { bundleEnd } from './bundle.ts';
import type { BundleRange } from './bundle.ts';
import { lineOf, parseBody } from './canonical.ts';
import type { BodyJson } from './canonical.ts';
import type { AuditFilter } from './event.ts';
import type { PageRequest, Row } from './queries.ts';

export type ExportFormat = 'jsonl' | 'csv' | 'bundle';

/** Where an export reads: the reader thread. */
export interface ExportSource {
  rows(
    filter: AuditFilter,
    page: PageRequest,
  ): Promise<{ readonly rows: readonly Row[]; readonly next: string | null }>;
  /** The run of records that a bundle of these matches needs, ending at a signed checkpoint; null when nothing matches. */
  bundle(filter: AuditFilter): Promise<{ readonly range: BundleRange; readonly head: readonly string[] } | null>;
  /** Stored rows of a run, oldest first. */
  between(from: number, to: number): Promise<readonly Row[]>;
}

const PAGE = 500;

/** Text to be written one piece after the other; each piece ends with a line end. */
export async function* exportRecords(
  source: ExportSource,
  filter: AuditFilter,
  format: ExportFormat,
): AsyncGenerator<string> {
  switch (format) {
    case 'bundle':
      if (filter.within !== undefined) {
        // Whole from the first record to the last, so also with what is not within.
        throw new Error('a bundle has records of every profile');
      }
      yield* exportBundle(source, filter);
      return;
    case 'csv':
      yield `${CSV_COLUMNS.join(',')}\r\n`;
      yield* exportPages(source, filter, (row) => `${csvLine(row)}\r\n`);
      return;
    case 'jsonl':
      yield* exportPages(source, filter, (row) => `${lineOf(row.body, row.prev, row.hash)}\n`);
      return;
  }
}

async function* exportPages(
  source: ExportSource,
  filter: AuditFilter,
  format: (row: Row) => string,
): AsyncGenerator<string> {
  let cursor: string | null = null;
  do {
    const page: Awaited<ReturnType<ExportSource['rows']>> = await source.rows(filter, {
      limit: PAGE,
      cursor,
      newestFirst: false,
    });
    if (page.rows.length > 0) {
      yield page.rows.map(format).join('');
    }
    cursor = page.next;
  } while (cursor !== null);
}

async function* exportBundle(source: ExportSource, filter: AuditFilter): AsyncGenerator<string> {
  const bundle = await source.bundle(filter);
  if (bundle === null) {
    return;
  }
  yield `${bundle.head.join('\n')}\n`;
  const { from, to } = bundle.range;
  for (let at = from; at <= to; at += PAGE) {
    const rows = await source.between(at, Math.min(to, at + PAGE - 1));
    yield rows.map((row) => `${lineOf(row.body, row.prev, row.hash)}\n`).join('');
  }
  yield `${bundleEnd(bundle.range)}\n`;
}

const CSV_COLUMNS = [
  'seq',
  'time',
  'type',
  'verdict',
  'risk',
  'device',
  'profile',
  'run',
  'agent_ip',
  'endpoint',
  'family',
  'rule',
  'approvers',
  'by',
  'reason',
  'summary',
  'action_id',
  'digest',
  'outcome',
  'hash',
] as const;

function csvLine(row: Row): string {
  const body = parseBody(row.body);
  return CSV_COLUMNS.map((column) => (body === null ? '' : csvCell(cellOf(body, row, column)))).join(',');
}

function cellOf(body: BodyJson, row: Row, column: (typeof CSV_COLUMNS)[number]): string {
  if (column === 'hash') {
    return row.hash;
  }
  if (column === 'approvers') {
    return body.approvers.join(' ');
  }
  if (column === 'outcome') {
    return body.outcome === null ? '' : JSON.stringify(body.outcome);
  }
  return String(body[column] ?? '');
}

/**
 * A cell that stays on its line and stays text: control characters become visible, and what a spreadsheet would take for a formula
 * gets an apostrophe in front. Agents choose these texts, and people open them in spreadsheets.
 */
function csvCell(text: string): string {
  const shown = visible(text);
  const safe = /^[=+\-@]/.test(shown) ? `'${shown}` : shown;
  return /[",]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
