// A stand-in for Slack on loopback, with Slack's own forms: the Web API with its tokens and errors, the limits of Block Kit, signed
// interactive callbacks (v0), and Socket Mode over a real WebSocket. Clicks come from the messages that were posted, as in Slack.
import { createHmac } from 'node:crypto';
import { createServer, request, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { WebSocketServer, type WebSocket } from 'ws';
import type { CleanUp } from './temp.ts';

export const SLACK_TEAM = 'T0TEAM';
export const BOT_TOKEN = 'xoxb-test-bot';
export const APP_TOKEN = 'xapp-test-app';
export const SIGNING_SECRET = 'slack-signing-secret';

type Json = Readonly<Record<string, unknown>>;

export interface SlackMessage {
  readonly channel: string;
  readonly ts: string;
  text: string;
  blocks: readonly Json[];
  readonly thread: string | null;
  /** How often it was updated. */
  updates: number;
}

export interface ClickOptions {
  readonly user: string;
  readonly team?: string;
  readonly userTeam?: string;
  /** As of another message than the button's. */
  readonly ts?: string;
  readonly channel?: string;
  readonly value?: string;
}

export interface CallbackOptions {
  readonly secret?: string;
  /** Seconds by which the signed time is off. */
  readonly skew?: number;
  /** Changes the body after it was signed. */
  readonly spoil?: boolean;
  readonly unsigned?: boolean;
}

export interface SlackServer {
  readonly url: string;
  readonly messages: SlackMessage[];
  readonly ephemeral: { readonly channel: string; readonly user: string; readonly text: string }[];
  readonly views: Json[];
  readonly calls: string[];
  /** What the next calls of a method get in the place of an answer. */
  readonly faults: {
    readonly method: string;
    readonly status: number;
    readonly error?: string;
    readonly retryAfter?: number;
  }[];
  /** Sockets that are open in Socket Mode. */
  readonly sockets: Set<WebSocket>;
  /** The payload of a click on that button of a message. */
  clickPayload(message: SlackMessage, action: string, options: ClickOptions): Json;
  /** The payload of the last modal, submitted with that reason. */
  reasonPayload(reason: string, options: ClickOptions): Json;
  /** Posts a payload to the gateway as Slack does. */
  callBack(
    url: string,
    payload: Json,
    options?: CallbackOptions,
  ): Promise<{ readonly status: number; readonly body: string }>;
  /** Sends a payload over Socket Mode; resolves with what comes back for it. */
  push(payload: Json): Promise<Json>;
  /** Sends the same signed bytes again. */
  readonly last: { url: string; headers: Readonly<Record<string, string>>; body: string } | null;
  replay(): Promise<{ readonly status: number; readonly body: string }>;
}

/** Every button that a message has, by its action. */
export function buttonsOf({ blocks }: Pick<SlackMessage, 'blocks'>): ReadonlyMap<string, Json> {
  const elements = blocks.filter(({ type }) => type === 'actions').flatMap((block) => listOf(block['elements']));
  return new Map(elements.map((element) => [String(element['action_id']), element]));
}

/** All text that the message shows. */
export function textOfBlocks(value: unknown): string {
  if (Array.isArray(value)) {
    return value.map(textOfBlocks).join('');
  }
  if (typeof value !== 'object' || value === null) {
    return '';
  }
  return Object.entries(value)
    .map(([name, part]) => (name === 'text' && typeof part === 'string' ? part : textOfBlocks(part)))
    .join('');
}

export async function startSlackServer(cleanUp: CleanUp): Promise<SlackServer> {
  const server = createServer((incoming, response) => {
    readAll(incoming).then(
      (body) => slack.serve(incoming, body, response),
      () => response.destroy(),
    );
  });
  const sockets = new WebSocketServer({ server, path: '/link' });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  const slack = new Slack(port);
  sockets.on('connection', (socket) => slack.joined(socket));
  cleanUp.after(() => {
    slack.sockets.forEach((socket) => socket.terminate());
    sockets.close();
    server.closeAllConnections();
    server.close();
  });
  return slack;
}

class Slack implements SlackServer {
  readonly url: string;
  readonly messages: SlackMessage[] = [];
  readonly ephemeral: SlackServer['ephemeral'] = [];
  readonly views: Json[] = [];
  readonly calls: string[] = [];
  readonly faults: SlackServer['faults'] = [];
  readonly sockets = new Set<WebSocket>();
  last: SlackServer['last'] = null;
  readonly #port: number;
  readonly #answers = new Map<string, (payload: Json) => void>();
  #number = 0;

  constructor(port: number) {
    this.#port = port;
    this.url = `http://127.0.0.1:${port}/api`;
  }

  serve(incoming: IncomingMessage, body: string, response: ServerResponse): void {
    const method = (incoming.url ?? '').replace('/api/', '');
    this.calls.push(method);
    const at = this.faults.findIndex((fault) => fault.method === method);
    const [fault] = at === -1 ? [] : this.faults.splice(at, 1);
    if (fault !== undefined) {
      const headers = fault.retryAfter === undefined ? {} : { 'retry-after': String(fault.retryAfter) };
      response.writeHead(fault.status, headers).end(JSON.stringify({ ok: false, error: fault.error ?? 'x' }));
      return;
    }
    const token = method === 'apps.connections.open' ? APP_TOKEN : BOT_TOKEN;
    const answer =
      incoming.headers.authorization === `Bearer ${token}`
        ? this.#answer(method, JSON.parse(body === '' ? '{}' : body) as Json)
        : { ok: false, error: 'invalid_auth' };
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
  }

  #answer(method: string, body: Json): Json {
    const fault = findBlocksFault(body['blocks']);
    if (fault !== null) {
      return { ok: false, error: fault };
    }
    switch (method) {
      case 'auth.test':
        return { ok: true, team_id: SLACK_TEAM, user_id: 'UBOT' };
      case 'apps.connections.open':
        return { ok: true, url: `ws://127.0.0.1:${this.#port}/link?ticket=1` };
      case 'chat.postMessage': {
        this.#number += 1;
        const message: SlackMessage = {
          channel: 'C0CHANNEL',
          ts: `1700000000.${String(this.#number).padStart(6, '0')}`,
          text: String(body['text']),
          blocks: listOf(body['blocks']),
          thread: typeof body['thread_ts'] === 'string' ? body['thread_ts'] : null,
          updates: 0,
        };
        this.messages.push(message);
        return { ok: true, channel: message.channel, ts: message.ts };
      }
      case 'chat.update': {
        const message = this.messages.find(({ channel, ts }) => channel === body['channel'] && ts === body['ts']);
        if (message === undefined) {
          return { ok: false, error: 'message_not_found' };
        }
        message.text = String(body['text']);
        message.blocks = listOf(body['blocks']);
        message.updates += 1;
        return { ok: true, channel: message.channel, ts: message.ts };
      }
      case 'chat.postEphemeral':
        this.ephemeral.push({
          channel: String(body['channel']),
          user: String(body['user']),
          text: String(body['text']),
        });
        return { ok: true };
      case 'views.open':
        if (body['trigger_id'] !== 'trigger.1') {
          return { ok: false, error: 'invalid_trigger_id' };
        }
        this.views.push(body['view'] as Json);
        return { ok: true };
      default:
        return { ok: false, error: 'unknown_method' };
    }
  }

  clickPayload(message: SlackMessage, action: string, options: ClickOptions): Json {
    const button = buttonsOf(message).get(action);
    const value = options.value ?? button?.['value'];
    this.#number += 1;
    return {
      type: 'block_actions',
      user: { id: options.user, username: 'x', team_id: options.userTeam ?? options.team ?? SLACK_TEAM },
      api_app_id: 'A0APP',
      container: {
        type: 'message',
        message_ts: options.ts ?? message.ts,
        channel_id: options.channel ?? message.channel,
      },
      trigger_id: 'trigger.1',
      team: { id: options.team ?? SLACK_TEAM, domain: 'x' },
      channel: { id: options.channel ?? message.channel, name: 'approvals' },
      response_url: 'https://hooks.slack.com/actions/x',
      actions: [{ action_id: action, block_id: 'b', type: 'button', value, action_ts: `1700000001.${this.#number}` }],
    };
  }

  reasonPayload(reason: string, options: ClickOptions): Json {
    const view = this.views.at(-1) ?? {};
    return {
      type: 'view_submission',
      team: { id: options.team ?? SLACK_TEAM, domain: 'x' },
      user: { id: options.user, team_id: options.team ?? SLACK_TEAM },
      api_app_id: 'A0APP',
      view: { ...view, id: 'V1', state: { values: { reason: { text: { type: 'plain_text_input', value: reason } } } } },
    };
  }

  async callBack(url: string, payload: Json, options: CallbackOptions = {}): Promise<{ status: number; body: string }> {
    const signed = new URLSearchParams({ payload: JSON.stringify(payload) }).toString();
    const seconds = String(Math.floor(Date.now() / 1000) + (options.skew ?? 0));
    const mac = createHmac('sha256', options.secret ?? SIGNING_SECRET)
      .update(`v0:${seconds}:${signed}`)
      .digest('hex');
    const headers: Record<string, string> = {
      'content-type': 'application/x-www-form-urlencoded',
      'x-slack-request-timestamp': seconds,
      ...(options.unsigned === true ? {} : { 'x-slack-signature': `v0=${mac}` }),
    };
    this.last = {
      url,
      headers,
      body: options.spoil === true ? signed.replace('block_actions', 'block_action%73') : signed,
    };
    return this.replay();
  }

  replay(): Promise<{ status: number; body: string }> {
    const { url, headers, body } = this.last ?? { url: '', headers: {}, body: '' };
    return post(url, headers, body);
  }

  joined(socket: WebSocket): void {
    this.sockets.add(socket);
    socket.on('close', () => this.sockets.delete(socket));
    socket.on('message', (data) => {
      const message = JSON.parse(Buffer.from(data as Buffer).toString('utf8')) as Json;
      const id = String(message['envelope_id']);
      this.#answers.get(id)?.(message);
      this.#answers.delete(id);
    });
    socket.send(JSON.stringify({ type: 'hello', num_connections: 1 }));
  }

  push(payload: Json): Promise<Json> {
    this.#number += 1;
    const id = `envelope-${this.#number}`;
    const [socket] = this.sockets;
    return new Promise((resolve, reject) => {
      if (socket === undefined) {
        reject(new Error('no Socket Mode connection is open'));
        return;
      }
      this.#answers.set(id, resolve);
      socket.send(JSON.stringify({ envelope_id: id, type: 'interactive', payload, accepts_response_payload: true }));
    });
  }
}

