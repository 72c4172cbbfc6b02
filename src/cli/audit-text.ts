// Audit records as text.
import type { RecordJson } from '../client/control-shapes.ts';
import { shorten, visible } from '../lib/text.ts';
import { factRows } from './approval-text.ts';
import { align } from './printer.ts';

export const AUDIT_HEADINGS: readonly string[] = [
  'TIME',
  'SEQ',
  'VERDICT',
  'RISK',
  'DEVICE',
  'ENDPOINT',
  'RULE',
  'SUMMARY',
];

function dash(value: string | null): string {
  return value === null || value === '' ? '-' : value;
}

/** One record as a row of a list. What is not about an action shows its type where the verdict would stand. */
export function recordRow(record: RecordJson): string[] {
  const decided = record.verdict !== null && record.verdict !== '';
  return [
    record.time,
    String(record.seq),
    decided ? (record.verdict ?? '') : record.type,
    dash(record.risk),
    dash(record.device),
    dash(record.endpoint),
    dash(record.rule),
    shorten((record.summary ?? '').replaceAll(/\s+/g, ' '), 160),
  ];
}

/** One record, whole. */
export function recordLines(record: RecordJson): string[] {
  const rows: [string, string | null][] = [
    ['record', `${record.seq} ${record.type}`],
    ['time', record.time],
    ['action', record.action_id],
    ['session', record.session],
    [
      'agent',
      record.device === null
        ? null
        : `${record.device}, profile ${record.profile ?? '-'}, from ${record.agent_ip ?? '-'}`,
    ],
    ['endpoint', record.endpoint],
    ['risk', record.risk],
    ['verdict', record.verdict],
    ['rule', record.rule],
    ['by', record.by],
    ['approvers', record.approvers.join(', ')],
    ['reason', record.reason],
    ['summary', record.summary],
    ['outcome', record.outcome === null || record.outcome === undefined ? null : JSON.stringify(record.outcome)],
    ['data', record.data === null || record.data === undefined ? null : JSON.stringify(record.data)],
    ['digest', record.digest],
    ['hash', record.hash],
  ];
  const present = rows.filter((row): row is [string, string] => row[1] !== null && row[1] !== '');
  return [...align(present.map(([name, value]) => [name, visible(value)])), ...textLines(record), ...factLines(record)];
}

function textLines(record: RecordJson): string[] {
  if (record.text === null) {
    return [];
  }
  const title = record.text_complete ? 'text' : 'text (CUT: only the beginning was kept; the digest covers the whole)';
  return [
    title,
    ...visible(record.text, true)
      .split('\n')
      .map((line) => `  | ${line}`),
  ];
}

function factLines(record: RecordJson): string[] {
  const rows = factRows(record.facts);
  return rows.length === 0 ? [] : ['facts', ...align(rows).map((line) => `  ${line}`)];
}
