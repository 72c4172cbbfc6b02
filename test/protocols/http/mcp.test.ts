// MCP on the way back: lists without tools that may not be called, requests of the server judged, ids that belong to somebody else.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { brotliCompressSync, gunzipSync, gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { createMcpAnswerFilter } from '../../../src/protocols/http/mcp-answer.ts';
import type { AnswerPiece, McpAnswerFilter } from '../../../src/protocols/http/mcp-answer.ts';
import { McpSessions } from '../../../src/protocols/http/mcp-session.ts';
import type { McpIssues } from '../../../src/protocols/http/mcp-session.ts';
import { SseReader } from '../../../src/protocols/http/sse.ts';
import { Unknown } from '../../../src/rules/action.ts';
import { analysisOf, makeRequest } from '../../support/http.ts';

const facts = analysisOf({ target: '/mcp' }).units[0]?.facts ?? { get: () => undefined };
const NO_ISSUES: McpIssues = {
  event: () => undefined,
  path: () => undefined,
  asked: () => undefined,
  tool: () => false,
};

type Headers = readonly (readonly [string, string])[];

function filterOf(
  type: string,
  { issues = NO_ISSUES, headers = [] }: { issues?: McpIssues; headers?: Headers } = {},
): McpAnswerFilter {
  const fields = [['Content-Type', type] as const, ...headers].map(([name, value]) => ({ name, value }));
  const filter = createMcpAnswerFilter(
    { status: 200, fields },
    { facts, issues, toolChanged: () => undefined, mayCall: (tool) => tool !== 'wipe' },
  );
  assert.ok(filter !== null);
  return filter;
}

function run(filter: McpAnswerFilter, ...chunks: readonly (string | Buffer)[]): AnswerPiece[] {
  return [...chunks.flatMap((chunk) => [...filter.push(Buffer.from(chunk))]), ...filter.end()];
}

function textOf(pieces: readonly AnswerPiece[]): string {
  return pieces.map((piece) => (piece.kind === 'cut' ? `<${piece.why}>` : piece.bytes.toString())).join('');
}

const tools = (...names: readonly string[]): object => ({
  jsonrpc: '2.0',
  id: 1,
  result: { tools: names.map((name) => ({ name, description: `does ${name}` })) },
});

test('MC-05: a tool that may not be called is in no list, as JSON and as an event', () => {
  const shown = JSON.stringify(tools('search'));
  const full = JSON.stringify(tools('search', 'wipe'));
  assert.equal(textOf(run(filterOf('application/json'), full.slice(0, 20), full.slice(20))), shown);
  assert.equal(textOf(run(filterOf('application/json'), `[${full}]`)), `[${shown}]`);
  for (const end of ['\n', '\r\n', '\r']) {
    const event = [`event: message`, `id: 7`, `data: ${full}`, '', ''].join(end);
    const text = textOf(run(filterOf('text/event-stream; charset=utf-8'), event, event));
    assert.equal(text.match(/"wipe"/g), null, JSON.stringify(end));
    assert.equal(text.match(/data: \{/g)?.length, 2);
    assert.match(text, /id: 7/);
  }
  const cut = JSON.stringify(tools('search', 'wipe'), null, 1)
    .split('\n')
    .map((line) => `data: ${line}`);
  const several = textOf(run(filterOf('text/event-stream'), `${cut.join('\n')}\n\n`));
  assert.equal(several, `data: ${shown}\n\n`);
});

test('what needs no change passes byte for byte', () => {
  const texts = [
    JSON.stringify(tools('search'), null, 2),
    '{"jsonrpc":"2.0","id":1,"result":{"content":[]}}',
    'not JSON',
    '',
    '{"n":12345678901234567890}',
  ];
  for (const text of texts) {
    assert.equal(textOf(run(filterOf('application/json'), text)), text);
  }
  const events = `: hello\n\nid: 1\n\nretry: 5\n\ndata: ${JSON.stringify(tools('a'))}\r\n\r\ndata: x\ndata: y\r\rdata: no end`;
  assert.equal(textOf(run(filterOf('text/event-stream'), events)), events);
  assert.equal(
    createMcpAnswerFilter(
      { status: 200, fields: [{ name: 'content-type', value: 'text/html' }] },
      { facts, issues: NO_ISSUES, toolChanged: () => undefined, mayCall: () => false },
    ),
    null,
  );
});

test('MC-11: any cut of a stream of events gives the same bytes', () => {
  const stream = Buffer.from(
    `data: ${JSON.stringify(tools('a', 'wipe'))}\r\n\r\n: c\r\rid: 3\ndata: {"jsonrpc":"2.0","method":"notifications/x"}\n\ndata: y\r\n\r`,
  );
  const whole = textOf(run(filterOf('text/event-stream'), stream)).replaceAll(/\s+/g, ' ');
  fc.assert(
    fc.property(fc.array(fc.nat(stream.length), { maxLength: 12 }), (cuts) => {
      const places = [0, ...cuts.toSorted((a, b) => a - b), stream.length];
      const chunks = places.slice(1).map((place, index) => stream.subarray(places[index], place));
      assert.equal(textOf(run(filterOf('text/event-stream'), ...chunks)).replaceAll(/\s+/g, ' '), whole);
    }),
  );
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom('data', ':', ' ', '\n', '\r', '\r\n', 'id: 1', 'x'), { maxLength: 20 }),
      (parts) => {
        const reader = new SseReader();
        const events = parts.flatMap((part) => [...(reader.push(Buffer.from(part)) ?? [])]);
        const bytes = Buffer.concat([...events.map(({ raw }) => raw), reader.rest()]);
        assert.equal(bytes.toString(), parts.join(''));
      },
    ),
  );
});

