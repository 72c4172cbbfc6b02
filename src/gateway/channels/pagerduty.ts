// PagerDuty as a channel: an alert while a request waits (Events API v2), and a note on the incident that the agent works on (REST API).
// Nothing comes back from it: people decide elsewhere.
import type { Approval } from '../../approvals/approval.ts';
import type { ApprovalNews, Asked } from '../../approvals/notify.ts';
import type { NamedBlock, Ref } from '../../config/config.ts';
import { shorten, visible } from '../../lib/text.ts';
import { alarmLines, alarmTitle, calledBy, isAlarm, type AlarmNews } from './alarm.ts';
import { createOutbox, type Delivery, type Outbox } from './outbox.ts';
import { fillMessage, linkTo, numberOf, textOf, wants, type Channel, type ChannelParts } from './parts.ts';
import { describeNews } from './told.ts';
import { checkStatus } from './webhook.ts';

const PAGERDUTY_EVENTS_URL = 'https://events.pagerduty.com';
export const PAGERDUTY_URL = 'https://api.pagerduty.com';
/** The API's own limits. */
const MAX_SUMMARY_CHARS = 1_000;
const MAX_NOTE_CHARS = 2_000;
const TELL_TIMEOUT_MS = 5_000;

export function createPagerDutyNotifier(block: NamedBlock, parts: ChannelParts): Channel {
  return new PagerDuty(block, parts);
}

type AskedNews = Extract<ApprovalNews, { readonly asked: Asked }>;

class PagerDuty implements Channel {
  readonly #block: NamedBlock;
  readonly #parts: ChannelParts;
  readonly #outbox: Outbox;
  readonly #ref: Ref;

  constructor(block: NamedBlock, parts: ChannelParts) {
    this.#block = block;
    this.#parts = parts;
    this.#ref = block.ref;
    this.#outbox = createOutbox({ clock: parts.clock, failed: (key, why) => parts.failed(this.#ref, key, why) });
  }

