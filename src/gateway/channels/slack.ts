// A Slack channel: one message an approval, updated in place until it is decided; and what comes back when somebody clicks. Who clicked is
// what Slack says under its signature; whether that counts is the queue's business.
import type { Approval, VoteResult } from '../../approvals/approval.ts';
import type { ApprovalNews, Asked } from '../../approvals/notify.ts';
import {
  alarmCard,
  cardOf,
  denyView,
  escapeText,
  explainView,
  type ButtonValue,
  type Card,
} from '../../approvals/slack-card.ts';
import type { Ballot } from '../../approvals/stages.ts';
import { sees } from '../../audit/scope.ts';
import type { NamedBlock, Ref } from '../../config/config.ts';
import { createDeferred, type Deferred } from '../../lib/deferred.ts';
import { alarmLines, alarmTitle, calledBy, isAlarm, type AlarmNews } from './alarm.ts';
import { createOutbox, type Outbox } from './outbox.ts';
import {
  fillMessage,
  flagOf,
  linkTo,
  numberOf,
  textOf,
  voterOf,
  wants,
  type Channel,
  type ChannelParts,
} from './parts.ts';
import { createSlackCall, reasonOf, SLACK_URL, textAt, type SlackCall } from './slack-api.ts';
import type { Click, Reason, SlackReply, Who } from './slack-payload.ts';

/** Messages that are remembered; the oldest decided ones go first. */
const MAX_POSTS = 5_000;
const TELL_TIMEOUT_MS = 5_000;
const POSTED_WAIT_MS = 2_000;

export interface SlackNotifier extends Channel {
  readonly ref: Ref;
  readonly credential: Ref;
  readonly call: SlackCall;
  readonly interactive: boolean;
  /** Somebody clicked on a message; null when it is none of this notifier's. */
  clicked(click: Click): Promise<SlackReply | null>;
  /** Somebody gave a reason to deny; null when it is about nothing of this notifier's. */
  reasoned(reason: Reason): Promise<SlackReply | null>;
  /** A click on a message that nobody remembers: explained, and the message brought up to date when it is decided. */
  strayed(click: Click): Promise<SlackReply>;
}

/** One message. */
interface Post {
  approval: Approval;
  asked: Asked | null;
  channel: string;
  /** "" until it is posted. */
  ts: string;
  /** As posted last. */
  shown: Pick<Card, 'whole'> | null;
  /** Resolves when it is posted: Slack may be quicker with a click than with its answer to us. */
  readonly posted: Deferred<void>;
}

export function createSlackNotifier(block: NamedBlock, parts: ChannelParts): SlackNotifier {
  return new SlackChannel(block, parts);
}

class SlackChannel implements SlackNotifier {
  readonly ref: Ref;
  readonly credential: Ref;
  readonly call: SlackCall;
  readonly interactive: boolean;
  readonly #block: NamedBlock;
  readonly #parts: ChannelParts;
  readonly #outbox: Outbox;
  readonly #timeoutMs: number;
  readonly #posts = new Map<string, Post>();
  #team: string | null = null;

