// The agent's HTTP/1 connection over a stream that a test moves by hand: who does not read its answers, and many small requests at once.
import assert from 'node:assert/strict';
import { Duplex } from 'node:stream';
import { test } from 'node:test';
import type { Entrance } from '../../../src/protocols/http/authority.ts';
import { Deferrals } from '../../../src/protocols/http/deferred.ts';
import { isMalformed, parseRequestHead } from '../../../src/protocols/http/h1-head.ts';
import { readRequest } from '../../../src/protocols/http/h1-request.ts';
import { serveH1, type H1Parts } from '../../../src/protocols/http/h1-server.ts';
import { KnownRequest } from '../../../src/protocols/http/memory.ts';
import { refuseHttps } from '../../../src/protocols/https/denial.ts';
import type { ServeContext } from '../../../src/protocols/protocol.ts';
import { FakeClock, settled } from '../../support/fake-clock.ts';
import { AGENT } from '../../support/gate-parts.ts';
import { PathAnalyser, PathGate, testInjector } from '../../support/http-gateway.ts';

const ENTRANCE: Entrance = {
  patterns: [{ host: 'api.test', port: 443, wildcard: false }],
  target: null,
  serverName: null,
  secure: false,
  dialled: { host: '127.0.0.1', port: 15_443 },
  ownNames: new Set(),
  tunnelOnly: false,
};

/** A client whose socket takes what it is sent only when the test says so. */
class SlowClient extends Duplex {
  received = 0;
  readonly writes: string[] = [];
  #reading = false;
  #held: (() => void) | null = null;

  override _read(): void {
    // The test pushes.
  }

  override _write(bytes: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.received += bytes.length;
    this.writes.push(bytes.toString('latin1'));
    if (this.#reading) {
      done();
    } else {
      this.#held = done;
    }
  }

  /** From now on it reads whatever it is sent. */
  startReading(): void {
    this.#reading = true;
    this.#held?.();
  }
}

function serve(): { readonly client: SlowClient; readonly gate: PathGate } {
  const client = new SlowClient({ allowHalfOpen: true });
  const gate = new PathGate();
  const clock = new FakeClock();
  const endpoint = { name: 'api', type: 'https', ref: 'https.api', family: 'http', host: 'api.test' } as const;
  const context = {
    endpoint,
    gate,
    clock,
    config: () => ({ ref: 'https.api', attributes: {} }),
    refused: () => undefined,
    reads: () => false,
    placeholders: () => [],
    bodyBufferBytes: 1024,
    headerBytes: 64 * 1024,
    signal: new AbortController().signal,
    draining: new AbortController().signal,
  } as unknown as ServeContext;
  const parts: H1Parts = {
    origin: { session: 's', agent: AGENT, endpoint, family: 'http', clock },
    context,
    flavour: {
      family: 'http',
      analyser: new PathAnalyser(),
      refuse: refuseHttps,
      upgrades: [],
      upgraded: () => {
        throw new Error('nothing is upgraded here');
      },
    },
    injector: testInjector,
    mcp: null,
    deferrals: new Deferrals(clock, () => undefined),
    credentials: { find: () => null },
    lasting: new Set(),
    upstreams: {
      start: () => {
        throw new Error('nothing is sent here');
      },
      close: () => undefined,
    },
    stream: client,
    secure: false,
    readHead: (text) => {
      const head = parseRequestHead(text);
      const reading = isMalformed(head) ? null : readRequest(head, ENTRANCE);
      assert.ok(reading?.kind === 'request');
      return new KnownRequest(reading);
    },
    reset: () => client.destroy(),
  };
  void serveH1(parts);
  return { client, gate };
}

const REQUEST = Buffer.from('GET /denied HTTP/1.1\r\nHost: api.test\r\n\r\n');

test('a client that does not read its answers gets no more of them until it does (DP-31)', async () => {
  const { client, gate } = serve();
  client.push(Buffer.concat(Array.from({ length: 2000 }, () => REQUEST)));
  await settled();
  const first = gate.asked.length;
  assert.ok(first > 0 && first < 200, String(first));
  await settled();
  assert.equal(gate.asked.length, first);
  client.startReading();
  for (let turn = 0; turn < 1000 && gate.asked.length < 2000; turn += 1) {
    await settled();
  }
  assert.equal(gate.asked.length, 2000);
  client.destroy();
});

test('HX-05: an answer of the gateway`s own is one write with its length, and says when nothing more is read', async () => {
  const cases: readonly (readonly [name: string, request: string, closes: boolean])[] = [
    ['without a body', 'GET /denied HTTP/1.1\r\nHost: api.test\r\n\r\n', false],
    ['a body that is not read', 'POST /denied HTTP/1.1\r\nHost: api.test\r\nContent-Length: 9\r\n\r\nhalf', true],
    ['only the head is asked for', 'HEAD /denied HTTP/1.1\r\nHost: api.test\r\n\r\n', false],
  ];
  for (const [name, request, closes] of cases) {
    const { client } = serve();
    client.startReading();
    client.push(Buffer.from(request));
    await settled();
    assert.equal(client.writes.length, 1, name);
    const [head = '', body = ''] = (client.writes[0] ?? '').split('\r\n\r\n');
    assert.match(head, /^HTTP\/1\.1 403 /, name);
    assert.equal(/\r\nConnection: close(\r\n|$)/.test(head), closes, name);
    const length = Number(/\r\nContent-Length: (\d+)/.exec(head)?.[1]);
    assert.ok(length > 0, name);
    assert.equal(body.length, request.startsWith('HEAD') ? 0 : length, name);
    client.destroy();
  }
});