test('a coded body is looked into; what cannot be read, or is read in two ways, is cut', () => {
  const full = JSON.stringify(tools('search', 'wipe'));
  const gzip = run(filterOf('application/json', { headers: [['Content-Encoding', 'gzip']] }), gzipSync(full));
  const [piece] = gzip;
  assert.ok(piece?.kind === 'pass');
  assert.equal(gunzipSync(piece.bytes).toString(), JSON.stringify(tools('search')));
  const plain = gzipSync(JSON.stringify(tools('search')));
  assert.deepEqual(run(filterOf('application/json', { headers: [['Content-Encoding', 'gzip']] }), plain)[0], {
    kind: 'pass',
    bytes: plain,
  });
  const cuts: [McpAnswerFilter, string | Buffer][] = [
    [filterOf('application/json', { headers: [['Content-Encoding', 'lzma']] }), full],
    [filterOf('application/json', { headers: [['Content-Encoding', 'gzip']] }), full],
    [filterOf('text/event-stream', { headers: [['Content-Encoding', 'br']] }), brotliCompressSync('data: x\n\n')],
    [filterOf('application/json'), '{"result":{"tools":[]},"result":{"tools":[{"name":"wipe"}]}}'],
    [filterOf('application/json'), Buffer.alloc(16 * 1024 * 1024 + 1, 0x20)],
    [filterOf('text/event-stream'), Buffer.alloc(16 * 1024 * 1024 + 1, 0x20)],
  ];
  for (const [filter, bytes] of cuts) {
    assert.ok(run(filter, bytes).some(({ kind }) => kind === 'cut'));
  }
});

test('MC-08: what the server asks of the agent is a unit of its own', () => {
  const asked: [string | number, string][] = [];
  const issues: McpIssues = { ...NO_ISSUES, asked: (id, method) => void asked.push([id, method]) };
  const message = JSON.stringify({ jsonrpc: '2.0', id: 'q', method: 'sampling/createMessage', params: {} });
  const [piece] = run(filterOf('text/event-stream', { issues }), `data: ${message}\n\n`);
  assert.ok(piece?.kind === 'judge');
  assert.equal(piece.bytes.toString(), `data: ${message}\n\n`);
  assert.equal(piece.unit.facts.get('mcp.direction'), 'server');
  assert.equal(piece.unit.facts.get('mcp.method'), 'sampling/createMessage');
  assert.equal(piece.unit.facts.get('http.path'), '/mcp');
  assert.equal(piece.unit.risk, 'suspicious');
  assert.deepEqual(asked, [['q', 'sampling/createMessage']]);
  const ping = JSON.stringify({ jsonrpc: '2.0', id: 2, method: 'ping' });
  const [safe] = run(filterOf('application/json', { issues }), ping);
  assert.ok(safe?.kind === 'judge');
  assert.equal(safe.unit.risk, 'safe');
  const [note] = run(filterOf('application/json', { issues }), '{"jsonrpc":"2.0","method":"notifications/message"}');
  assert.equal(note?.kind, 'pass');
});

const field = (name: string, value: string): { name: string; value: string } => ({ name, value });
const requestWith = (...headers: Headers): ReturnType<typeof makeRequest>['request'] =>
  makeRequest({ target: '/mcp', headers }).request;

