// HT-14: what is sent upstream is read by another parser, llhttp in its strict mode, as what was judged; everything else is refused.
import assert from 'node:assert/strict';
import { createServer, type IncomingMessage } from 'node:http';
import { Duplex } from 'node:stream';
import { test } from 'node:test';
import { createBodyReader } from '../../../src/protocols/http/h1-body.ts';
import { isMalformed, takeRequestHead } from '../../../src/protocols/http/h1-head.ts';
import { readRequest } from '../../../src/protocols/http/h1-request.ts';
import { chunkOf, hostValue, lastChunk, requestHead } from '../../../src/protocols/http/h1-write.ts';
import type { HttpRequest } from '../../../src/protocols/http/request.ts';
import { HTTP_HEADS } from '../../corpus/http-heads.ts';

interface Message {
  readonly method: string;
  readonly target: string;
  readonly fields: readonly string[];
  readonly body: string;
}

const ENTRANCE = {
  patterns: [{ host: 'api.test', port: 443, wildcard: false }],
  target: null,
  serverName: 'api.test',
  secure: true,
  dialled: { host: '127.0.0.1', port: 4443 },
  ownNames: new Set(['127.0.0.1']),
  tunnelOnly: false,
};

/** What we judge, and the bytes that we send for it; null when it is refused or never whole. */
function judge(text: string): { readonly judged: Message; readonly sent: Buffer } | null {
  const bytes = Buffer.from(text, 'latin1');
  const taken = takeRequestHead(bytes, 4096);
  const reading = taken.kind === 'head' ? readRequest(taken.head, ENTRANCE) : null;
  if (taken.kind !== 'head' || reading?.kind !== 'request') {
    return null;
  }
  const { request, framing } = reading;
  const reader = createBodyReader(framing);
  const pieces = reader.empty ? null : reader.take(bytes.subarray(taken.sizeBytes));
  if (pieces !== null && (isMalformed(pieces) || !pieces.done)) {
    return null;
  }
  const data = Buffer.concat(pieces?.data ?? []);
  const head = requestHead(request, { expectContinue: false, keepAlive: true });
  const body = request.framing === 'stream' ? Buffer.concat([chunkOf(data), lastChunk([])]) : data;
  return { judged: messageOf(request, data), sent: Buffer.concat([head, body]) };
}

function messageOf(request: HttpRequest, data: Buffer): Message {
  const { method, rawPath, rawQuery, fields, framing, upgrade } = request;
  const lines = [{ name: 'Host', value: hostValue(request) }, ...fields].map(({ name, value }) => `${name}: ${value}`);
  return {
    method,
    target: rawQuery === null ? rawPath : `${rawPath}?${rawQuery}`,
    fields: [
      ...lines,
      ...(framing === 'stream' ? ['Transfer-Encoding: chunked'] : []),
      ...(upgrade === 'none' ? [] : ['Connection: Upgrade', `Upgrade: ${upgrade}`]),
    ],
    body: data.toString('latin1'),
  };
}

/** What Node's own parser makes of these bytes: every message, and the code of the error that ended it. */
async function readByNode(sent: Buffer): Promise<readonly (Message | string)[]> {
  const got: (Message | string)[] = [];
  const server = createServer({ insecureHTTPParser: false, requireHostHeader: true });
  const stream = new Duplex({ read: () => undefined, write: (_bytes, _encoding, done) => done() });
  const pending: Promise<void>[] = [];
  const onRequest = (request: IncomingMessage): void => {
    pending.push(collect(request).then((message) => void got.push(message)));
  };
  server.on('request', onRequest);
  server.on('upgrade', onRequest);
  server.on('clientError', (error: NodeJS.ErrnoException) => void got.push(error.code ?? error.message));
  server.emit('connection', stream);
  stream.push(sent);
  // The parser works in the same turn in which the stream is read.
  await new Promise((resolve) => setImmediate(resolve));
  await Promise.all(pending);
  stream.destroy();
  return got;
}

async function collect(request: IncomingMessage): Promise<Message> {
  const { rawHeaders, method = '', url = '' } = request;
  const fields = Array.from(
    { length: rawHeaders.length / 2 },
    (_, at) => `${rawHeaders[2 * at]}: ${rawHeaders[2 * at + 1]}`,
  );
  const body: Buffer[] = [];
  for await (const bytes of request as AsyncIterable<Buffer>) {
    body.push(bytes);
  }
  return { method, target: url, fields, body: Buffer.concat(body).toString('latin1') };
}

/** What llhttp refuses whole, so that nothing is hidden from it: methods it does not know, targets beyond ASCII (which clients do send). */
function refusedByNode({ method, target }: Message): string | null {
  if (/^(?:get|G!T)$/.test(method)) {
    return 'HPE_INVALID_METHOD';
  }
  return /[\x80-\xff]/.test(target) ? 'HPE_INVALID_URL' : null;
}

test('HT-14: every head is refused, or read by llhttp exactly as it was judged', async () => {
  let passed = 0;
  for (const text of HTTP_HEADS) {
    const own = judge(text);
    if (own !== null) {
      passed += 1;
      const expected = refusedByNode(own.judged) ?? own.judged;
      assert.deepEqual(await readByNode(own.sent), [expected], JSON.stringify(text));
    }
  }
  assert.ok(HTTP_HEADS.length >= 150, String(HTTP_HEADS.length));
  assert.ok(passed >= 60 && HTTP_HEADS.length - passed >= 60, `${passed} of ${HTTP_HEADS.length} passed`);
});
