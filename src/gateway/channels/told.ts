// An approval as data for programs at the other end of a channel. What an agent, an outsider or a model wrote stands under a name that says
// so. Pure.
import type { Approval } from '../../approvals/approval.ts';
import type { ApprovalNews } from '../../approvals/notify.ts';
import type { Ref } from '../../config/config.ts';
import { isAlarm, type AlarmNews, type Called } from './alarm.ts';

/** Of the request; where it is cut is said. */
const MAX_TOLD_CHARS = 64 * 1024;

export interface ToldParts {
  readonly notifier: Ref;
  readonly nowMs: number;
  readonly link: string | null;
  readonly include: 'summary' | 'full';
  /** The approver's `message`, filled in; null without one. */
  readonly message: string | null;
  /** Whom an alarm calls. */
  readonly called?: readonly Called[];
}

/** What one piece of news says. */
export function describeNews(news: ApprovalNews, parts: ToldParts): Readonly<Record<string, unknown>> {
  const { approval } = news;
  return {
    type: `approval.${news.kind}`,
    sent: isoOf(parts.nowMs),
    notifier: parts.notifier,
    ...('asked' in news ? { asked: { approver: news.asked.approver, required: news.asked.required } } : {}),
    ...(isAlarm(news) ? { break_glass: describeAlarm(news, parts.called ?? []) } : {}),
    ...(news.kind === 'asked' && news.previous !== null ? { previous: news.previous } : {}),
    ...(news.kind === 'reminded' ? { reminder: news.number } : {}),
    message: parts.message,
    link: parts.link,
    approval: describeApproval(approval, parts.include),
  };
}

function describeAlarm(news: AlarmNews, called: readonly Called[]): Readonly<Record<string, unknown>> {
  const { vote } = news.alarm;
  return {
    by: vote.by,
    via: vote.via,
    at: isoOf(vote.atMs),
    reason: vote.note,
    approver: vote.breakGlass.approver,
    missing: vote.breakGlass.missing,
    call: called,
    ...(news.kind === 'break_glass_over' ? { outcome: news.outcome } : {}),
  };
}

function describeApproval(approval: Approval, include: 'summary' | 'full'): Readonly<Record<string, unknown>> {
  const { agent, request } = approval;
  return {
    id: approval.id,
    action_id: approval.actionId,
    state: approval.state,
    created: isoOf(approval.createdMs),
    expires: isoOf(approval.expiresMs),
    decided: approval.decidedMs === null ? null : isoOf(approval.decidedMs),
    ended: approval.ended,
    agent: { device: agent.device, profile: agent.profile, run: agent.run, user: agent.user, ip: agent.ip },
    endpoint: approval.endpoint,
    family: approval.family,
    risk: approval.risk,
    risk_causes: approval.riskCauses,
    rule: approval.rule,
    reason: approval.reason,
    alike: approval.alike,
    in_transaction: approval.inTransaction,
    summary: approval.summary,
    request: { digest: request.digest, bytes: request.sizeBytes, ...requestText(approval, include) },
    measured: approval.effect?.lines ?? null,
    incident_text: approval.alert,
    agent_words: approval.words,
    model_words: approval.reviews.map(({ approver, model, answer, risk, reasons }) => ({
      approver,
      model,
      answer,
      risk,
      reasons,
    })),
    votes: approval.votes.map(({ by, via, decision, note, atMs, breakGlass }) => ({
      by,
      via,
      decision,
      note,
      at: isoOf(atMs),
      break_glass: breakGlass !== undefined,
    })),
  };
}

function requestText({ request }: Approval, include: 'summary' | 'full'): Readonly<Record<string, unknown>> {
  if (include === 'summary') {
    return { whole: false, shown: 'none' };
  }
  const text = request.text.slice(0, MAX_TOLD_CHARS);
  const whole = request.complete && text.length === request.text.length;
  return {
    whole,
    shown: whole ? 'whole' : `cut after ${text.length} of ${request.text.length} characters`,
    text,
    parameters: request.parameters,
  };
}

function isoOf(ms: number): string {
  return new Date(ms).toISOString();
}