test('MC-07, MC-12: what was issued to one owner opens nothing to another', () => {
  const sessions = new McpSessions();
  const response = { status: 200, fields: [field('Mcp-Session-Id', 'S1')] };
  const issues = sessions.answered('ann', 'https.m', { request: requestWith(), response });
  issues.event('E1');
  issues.path('/messages?sessionId=1');
  const view = (owner: string, ...headers: Headers): string | null =>
    sessions.viewOf(owner, 'https.m', requestWith(...headers)).refused;
  assert.equal(view('ann', ['Mcp-Session-Id', 'S1']), null);
  assert.match(view('bob', ['Mcp-Session-Id', 'S1']) ?? '', /somebody else/);
  assert.equal(view('ann', ['Mcp-Session-Id', 'S1'], ['Last-Event-ID', 'E1']), null);
  assert.match(view('bob', ['Last-Event-ID', 'E1']) ?? '', /somebody else/);
  assert.equal(view('bob', ['Last-Event-ID', 'E2']), null);
  assert.match(view('ann', ['Mcp-Session-Id', 'S1'], ['Mcp-Session-Id', 'S2']) ?? '', /somebody else/);
  assert.equal(view('bob'), null);
  const post = makeRequest({ target: '/messages?sessionId=1', body: '{}' }).request;
  assert.match(sessions.viewOf('bob', 'https.m', post).refused ?? '', /somebody else/);
  assert.equal(sessions.viewOf('ann', 'https.m', post).refused, null);
  assert.equal(sessions.viewOf('bob', 'https.other', requestWith(['Mcp-Session-Id', 'S1'])).refused, null);
  const foreign = sessions.viewOf('bob', 'https.m', requestWith(['Mcp-Session-Id', 'S1'])).session;
  assert.ok(foreign instanceof Unknown);
  // Unknown since a restart: whoever comes first has it.
  assert.equal(view('bob', ['Mcp-Session-Id', 'S9']), null);
  assert.match(view('ann', ['Mcp-Session-Id', 'S9']) ?? '', /somebody else/);
});

test('MC-09: an id that the server used is known in its session, by type, and in no other', () => {
  const sessions = new McpSessions();
  const response = { status: 200, fields: [field('Mcp-Session-Id', 'S1')] };
  sessions.answered('ann', 'e', { request: requestWith(), response }).asked(7, 'elicitation/create');
  const asked = (owner: string, id: string | number, ...headers: Headers): string | null =>
    sessions.viewOf(owner, 'e', requestWith(...headers)).askedBy(id);
  assert.equal(asked('ann', 7, ['Mcp-Session-Id', 'S1']), 'elicitation/create');
  assert.equal(asked('ann', '7', ['Mcp-Session-Id', 'S1']), null);
  assert.equal(asked('ann', 8, ['Mcp-Session-Id', 'S1']), null);
  assert.equal(asked('ann', 7), null);
  sessions
    .answered('bob', 'e', { request: requestWith(), response: { status: 200, fields: [] } })
    .asked(1, 'roots/list');
  assert.equal(asked('bob', 1), 'roots/list');
  assert.equal(asked('ann', 1), null);
});

test('ending a session is safe for whom it was issued to, where it began; everything else that DELETE does asks, and another`s is refused', () => {
  const sessions = new McpSessions();
  const response = { status: 200, fields: [field('Mcp-Session-Id', 'S1')] };
  sessions.answered('ann', 'e', { request: requestWith(), response });
  const judge = (owner: string, sent: Parameters<typeof makeRequest>[0]) => {
    const request = { method: 'DELETE', target: '/mcp', ...sent };
    return analysisOf(request, {
      mcp: sessions.viewOf(owner, 'e', makeRequest(request).request),
      attributes: { mcp: true },
    });
  };
  const own: Headers = [['Mcp-Session-Id', 'S1']];
  assert.equal(judge('ann', { headers: own }).risk, 'safe');
  assert.equal(judge('ann', { headers: own }).refused, null);
  assert.equal(judge('ann', {}).risk, 'destructive');
  assert.equal(judge('ann', { headers: own, target: '/users/1' }).risk, 'destructive');
  assert.equal(judge('ann', { headers: own, target: '/mcp?all=1' }).risk, 'destructive');
  assert.equal(judge('ann', { headers: own, body: '{}' }).risk, 'destructive');
  assert.match(judge('bob', { headers: own }).refused ?? '', /somebody else/);
  // Used first is not issued: before a restart it may have been somebody else's.
  const used: Headers = [['Mcp-Session-Id', 'S9']];
  assert.equal(judge('bob', { headers: used }).risk, 'destructive');
  assert.equal(judge('bob', { headers: used }).risk, 'destructive');
});

test('HX-17: of a stream no more is kept than the event that has not ended, and that is bounded', () => {
  const events = new SseReader();
  const event = Buffer.from(`data: ${'x'.repeat(64 * 1024)}\n\n`);
  for (let count = 0; count < 300; count += 1) {
    assert.equal(events.push(event)?.length, 1);
  }
  assert.equal(events.rest().length, 0);
  const endless = filterOf('text/event-stream');
  const piece = Buffer.alloc(1024 * 1024, 'x');
  const kinds = Array.from({ length: 17 }, () => endless.push(piece).map(({ kind }) => kind)).flat();
  assert.deepEqual(kinds, ['cut']);
});
