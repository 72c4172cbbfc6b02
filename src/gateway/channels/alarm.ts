// The alarm when somebody decided alone: whom it calls, and its words for every channel. Pure.
import type { Alarm, ApprovalNews } from '../../approvals/notify.ts';
import { isListed } from '../../approvals/stages.ts';
import { sees } from '../../audit/scope.ts';
import { shorten, visible } from '../../lib/text.ts';
import type { People } from './parts.ts';

/** News that go to every channel, whatever it asks to hear. */
export type AlarmNews = Extract<ApprovalNews, { kind: 'break_glass' | 'break_glass_over' }>;

export function isAlarm(news: ApprovalNews): news is AlarmNews {
  return news.kind === 'break_glass' || news.kind === 'break_glass_over';
}

/** Somebody who is called. */
export interface Called {
  /** Operator account, or an entry of the configuration that is no account. */
  readonly name: string;
  /** Slack member id, or "". */
  readonly slack: string;
  readonly email: string;
}

const MAX_CALLED = 50;
const MAX_REASON_CHARS = 500;
const MAX_SUMMARY_CHARS = 200;

/** Every other approver of that approver, and the admins, as far as they see the profile that it was about. */
export function calledBy({ vote, allowed }: Alarm, people: People | null, profile: string): readonly Called[] {
  const all = people?.all() ?? [];
  const called = all.filter((person) => {
    const asked = allowed.length === 0 ? person.decides : isListed(person, allowed);
    return person.name !== vote.by && (person.admin || asked) && sees(person.scope, profile);
  });
  const accounts = called.map(({ name, aliases }) => ({ name, slack: slackOf(aliases), email: emailOf(aliases) }));
  const known = new Set([vote.by, ...all.flatMap(({ name, aliases }) => [name, ...aliases])]);
  // Who is named in the configuration and has no account here can be called all the same.
  const others = allowed
    .filter((entry) => !known.has(entry) && !entry.startsWith('*@') && entry !== 'local')
    .map((entry) => ({ name: entry, slack: slackOf([entry]), email: emailOf([entry]) }));
  return [...accounts, ...others].slice(0, MAX_CALLED);
}

function slackOf(names: readonly string[]): string {
  const id = names.find((name) => name.startsWith('slack:'))?.slice('slack:'.length) ?? '';
  return /^[A-Z0-9]{1,40}$/.test(id) ? id : '';
}

function emailOf(names: readonly string[]): string {
  return names.find((name) => name.includes('@')) ?? '';
}

/** One line: what happened. */
export function alarmTitle(news: AlarmNews): string {
  const { approval, alarm } = news;
  const what = `a ${approval.risk} action on ${approval.endpoint}`;
  return news.kind === 'break_glass'
    ? `BREAK-GLASS: ${alarm.vote.by} decided alone about ${what}`
    : `BREAK-GLASS by ${alarm.vote.by}, what came of it: ${news.outcome}`;
}

/** The rest, a label and a text each. What an agent wrote says so. */
export function alarmLines({ approval, alarm }: AlarmNews): readonly (readonly [string, string])[] {
  const { vote } = alarm;
  return [
    ['reason', shorten(visible(vote.note), MAX_REASON_CHARS)],
    ['by', `${vote.by} via ${vote.via}, ${new Date(vote.atMs).toISOString()}`],
    ['in the place of', vote.breakGlass.approver],
    ['missing', vote.breakGlass.missing.map((one) => visible(one)).join('; ')],
    ['agent', `${approval.agent.device}, profile ${approval.agent.profile}`],
    ["request, the agent's text", shorten(visible(approval.summary), MAX_SUMMARY_CHARS)],
    ['approval', approval.id],
  ];
}
