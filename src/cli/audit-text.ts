// Audit records as text.
import type { RecordJson } from '../client/control-shapes.ts';
import { isObject } from '../lib/fields.ts';
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

/** One record as a row of a list. What is no decision shows its type where the verdict would stand. */
export function recordRow(record: RecordJson): string[] {
  return [
    record.time,
    String(record.seq),
    record.type === 'action.decided' ? (record.verdict ?? '') : record.type,
    dash(record.risk),
    whoOf(record),
    dash(record.endpoint),
    dash(record.rule),
    shorten(summaryOf(record).replaceAll(/\s+/g, ' '), MAX_SUMMARY_CHARS),
  ];
}

/** Of an address that is no device's, that address: who looks for what was refused wants to know where it came from. */
function whoOf({ device, agent_ip: address }: RecordJson): string {
  return (device ?? '') === '' && (address ?? '') !== '' ? `from ${address}` : dash(device);
}

const MAX_SUMMARY_CHARS = 120;

/** What the record is about in a line: the outcome where that is the news, what else it carries when it has no words of its own. */
function summaryOf({ type, summary, outcome, data, by }: RecordJson): string {
  if (type === 'action.settled' && isObject(outcome)) {
    const { kind, status, error_code: code } = outcome;
    return [kind, status, code].filter((part) => typeof part === 'string' && part !== '').join(' ');
  }
  if (summary !== null && summary !== '') {
    return summary;
  }
  return isObject(data)
    ? [by === 'gateway' ? '' : (by ?? ''), ...detailRows(data).map(([name, value]) => `${name}=${value}`)]
        .join(' ')
        .trim()
    : '';
}

/** What a record carries beside its columns, as rows; an approval is told by its id and state. */
function detailRows(data: Readonly<Record<string, unknown>>): [string, string][] {
  return Object.entries(data).flatMap(([name, value]): [string, string][] => {
    if (name !== 'approval' || !isObject(value)) {
      return [[name, typeof value === 'string' ? value : JSON.stringify(value)]];
    }
    const { id, state, ended, votes, effect } = value;
    const lines = isObject(effect) && Array.isArray(effect['lines']) ? effect['lines'].map(String).join('; ') : '';
    const voted = Array.isArray(votes) ? votes.filter(isObject).map(voteText).join('; ') : '';
    return [
      ['approval', `${String(id)} ${String(state)}`],
      ...(lines === '' ? [] : ([['effect', lines]] as [string, string][])),
      ...(voted === '' ? [] : ([['votes', voted]] as [string, string][])),
      ...(typeof ended === 'string' && ended !== '' ? ([['ended', ended]] as [string, string][]) : []),
    ];
  });
}

function voteText({ by, decision, note }: Readonly<Record<string, unknown>>): string {
  const said = typeof note === 'string' && note !== '' ? ` (${note})` : '';
  return `${String(by)}: ${String(decision)}${said}`;
}

/** One record, whole. */
export function recordLines(record: RecordJson): string[] {
  const agent = `${record.device ?? '-'}, profile ${record.profile ?? '-'}, from ${record.agent_ip ?? '-'}`;
  const rows: [string, string | null][] = [
    ['record', `${record.seq} ${record.type}`],
    ['time', record.time],
    ['action', record.action_id],
    ['session', record.session],
    ['agent', record.device === null ? null : agent],
    ['endpoint', record.endpoint],
    ['risk', record.risk],
    ['verdict', record.verdict],
    ['rule', record.rule],
    ['by', record.by],
    ['approvers', record.approvers.join(', ')],
    ['reason', record.reason],
    ['summary', record.summary],
    ...(isObject(record.outcome) ? [['outcome', JSON.stringify(record.outcome)] as [string, string]] : []),
    ...(isObject(record.data) ? detailRows(record.data) : []),
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

/** Facts stand with the decision; the records around it repeat them. */
function factLines(record: RecordJson): string[] {
  const rows = record.type === 'action.decided' ? factRows(record.facts) : [];
  return rows.length === 0 ? [] : ['facts', ...align(rows).map((line) => `  ${line}`)];
}