  constructor(block: NamedBlock, parts: ChannelParts) {
    this.ref = block.ref;
    this.credential = textOf(block, 'credential') ?? '';
    this.interactive = flagOf(block, 'interactive');
    this.#block = block;
    this.#parts = parts;
    this.#timeoutMs = numberOf(block, 'timeout', TELL_TIMEOUT_MS);
    this.call = createSlackCall({
      outbound: parts.outbound,
      baseUrl: textOf(block, 'base_url') ?? SLACK_URL,
      secrets: () => parts.secretsOf(this.credential),
    });
    this.#outbox = createOutbox({
      clock: parts.clock,
      failed: (key, why) => parts.failed(this.ref, key, why),
    });
  }

  tell(news: ApprovalNews): void {
    const { approval } = news;
    const { id } = approval;
    if (isAlarm(news)) {
      this.#alarm(news);
      return;
    }
    const known = this.#posts.get(id);
    // A message that was posted is always brought up to date; a new one only for what the block asks for.
    if (known === undefined && !wants(this.#block, approval.state)) {
      return;
    }
    const post = known ?? newPost(approval, { channel: textOf(this.#block, 'channel') ?? '', ts: '' });
    post.approval = approval;
    post.asked = news.kind === 'decided' ? null : news.asked;
    this.#remember(id, post);
    const delivery = { key: id, timeoutMs: this.#timeoutMs };
    this.#outbox.send({ ...delivery, kind: 'card', run: (signal) => this.#show(post, signal) });
    if (news.kind === 'reminded') {
      const { number } = news;
      this.#outbox.send({ ...delivery, kind: 'reminder', run: (signal) => this.#remind(post, number, signal) });
    }
  }

  drain(limitMs: number): Promise<void> {
    return this.#outbox.drain(limitMs);
  }

  close(): void {
    this.#outbox.close();
  }

  async clicked(click: Click): Promise<SlackReply | null> {
    const post = await this.#find(click);
    return post === null ? null : this.#take(click, post);
  }

  async reasoned(reason: Reason): Promise<SlackReply | null> {
    const post = await this.#find(reason);
    return post === null ? null : this.#deny(reason, post);
  }

  async strayed(click: Click): Promise<SlackReply> {
    const found = await this.#parts.approvals().find(click.value.id);
    if (found.kind !== 'found' || found.approval.id !== click.value.id || this.#isHidden(click, found.approval)) {
      return this.#explain(click, 'This gateway knows no such request. Nothing was changed.');
    }
    if (found.approval.state === 'pending') {
      return this.#explain(
        click,
        'This is not the message that was posted for the request. Use the other one, or the dashboard.',
      );
    }
    if ((await this.#teamFault(click)) === null) {
      const post = newPost(found.approval, click);
      this.#outbox.send({
        key: click.value.id,
        kind: 'card',
        timeoutMs: this.#timeoutMs,
        run: (signal) => this.#show(post, signal),
      });
    }
    return this.#explain(click, alreadyText(found.approval));
  }

  async #find({ value, channel, ts }: Pick<Click, 'value' | 'channel' | 'ts'>): Promise<Post | null> {
    const post = this.#posts.get(value.id) ?? null;
    if (post?.ts === '') {
      const limit = createDeferred<void>();
      const timer = this.#parts.clock.after(POSTED_WAIT_MS, () => limit.resolve());
      await Promise.race([post.posted.promise, limit.promise]);
      timer.cancel();
    }
    return post !== null && post.ts !== '' && post.ts === ts && post.channel === channel ? post : null;
  }

  async #take(click: Click, post: Post): Promise<SlackReply> {
    const fault = await this.#teamFault(click);
    if (fault !== null) {
      return this.#explain(click, fault);
    }
    if (this.#isHidden(click, post.approval)) {
      // The queue tells the log why.
      return this.#explain(click, this.#resultText(await this.#vote(click, { decision: 'deny', note: '' }), click));
    }
    if (click.action === 'deny') {
      return this.#ask(click, post);
    }
    if (!this.interactive || post.shown?.whole !== true) {
      return this.#explain(click, 'This message does not show the whole request, so it cannot be approved from here.');
    }
    const result = await this.#vote(click, { decision: 'approve', note: '' });
    return result.kind === 'recorded' ? ACCEPTED : this.#explain(click, this.#resultText(result, click));
  }

  /** A denial needs a reason: Slack is asked to ask for it. */
  async #ask(click: Click, { approval }: Post): Promise<SlackReply> {
    if (approval.state !== 'pending') {
      return this.#explain(click, alreadyText(approval));
    }
    const { value, channel, ts } = click;
    const carried = JSON.stringify([value.id, value.digest, value.together, channel, ts]);
    try {
      await this.#within((signal) =>
        this.call('views.open', { trigger_id: click.trigger, view: denyView(approval, carried) }, signal),
      );
      return ACCEPTED;
    } catch (error) {
      this.#parts.warn('Slack could not be asked for the reason of a denial', reasonOf(error));
      return this.#explain(
        click,
        'Slack could not ask you for a reason. Nothing was changed; try again, or use the dashboard.',
      );
    }
  }

  async #deny(reason: Reason, post: Post): Promise<SlackReply> {
    const fault = await this.#teamFault(reason);
    if (fault !== null) {
      return { body: { response_action: 'update', view: explainView(fault) } };
    }
    const result = await this.#vote(reason, { decision: 'deny', note: reason.text });
    if (result.kind === 'recorded') {
      return { body: { response_action: 'clear' } };
    }
    if (result.kind === 'decided') {
      this.tell({ kind: 'decided', approval: result.approval, told: [] });
    }
    return { body: { response_action: 'update', view: explainView(this.#resultText(result, { ...post, ...reason })) } };
  }

  #vote(
    { value, user }: Who & { readonly value: ButtonValue },
    ballot: Pick<Ballot, 'decision' | 'note'>,
  ): Promise<VoteResult> {
    const person = this.#parts.people()?.findBySlack(user) ?? null;
    const voter = voterOf(person, { via: 'slack', identity: `slack:${user}`, notifier: this.ref });
    return this.#parts.approvals().vote(value.id, { ...ballot, digest: value.digest, together: value.together }, voter);
  }

  /** Whether the operator account behind a click may not know of the request. */
  #isHidden({ user }: Who, { agent }: Approval): boolean {
    const person = this.#parts.people()?.findBySlack(user) ?? null;
    return person !== null && !sees(person.scope, agent.profile);
  }

  #resultText(result: VoteResult, { user }: Who): string {
    switch (result.kind) {
      case 'recorded':
        return 'Counted.';
      case 'not-found':
        return 'This gateway knows no such request. Nothing was changed.';
      case 'decided':
        return alreadyText(result.approval);
      case 'unrecorded':
        return 'Your vote could not be recorded, so it does not count.';
      case 'refused':
        return `Refused: ${result.why}. Nothing was changed, and the attempt is recorded. You are slack:${user} here.`;
    }
  }

  /** Another workspace's people and messages are not ours, whatever their ids. */
  async #teamFault({ team, userTeam }: Who): Promise<string | null> {
    try {
      this.#team ??= await this.#within((signal) => this.#readTeam(signal));
    } catch (error) {
      this.#parts.warn('Slack does not say which workspace the token is for', reasonOf(error));
      return 'The gateway cannot tell which workspace this is, so nothing was changed.';
    }
    return team === this.#team && (userTeam === '' || userTeam === this.#team)
      ? null
      : 'This comes from another workspace. Nothing was changed.';
  }

  async #readTeam(signal: AbortSignal): Promise<string> {
    const team = textAt(await this.call('auth.test', {}, signal), 'team_id');
    if (team === '') {
      throw new Error('auth.test names no team_id');
    }
    return team;
  }

  async #show(post: Post, signal: AbortSignal): Promise<void> {
    const { approval, asked } = post;
    const card = cardOf({
      approval,
      asked,
      message: asked === null ? null : fillMessage(asked, approval),
      nowMs: this.#parts.clock.now(),
      link: linkTo(this.#parts.publicUrl(), approval.id),
      interactive: this.interactive,
      include: textOf(this.#block, 'include') === 'summary' ? 'summary' : 'full',
      mention: textOf(this.#block, 'mention'),
    });
    const message = { text: card.text, blocks: card.blocks, ...PLAIN };
    if (post.ts === '') {
      const answer = await this.call('chat.postMessage', { channel: post.channel, ...message }, signal);
      // The id of the channel, which clicks name, whatever name it was configured by.
      post.channel = textAt(answer, 'channel') || post.channel;
      post.ts = textAt(answer, 'ts');
      post.posted.resolve();
    } else {
      await this.call('chat.update', { channel: post.channel, ts: post.ts, ...message }, signal);
    }
    post.shown = { whole: card.whole };
    if (approval.state !== 'pending' && post.approval === approval) {
      this.#posts.delete(approval.id);
    }
  }

  /** A message of its own: an update of the card rings nowhere. */
  #alarm(news: AlarmNews): void {
    const channel = textOf(this.#block, 'channel') ?? '';
    const link = linkTo(this.#parts.publicUrl(), news.approval.id);
    const called = calledBy(news.alarm, this.#parts.people(), news.approval.agent.profile);
    const card = alarmCard({
      title: alarmTitle(news),
      lines: alarmLines(news),
      slackIds: called.map(({ slack }) => slack).filter((slack) => slack !== ''),
      mention: textOf(this.#block, 'mention'),
      link,
    });
    this.#outbox.send({
      // Ahead of what else waits to be told of this request.
      key: `alarm ${news.approval.id}`,
      kind: null,
      timeoutMs: this.#timeoutMs,
      run: async (signal) => {
        await this.call('chat.postMessage', { channel, ...card, ...PLAIN }, signal);
      },
    });
  }

  async #remind(post: Post, number: number, signal: AbortSignal): Promise<void> {
    if (post.ts === '' || post.approval.state !== 'pending') {
      return;
    }
    const mention = textOf(this.#block, 'mention');
    const text = `${mention === null ? '' : `${mention} `}Still waiting (reminder ${number}): ${escapeText(post.approval.endpoint)}`;
    const thread = { thread_ts: post.ts, reply_broadcast: true };
    await this.call('chat.postMessage', { channel: post.channel, text, ...thread, unfurl_links: false }, signal);
  }

  /** Told to whoever clicked and nobody else. */
  #explain({ channel, user, value }: Click, text: string): SlackReply {
    this.#outbox.send({
      key: `told ${value.id} ${user}`,
      kind: 'told',
      timeoutMs: this.#timeoutMs,
      run: async (signal) => {
        await this.call('chat.postEphemeral', { channel, user, text: escapeText(text), ...PLAIN }, signal);
      },
    });
    return ACCEPTED;
  }

  #remember(id: string, post: Post): void {
    this.#posts.set(id, post);
    if (this.#posts.size > MAX_POSTS) {
      const [oldest] = this.#posts.keys();
      this.#posts.delete(oldest ?? '');
    }
  }

  async #within<T>(run: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const over = new AbortController();
    const timer = this.#parts.clock.after(Math.min(this.#timeoutMs, 2_500), () => over.abort());
    try {
      return await run(over.signal);
    } finally {
      timer.cancel();
    }
  }
}

function newPost(approval: Approval, { channel, ts }: Pick<Post, 'channel' | 'ts'>): Post {
  return { approval, asked: null, channel, ts, shown: null, posted: createDeferred<void>() };
}

/** Nothing in a text is taken for a link, a name or a mark. */
const PLAIN = { mrkdwn: false, parse: 'none', link_names: false, unfurl_links: false, unfurl_media: false } as const;
const ACCEPTED: SlackReply = { body: null };

function alreadyText({ state, votes, ended }: Approval): string {
  const last = votes.at(-1);
  const by = last === undefined || state === 'expired' || state === 'cancelled' ? '' : ` by ${last.by} via ${last.via}`;
  return `Too late: it is ${state}${by}${ended === '' ? '' : ` (${ended})`}. Nothing was changed.`;
}
