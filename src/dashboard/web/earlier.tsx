// What an agent did, newest first, each action once and in one line: on the card of what waits, and on the page of agents.
import type { VNode } from 'preact';
import type { RecordRowJson } from '../../client/control-shapes.ts';
import { AgentText, Verdict } from './parts.tsx';
import { clockTime, dateTime } from './text.ts';

/** Actions that are shown. */
const MAX_SHOWN = 8;
/** Records to ask for: an action that waited for people has two. */
export const EARLIER_RECORDS = 20;

/** The last word about each action of a list of records of decisions, newest first. */
export function latestOf(rows: readonly RecordRowJson[]): readonly RecordRowJson[] {
  return rows
    .filter((row, at) => rows.findIndex((other) => other.action_id === row.action_id) === at)
    .slice(0, MAX_SHOWN);
}

export function Earlier({ rows }: { readonly rows: readonly RecordRowJson[] }): VNode {
  return (
    <ol class="before">
      {rows.map((row) => (
        <li key={row.seq}>
          <time dateTime={row.time} title={dateTime(row.time)}>
            {clockTime(row.time)}
          </time>
          <Verdict verdict={row.verdict} />
          <AgentText text={row.summary ?? ''} />
        </li>
      ))}
    </ol>
  );
}
