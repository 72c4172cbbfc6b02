// Slack's Socket Mode: clicks come over a WebSocket that the gateway opens with the app token, so nothing of the gateway has to be reachable
// from outside. Opened anew whenever it ends, with growing pauses.
import { connect as connectTls } from 'node:tls';
import { isIP } from 'node:net';
import type { Duplex } from 'node:stream';
import { WebSocket } from 'ws';
import type { Clock, Timer } from '../../lib/clock.ts';
import type { Dial } from '../dialling/dial.ts';
import { asObject, parseObject, reasonOf, textAt, type SlackCall } from './slack-api.ts';
import type { SlackReply } from './slack-payload.ts';

const MAX_MESSAGE_BYTES = 512 * 1024;
const OPEN_TIMEOUT_MS = 15_000;
/** Slack sends a ping every few seconds; a connection without any is gone. */
const SILENCE_MS = 90_000;
const PAUSES_MS: readonly number[] = [1_000, 2_000, 5_000, 15_000, 30_000, 60_000];
/** Envelopes whose answer is not there yet. */
const MAX_OPEN = 64;

export interface SocketModeParts {
  readonly clock: Clock;
  readonly dial: Dial;
  readonly call: SlackCall;
  readonly receive: (payload: Readonly<Record<string, unknown>>) => Promise<SlackReply>;
  readonly warn: (message: string, error: unknown) => void;
  /** Whether `ws:` is taken for a connection: only where the API itself is http on loopback. */
  readonly plain: boolean;
}

export interface SocketMode {
  close(): void;
}

/** Opens the connection, and keeps it open until `close`. */
export function openSocketMode(parts: SocketModeParts): SocketMode {
  const mode = new Connection(parts);
  mode.open();
  return mode;
}

class Connection implements SocketMode {
  readonly #parts: SocketModeParts;
  readonly #closing = new AbortController();
  #socket: WebSocket | null = null;
  #silence: Timer | null = null;
  #pause: Timer | null = null;
  #failures = 0;
  #open = 0;

  constructor(parts: SocketModeParts) {
    this.#parts = parts;
  }

  open(): void {
    void this.#connect().catch((error: unknown) => {
      this.#parts.warn('Slack did not open a Socket Mode connection', reasonOf(error));
      this.#again();
    });
  }

  close(): void {
    this.#closing.abort();
    this.#pause?.cancel();
    this.#silence?.cancel();
    this.#socket?.terminate();
  }

  async #connect(): Promise<void> {
    const over = new AbortController();
    const give = (): void => over.abort();
    this.#closing.signal.addEventListener('abort', give, { once: true });
    const deadline = this.#parts.clock.after(OPEN_TIMEOUT_MS, give);
    try {
      const url = new URL(textAt(await this.#parts.call('apps.connections.open', {}, over.signal, 'app'), 'url'));
      const secure = url.protocol === 'wss:';
      if (!secure && !(this.#parts.plain && url.protocol === 'ws:')) {
        throw new Error('Slack named no wss: address');
      }
      const host = url.hostname.replace(/^\[|\]$/g, '');
      const port = url.port === '' ? (secure ? 443 : 80) : Number(url.port);
      const plain = await this.#parts.dial({ host, port }, over.signal);
      const stream = secure
        ? connectTls({
            socket: plain,
            ...(isIP(host) === 0 ? { servername: host } : { host }),
            ALPNProtocols: ['http/1.1'],
          })
        : plain;
      this.#follow(new WebSocket(url, optionsFor(stream)));
    } finally {
      deadline.cancel();
      this.#closing.signal.removeEventListener('abort', give);
    }
  }

  #follow(socket: WebSocket): void {
    this.#socket = socket;
    const alive = (): void => {
      this.#silence?.cancel();
      this.#silence = this.#parts.clock.after(SILENCE_MS, () => socket.terminate());
    };
    alive();
    socket.on('ping', alive);
    socket.on('message', (data) => {
      alive();
      const bytes = Array.isArray(data) ? Buffer.concat(data) : Buffer.from(new Uint8Array(data));
      this.#take(socket, bytes.toString('utf8'));
    });
    socket.on('error', (error) => this.#parts.warn('the Socket Mode connection failed', reasonOf(error)));
    socket.on('close', () => {
      this.#silence?.cancel();
      if (this.#socket === socket) {
        this.#socket = null;
        this.#again();
      }
    });
  }

  #take(socket: WebSocket, text: string): void {
    const message = parseObject(text);
    switch (message?.['type']) {
      case 'hello':
        this.#failures = 0;
        return;
      case 'disconnect':
        // Slack renews its connections from time to time, and says so before.
        socket.close();
        return;
      case 'interactive':
        void this.#answer(socket, message);
        return;
      default:
        this.#acknowledge(socket, textAt(message, 'envelope_id'), null);
    }
  }

  async #answer(socket: WebSocket, message: Readonly<Record<string, unknown>>): Promise<void> {
    const payload = asObject(message['payload']);
    if (payload === null || this.#open >= MAX_OPEN) {
      return;
    }
    this.#open += 1;
    try {
      const { body } = await this.#parts.receive(payload);
      this.#acknowledge(socket, textAt(message, 'envelope_id'), body);
    } catch (error) {
      this.#parts.warn('a click in Slack could not be taken', error);
    } finally {
      this.#open -= 1;
    }
  }

  #acknowledge(socket: WebSocket, id: string, payload: SlackReply['body']): void {
    if (id !== '' && socket.readyState === WebSocket.OPEN) {
      socket.send(JSON.stringify({ envelope_id: id, ...(payload === null ? {} : { payload }) }));
    }
  }

  #again(): void {
    if (this.#closing.signal.aborted) {
      return;
    }
    const pauseMs = PAUSES_MS[Math.min(this.#failures, PAUSES_MS.length - 1)] ?? 60_000;
    this.#failures += 1;
    this.#pause = this.#parts.clock.after(pauseMs, () => this.open());
  }
}

function optionsFor(stream: Duplex): ConstructorParameters<typeof WebSocket>[2] {
  return {
    createConnection: () => stream,
    followRedirects: false,
    handshakeTimeout: OPEN_TIMEOUT_MS,
    maxPayload: MAX_MESSAGE_BYTES,
    perMessageDeflate: false,
  };
}