/** What Slack refuses of blocks: the documented limits, and the one of a whole message that is not. */
function findBlocksFault(blocks: unknown): string | null {
  if (blocks === undefined) {
    return null;
  }
  if (!Array.isArray(blocks) || blocks.length > 50) {
    return 'invalid_blocks';
  }
  if (JSON.stringify(blocks).length > 13_000) {
    return 'msg_blocks_too_long';
  }
  const bad = listOf(blocks).some(({ type, text }) => {
    const length = textOfBlocks({ text }).length;
    return (type === 'header' && length > 150) || (type === 'section' && length > 3000);
  });
  const badValue = [...buttonsOf({ blocks: listOf(blocks) }).values()].some(
    ({ value }) => typeof value === 'string' && value.length > 2000,
  );
  const empty = /"text":""/.test(JSON.stringify(blocks));
  return bad || badValue || empty ? 'invalid_blocks' : null;
}

function listOf(value: unknown): readonly Json[] {
  return Array.isArray(value) ? (value as Json[]) : [];
}

async function readAll(stream: IncomingMessage): Promise<string> {
  const pieces: Buffer[] = [];
  for await (const piece of stream) {
    pieces.push(Buffer.from(piece as Buffer));
  }
  return Buffer.concat(pieces).toString('utf8');
}

export function post(
  url: string,
  headers: Readonly<Record<string, string>>,
  body: string,
): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { method: 'POST', headers, agent: false }, (response) => {
      readAll(response).then((text) => resolve({ status: response.statusCode ?? 0, body: text }), reject);
    });
    sent.on('error', reject);
    sent.end(body);
  });
}
