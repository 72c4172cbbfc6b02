// A client whose upstream may be dead: node dead-client.js PROTOCOL NAME:PORT AT. Connects to AT (`HOST:PORT`, or `http://USER:PASSWORD@HOST:PORT` of a
// proxy, which is asked for NAME:PORT), speaks as far as an unmodified client would, and prints as JSON how it ended, what it was told, and after how long.
import { connect, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect as connectTls } from 'node:tls';
import { Client } from 'ssh2';

/** No answer at all: what a client must never meet. */
const LIMIT_MS = 45_000;

const [protocol = '', wanted = '', at = ''] = process.argv.slice(2);
const name = wanted.slice(0, wanted.lastIndexOf(':'));
const began = performance.now();
let said = '';

function tell(how: string): never {
  process.stdout.write(JSON.stringify({ how, said, ms: Math.round(performance.now() - began) }));
  process.exit(0);
}

setTimeout(() => tell('nothing'), LIMIT_MS);

const codeOf = (error: Error): string => ('code' in error ? String(error.code) : error.message);

function listen(stream: Duplex): void {
  stream.on('data', (bytes: Buffer) => (said += bytes.toString('latin1')));
  stream.on('end', () => tell('fin'));
  stream.on('error', (error) => tell(codeOf(error)));
}

function startup(): Buffer {
  const body = Buffer.from('user\0x\0database\0postgres\0\0');
  const head = Buffer.alloc(8);
  head.writeInt32BE(8 + body.length);
  head.writeInt32BE(196_608, 4);
  return Buffer.concat([head, body]);
}

/** As clickhouse-client 22.8 greets. */
function hello(): Buffer {
  const text = (value: string): Buffer => Buffer.from([value.length, ...Buffer.from(value)]);
  return Buffer.concat([
    Buffer.from([0]),
    text('ClickHouse client'),
    Buffer.from([22, 8, 0xb5, 0xa9, 0x03]),
    text(''),
    text('x'),
    text(''),
  ]);
}

const speak: Readonly<Record<string, (stream: Socket) => void>> = {
  postgres(stream) {
    listen(stream);
    stream.write(startup());
  },
  clickhouse(stream) {
    listen(stream);
    stream.write(hello());
  },
  http(stream) {
    listen(stream);
    stream.write(`GET /?query=SELECT%201 HTTP/1.1\r\nHost: ${wanted}\r\nConnection: close\r\n\r\n`);
  },
  https(stream) {
    const secured = connectTls({ socket: stream, servername: name, rejectUnauthorized: false });
    listen(secured);
    secured.write(`GET /api HTTP/1.1\r\nHost: ${wanted}\r\nAccept: application/json\r\nConnection: close\r\n\r\n`);
  },
  ssh(stream) {
    const client = new Client();
    client.on('banner', (text) => (said += text));
    client.on('error', (error) => {
      said += error.message;
      tell('error');
    });
    client.on('close', () => tell('close'));
    client.on('ready', () => client.exec('true', () => undefined));
    client.connect({ sock: stream, username: 'x', password: 'x' });
  },
  raw(stream) {
    listen(stream);
    stream.write('hello\n');
  },
};

function throughProxy(proxy: URL): void {
  const stream = connect(Number(proxy.port), proxy.hostname);
  stream.on('error', (error) => tell(codeOf(error)));
  const proof = Buffer.from(`${proxy.username}:${proxy.password}`).toString('base64');
  const line = proxy.username === '' ? '' : `Proxy-Authorization: Basic ${proof}\r\n`;
  stream.write(`CONNECT ${wanted} HTTP/1.1\r\nHost: ${wanted}\r\n${line}\r\n`);
  let head = '';
  const onData = (bytes: Buffer): void => {
    head += bytes.toString('latin1');
    if (!head.startsWith('HTTP/1.1 200')) {
      said = head;
      return;
    }
    const end = head.indexOf('\r\n\r\n');
    if (end !== -1) {
      stream.removeListener('data', onData);
      stream.removeListener('end', onEnd);
      if (head.length > end + 4) {
        stream.unshift(Buffer.from(head.slice(end + 4), 'latin1'));
      }
      speak[protocol]?.(stream);
    }
  };
  const onEnd = (): void => tell('fin');
  stream.on('data', onData);
  stream.on('end', onEnd);
}

if (at.startsWith('http:')) {
  throughProxy(new URL(at));
} else {
  const stream = connect(Number(at.slice(at.lastIndexOf(':') + 1)), at.slice(0, at.lastIndexOf(':')));
  stream.on('error', (error) => tell(codeOf(error)));
  stream.on('connect', () => speak[protocol]?.(stream));
}
