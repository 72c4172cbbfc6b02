// The channels of the configuration in force, and the entrances for what comes back from them. A channel lives on through a reload that does
// not change it, so that what it has posted can still be brought up to date.
import type { Notifier } from '../../approvals/notify.ts';
import { createReplayGuard, findSlackFault, type ReplayGuard, type Signed } from '../../approvals/signature.ts';
import type { Config, NamedBlock, Ref } from '../../config/config.ts';
import { messageOf } from '../../lib/errors.ts';
import { flagOf, refused, textOf, type CallbackReply, type Channel, type ChannelParts, type People } from './parts.ts';
import { createSlackNotifier, type SlackNotifier } from './slack.ts';
import { parseForm, readInteraction, type SlackReply } from './slack-payload.ts';
import { createPagerDutyNotifier } from './pagerduty.ts';
import { createWebhookNotifier, type WebhookNotifier } from './webhook.ts';
import { openSocketMode, type SocketMode } from './socket-mode.ts';

/** What must have gone out by then when the gateway stops. */
const DRAIN_MS = 2_000;

export interface Channels {
  /** Who the people behind the channels' identities are. Until it is said nobody is anybody. */
  usePeople(people: People): void;
  /** By reference, of the configuration in force. */
  notifiers(): ReadonlyMap<Ref, Notifier>;
  /** A call to `/api/cred/NAME/interactive`. */
  receiveSlack(credential: string, signed: Signed): Promise<CallbackReply>;
  /** A call to `/api/notifier/NAME/decision`. */
  receiveDecision(notifier: string, signed: Signed): Promise<CallbackReply>;
  /** Sends what waits, for a moment, and ends. */
  close(): Promise<void>;
}

export interface ChannelsParts extends Omit<ChannelParts, 'people'> {
  readonly config: () => Pick<Config, 'notifiers'>;
}

interface Running {
  /** What it was made of. */
  readonly key: string;
  readonly notifier: Channel;
  readonly slack: SlackNotifier | null;
  readonly webhook: WebhookNotifier | null;
  readonly socket: SocketMode | null;
}

export function createChannels(parts: ChannelsParts): Channels {
  return new ChannelSet(parts);
}

class ChannelSet implements Channels {
  readonly #parts: ChannelsParts & ChannelParts;
  readonly #running = new Map<Ref, Running>();
  readonly #replays: ReplayGuard;
  #config: Pick<Config, 'notifiers'> | null = null;
  #notifiers: ReadonlyMap<Ref, Notifier> = new Map();
  #people: People | null = null;
  #closed = false;

  constructor(parts: ChannelsParts) {
    this.#parts = { ...parts, people: (): People | null => this.#people };
    this.#replays = createReplayGuard(parts.clock);
  }

  usePeople(people: People): void {
    this.#people = people;
  }

  notifiers(): ReadonlyMap<Ref, Notifier> {
    const config = this.#parts.config();
    if (config !== this.#config && !this.#closed) {
      this.#config = config;
      this.#follow(config.notifiers);
    }
    return this.#notifiers;
  }

  async receiveSlack(credential: string, signed: Signed): Promise<CallbackReply> {
    this.notifiers();
    const slacks = this.#slacks().filter((one) => one.credential === `slack_tokens.${credential}` && one.interactive);
    const [first] = slacks;
    if (first === undefined) {
      return refused(404, 'no interactive Slack notifier has this credential');
    }
    let secret;
    try {
      secret = (await this.#parts.secretsOf(first.credential)).get('signing_secret');
    } catch (error) {
      return refused(503, messageOf(error));
    }
    if (secret === undefined) {
      return refused(503, 'the credential has no value in its slot signing_secret');
    }
    const fault = findSlackFault(signed, { secret, nowMs: this.#parts.clock.now(), replays: this.#replays });
    if (fault !== null) {
      return refused(401, fault);
    }
    const payload = parseForm(signed.body);
    if (payload === null) {
      return refused(400, 'no payload');
    }
    const { body } = await this.#take(payload, slacks);
    return { kind: 'answer', status: 200, body };
  }

  async receiveDecision(notifier: string, signed: Signed): Promise<CallbackReply> {
    this.notifiers();
    const webhook = this.#running.get(`webhook.${notifier}`)?.webhook ?? null;
    return webhook?.interactive === true
      ? webhook.decide(signed, this.#replays)
      : refused(404, 'no interactive webhook has this name');
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#running.values()].map(({ notifier }) => notifier.drain(DRAIN_MS)));
    this.#running.forEach(stop);
    this.#running.clear();
    this.#notifiers = new Map();
  }

  #slacks(): readonly SlackNotifier[] {
    return [...this.#running.values()].flatMap(({ slack }) => slack ?? []);
  }

  /** Only notifiers of the credential that the signature, or the connection, proved. */
  async #take(payload: Readonly<Record<string, unknown>>, slacks: readonly SlackNotifier[]): Promise<SlackReply> {
    const interaction = readInteraction(payload);
    if (interaction.kind === 'other') {
      return { body: null };
    }
    for (const slack of slacks) {
      const taken = await (interaction.kind === 'click'
        ? slack.clicked(interaction.click)
        : slack.reasoned(interaction.reason));
      if (taken !== null) {
        return taken;
      }
    }
    const [first] = slacks;
    const click =
      interaction.kind === 'click'
        ? interaction.click
        : { ...interaction.reason, action: 'deny' as const, trigger: '' };
    return first === undefined ? { body: null } : first.strayed(click);
  }

  #follow(blocks: readonly NamedBlock[]): void {
    const wanted = new Map(blocks.map((block) => [block.ref, block]));
    for (const [ref, running] of this.#running) {
      const block = wanted.get(ref);
      if (block === undefined || keyOf(block) !== running.key) {
        stop(running);
        this.#running.delete(ref);
      }
    }
    for (const block of blocks) {
      if (!this.#running.has(block.ref)) {
        const made = this.#make(block);
        if (made !== null) {
          this.#running.set(block.ref, made);
        }
      }
    }
    this.#notifiers = new Map([...this.#running].map(([ref, { notifier }]) => [ref, notifier]));
  }

  #make(block: NamedBlock): Running | null {
    const key = keyOf(block);
    switch (block.type) {
      case 'slack': {
        const slack = createSlackNotifier(block, this.#parts);
        return { key, notifier: slack, slack, webhook: null, socket: this.#openSocket(block, slack) };
      }
      case 'webhook': {
        const webhook = createWebhookNotifier(block, this.#parts);
        return { key, notifier: webhook, slack: null, webhook, socket: null };
      }
      case 'pagerduty':
        return {
          key,
          notifier: createPagerDutyNotifier(block, this.#parts),
          slack: null,
          webhook: null,
          socket: null,
        };
      default:
        return null;
    }
  }

  #openSocket(block: NamedBlock, slack: SlackNotifier): SocketMode | null {
    if (!slack.interactive || !flagOf(block, 'socket_mode')) {
      return null;
    }
    const { clock, dial, warn } = this.#parts;
    return openSocketMode({
      clock,
      dial,
      warn,
      call: slack.call,
      plain: (textOf(block, 'base_url') ?? '').startsWith('http:'),
      // Slack gives an event to one of an app's connections: it may be about a message of another notifier of that app.
      receive: (payload) =>
        this.#take(
          payload,
          this.#slacks().filter((one) => one.credential === slack.credential),
        ),
    });
  }
}

function keyOf({ type, attributes }: NamedBlock): string {
  return JSON.stringify([type, attributes]);
}

function stop({ notifier, socket }: Running): void {
  socket?.close();
  notifier.close();
}