  tell(news: ApprovalNews): void {
    const { approval } = news;
    if (isAlarm(news)) {
      this.#alarm(news);
      return;
    }
    const ended = news.kind === 'decided';
    if (!wants(this.#block, approval.state) || (!ended && news.kind !== 'asked')) {
      return;
    }
    if (textOf(this.#block, 'routing_key') !== null && (!ended || this.#block.attributes['resolve'] !== false)) {
      const event = ended ? { event_action: 'resolve' } : this.#trigger(news);
      this.#send(approval, 'events', (signal) => this.#enqueue({ ...event, dedup_key: approval.id }, signal));
    }
    const incident = pagerDutyIncident(approval);
    if (textOf(this.#block, 'credential') !== null && incident !== '') {
      const note = noteOf(approval, linkTo(this.#parts.publicUrl(), approval.id));
      this.#send(approval, 'note', (signal) => this.#note(incident, note, signal));
    }
  }

  drain(limitMs: number): Promise<void> {
    return this.#outbox.drain(limitMs);
  }

  close(): void {
    this.#outbox.close();
  }

  /** Events and notes do not wait for each other. */
  #send(approval: Approval, what: string, run: Delivery['run']): void {
    const timeoutMs = numberOf(this.#block, 'timeout', TELL_TIMEOUT_MS);
    this.#outbox.send({ key: `${approval.id} ${what}`, kind: null, timeoutMs, run });
  }

  /** An alert of its own that no decision resolves: somebody has to look at it. What came of it joins the same alert. */
  #alarm(news: AlarmNews): void {
    const { approval } = news;
    if (textOf(this.#block, 'routing_key') !== null) {
      const event = { event_action: 'trigger', dedup_key: `${approval.id} break-glass`, ...this.#alert(news) };
      this.#send(approval, 'alarm', (signal) => this.#enqueue(event, signal));
    }
    const incident = pagerDutyIncident(approval);
    if (textOf(this.#block, 'credential') !== null && incident !== '') {
      const lines = [alarmTitle(news), ...alarmLines(news).map(([label, text]) => `${label}: ${text}`)];
      const note = shorten(lines.join('\n'), MAX_NOTE_CHARS);
      this.#send(approval, 'note', (signal) => this.#note(incident, note, signal));
    }
  }

  #alert(news: AlarmNews): Readonly<Record<string, unknown>> {
    const { approval, alarm } = news;
    const { people, publicUrl, clock } = this.#parts;
    const link = linkTo(publicUrl(), approval.id);
    const called = calledBy(alarm, people(), approval.agent.profile);
    const told = { notifier: this.#ref, nowMs: clock.now(), link, include: 'summary', message: null, called } as const;
    return {
      client: 'Claw Patrol',
      ...(link === null ? {} : { links: [{ href: link, text: 'Look at it' }] }),
      payload: {
        summary: shorten(alarmTitle(news), MAX_SUMMARY_CHARS),
        source: `${approval.agent.device} (${approval.agent.profile})`,
        severity: 'critical',
        timestamp: new Date(alarm.vote.atMs).toISOString(),
        component: approval.endpoint,
        class: 'break-glass',
        custom_details: describeNews(news, told),
      },
    };
  }

  #trigger(news: AskedNews): Readonly<Record<string, unknown>> {
    const { approval, asked } = news;
    const link = linkTo(this.#parts.publicUrl(), approval.id);
    const details = describeNews(news, {
      notifier: this.#ref,
      nowMs: this.#parts.clock.now(),
      link,
      include: textOf(this.#block, 'include') === 'full' ? 'full' : 'summary',
      message: fillMessage(asked, approval),
    });
    return {
      event_action: 'trigger',
      client: 'Claw Patrol',
      ...(link === null ? {} : { links: [{ href: link, text: 'Look at it and decide' }] }),
      payload: {
        summary: shorten(
          `Approval needed: ${approval.risk} on ${approval.endpoint}: ${visible(approval.summary)}`,
          MAX_SUMMARY_CHARS,
        ),
        source: `${approval.agent.device} (${approval.agent.profile})`,
        severity: textOf(this.#block, 'severity') ?? 'warning',
        timestamp: new Date(approval.createdMs).toISOString(),
        component: approval.endpoint,
        class: 'approval',
        custom_details: details,
      },
    };
  }

  async #enqueue(event: Readonly<Record<string, unknown>>, signal: AbortSignal): Promise<void> {
    const { secretString, outbound } = this.#parts;
    const key = secretString(textOf(this.#block, 'routing_key') ?? '', `routing_key of ${this.#ref}`);
    const base = textOf(this.#block, 'base_url') ?? PAGERDUTY_EVENTS_URL;
    checkStatus(
      await outbound({
        url: new URL(`${base.replace(/\/$/, '')}/v2/enqueue`),
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ routing_key: key.reveal(), ...event }),
        signal,
      }),
    );
  }

  async #note(incident: string, content: string, signal: AbortSignal): Promise<void> {
    const base = textOf(this.#block, 'api_url') ?? PAGERDUTY_URL;
    const url = new URL(`${base.replace(/\/$/, '')}/incidents/${encodeURIComponent(incident)}/notes`);
    const fields = await this.#parts.authorise(textOf(this.#block, 'credential') ?? '', url);
    checkStatus(
      await this.#parts.outbound({
        url,
        method: 'POST',
        headers: {
          ...Object.fromEntries(fields),
          accept: 'application/vnd.pagerduty+json;version=2',
          'content-type': 'application/json',
          from: textOf(this.#block, 'from') ?? '',
        },
        body: JSON.stringify({ note: { content } }),
        signal,
      }),
    );
  }
}

/** The id of the incident that the request is about; "" when there is none, or another system has it. */
function pagerDutyIncident({ alert }: Approval): string {
  return alert?.['source']?.startsWith('pagerduty.') === true ? (alert['id'] ?? '') : '';
}

function noteOf(approval: Approval, link: string | null): string {
  const { agent, endpoint, risk, state, request } = approval;
  const last = approval.votes.at(-1);
  const by = (state === 'approved' || state === 'denied') && last !== undefined ? ` by ${last.by} via ${last.via}` : '';
  const what = state === 'pending' ? `waits for approval (${approval.id})` : `is ${state}${by} (${approval.id})`;
  const lines = [
    `Claw Patrol: a ${risk} action of agent ${agent.device} (profile ${agent.profile}) on ${endpoint} ${what}.`,
    `Request (the agent's text): ${visible(approval.summary)}`,
    `SHA-256 ${request.digest}`,
    ...(link === null ? [] : [link]),
  ];
  return shorten(lines.join('\n'), MAX_NOTE_CHARS);
}
