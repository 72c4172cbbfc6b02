// One channel as it stands between the two connections: its numbers on both sides, its two streams, and in which order end-of-file and close
// come. What a request on it means is session-channel.ts's business.
import type { Side } from '../session.ts';
import { otherSide } from '../session.ts';
import { dataHeader, writeMessage } from './codec.ts';
import type { ChannelOpen } from './codec.ts';
import { Flow } from './flow.ts';

/** Kept of a client's window for texts of our own, where the window is not smaller than that. */
const RESERVE_BYTES = 4096;
const RESERVE_FROM_BYTES = 64 * 1024;
/** ssh2 reads packets of at most 35,000 bytes; 32 KiB is what every implementation must take. */
const MAX_PACKET_BYTES = 32 * 1024;

export type Send = (to: Side, head: Buffer, body?: Buffer) => void;

/** What the channel is of one of the two connections. */
interface End {
  /** The peer's number of the channel; null until it is known. */
  peer: number | null;
  eofReceived: boolean;
  eofSent: boolean;
  closeReceived: boolean;
  closeSent: boolean;
}

export class Channel {
  /** Our number of it, on both connections. */
  readonly number: number;
  readonly opener: Side;
  readonly type: string;
  /** By source: what comes from the client goes to the upstream. */
  readonly flows: Readonly<Record<Side, Flow>>;
  readonly #ends: Readonly<Record<Side, End>>;
  readonly #send: Send;

  constructor(number: number, opener: Side, { open, send }: { readonly open: ChannelOpen; readonly send: Send }) {
    this.number = number;
    this.opener = opener;
    this.type = open.type;
    this.#send = send;
    this.#ends = { client: end(), upstream: end() };
    this.#ends[opener].peer = open.sender;
    const toOpener = {
      credit: open.windowBytes,
      granted: 0,
      packetBytes: Math.min(open.packetBytes, MAX_PACKET_BYTES),
      reserveBytes: opener === 'client' && open.windowBytes >= RESERVE_FROM_BYTES ? RESERVE_BYTES : 0,
      running: true,
    };
    // A program that does not run yet takes no input: what comes for it waits.
    const fromOpener = {
      credit: 0,
      granted: 0,
      packetBytes: MAX_PACKET_BYTES,
      reserveBytes: 0,
      running: open.type !== 'session',
    };
    this.flows =
      opener === 'client'
        ? { client: this.#flow('client', fromOpener), upstream: this.#flow('upstream', toOpener) }
        : { client: this.#flow('client', toOpener), upstream: this.#flow('upstream', fromOpener) };
  }

  /** The opener's number of it. */
  get openerNumber(): number {
    return this.#ends[this.opener].peer ?? 0;
  }

  /** Asks the other side to open it. */
  request(data: Buffer): void {
    const to = otherSide(this.opener);
    const windowBytes = this.flows[to].firstGrant();
    const { number: sender, type } = this;
    this.#send(to, writeMessage({ kind: 'open', type, sender, windowBytes, packetBytes: MAX_PACKET_BYTES, data }));
  }

  /** The other side has opened it: the opener hears so. */
  confirm(from: Side, { sender, windowBytes, packetBytes }: Confirmation): void {
    this.#ends[from].peer = sender;
    const flow = this.flows[this.opener];
    flow.connect(windowBytes, Math.min(packetBytes, MAX_PACKET_BYTES));
    const channel = this.#ends[this.opener].peer ?? 0;
    const granted = flow.firstGrant();
    this.#send(
      this.opener,
      writeMessage({
        kind: 'confirmation',
        channel,
        sender: this.number,
        windowBytes: granted,
        packetBytes: MAX_PACKET_BYTES,
      }),
    );
  }

  /** Sends a request, or a bare answer, on it. */
  tell(to: Side, name: string, { wantReply, data }: { readonly wantReply: boolean; readonly data: Buffer }): void {
    const channel = this.#openTo(to);
    if (channel !== null) {
      this.#send(to, writeMessage({ kind: 'request', channel, name, wantReply, data }));
    }
  }

  answer(to: Side, kind: 'success' | 'failure'): void {
    const channel = this.#openTo(to);
    if (channel !== null) {
      this.#send(to, writeMessage({ kind, channel }));
    }
  }

  /** Ends the stream to that side, after what is on its way. */
  eof(to: Side): void {
    this.flows[otherSide(to)].after(() => {
      const channel = this.#openTo(to);
      if (channel !== null && !this.#ends[to].eofSent) {
        this.#ends[to].eofSent = true;
        this.#send(to, writeMessage({ kind: 'eof', channel }));
      }
    });
  }

  /** Closes it towards that side, after what is on its way. */
  close(to: Side): void {
    this.flows[otherSide(to)].after(() => this.closeNow(to));
  }

  /** Closes it towards that side; what is on its way there is lost. */
  closeNow(to: Side): void {
    const channel = this.#openTo(to);
    if (channel !== null) {
      this.#ends[to].closeSent = true;
      this.#send(to, writeMessage({ kind: 'close', channel }));
      this.flows[otherSide(to)].drop();
    }
  }

  /** That side has ended its stream. False when it had before. */
  tookEof(from: Side): boolean {
    const first = !this.#ends[from].eofReceived && !this.#ends[from].closeReceived;
    this.#ends[from].eofReceived = true;
    return first;
  }

  /** That side has closed it. False when it had before. */
  tookClose(from: Side): boolean {
    const first = !this.#ends[from].closeReceived;
    this.#ends[from].closeReceived = true;
    return first;
  }

  /** That side never opened it. */
  unopened(side: Side): void {
    this.#ends[side].closeSent = true;
    this.#ends[side].closeReceived = true;
  }

  /** Whether more may come from that side. */
  listens(from: Side): boolean {
    const { peer, eofReceived, closeReceived } = this.#ends[from];
    return peer !== null && !eofReceived && !closeReceived;
  }

  isOpen(side: Side): boolean {
    return this.#openTo(side) !== null;
  }

  closedBy(side: Side): boolean {
    return this.#ends[side].closeReceived;
  }

  /** Nothing of it is left on either connection. */
  get over(): boolean {
    return [this.#ends.client, this.#ends.upstream].every(({ closeSent, closeReceived }) => closeSent && closeReceived);
  }

  #openTo(side: Side): number | null {
    const { peer, closeSent } = this.#ends[side];
    return closeSent ? null : peer;
  }

  #flow(source: Side, start: ConstructorParameters<typeof Flow>[1]): Flow {
    const sink = otherSide(source);
    return new Flow(
      {
        send: (bytes, type) => {
          const channel = this.#openTo(sink);
          if (channel !== null) {
            this.#send(sink, dataHeader(channel, type, bytes.length), bytes);
          }
        },
        grant: (addBytes) => {
          const channel = this.#openTo(source);
          if (channel !== null && this.listens(source)) {
            this.#send(source, writeMessage({ kind: 'adjust', channel, addBytes }));
          }
        },
      },
      start,
    );
  }
}

export interface Confirmation {
  readonly sender: number;
  readonly windowBytes: number;
  readonly packetBytes: number;
}

function end(): End {
  return { peer: null, eofReceived: false, eofSent: false, closeReceived: false, closeSent: false };
}
