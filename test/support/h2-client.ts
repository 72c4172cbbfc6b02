// An HTTP/2 client of one connection to a gateway.
import { once } from 'node:events';
import { connect } from 'node:http2';
import type { ClientHttp2Session, IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http2';
import { connect as connectTls } from 'node:tls';
import type { HttpGateway } from './http-gateway.ts';
import type { CleanUp } from './temp.ts';

export interface H2Answer {
  /** 0 where the stream ended without one. */
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  /** Code of the reset, 0 without one. */
  readonly code: number;
}

export class H2Client {
  readonly session: ClientHttp2Session;
  readonly #name: string;

  private constructor(session: ClientHttp2Session, name: string) {
    this.session = session;
    this.#name = name;
  }

  /** `name`: for TLS; the first of the gateway's hosts. */
  static async open(cleanUp: CleanUp, gateway: HttpGateway, name: string = gateway.host): Promise<H2Client> {
    const options = { host: '127.0.0.1', port: gateway.port, ca: gateway.caPem, ALPNProtocols: ['h2'] };
    const socket = connectTls({ ...options, servername: name });
    await once(socket, 'secureConnect');
    const session = connect(`https://${name}`, { createConnection: () => socket });
    session.on('error', () => undefined);
    cleanUp.after(() => session.destroy());
    return new H2Client(session, name);
  }

  get(path: string): Promise<H2Answer> {
    return this.request({ ':path': path });
  }

  /** Headers win over those of a plain GET. */
  async request(headers: OutgoingHttpHeaders, body?: Buffer | string): Promise<H2Answer> {
    const stream = this.session.request({ ':authority': this.#name, ...headers }, { endStream: body === undefined });
    let answered: IncomingHttpHeaders = {};
    const chunks: Buffer[] = [];
    stream.on('response', (got) => {
      answered = got;
    });
    stream.on('data', (bytes: Buffer) => chunks.push(bytes));
    stream.on('error', () => undefined);
    if (body !== undefined) {
      stream.end(body);
    }
    await new Promise<void>((resolve) => stream.once('close', () => resolve()));
    return {
      status: Number(answered[':status'] ?? 0),
      headers: answered,
      body: Buffer.concat(chunks).toString('latin1'),
      code: stream.rstCode ?? 0,
    };
  }

  close(): void {
    this.session.destroy();
  }
}
