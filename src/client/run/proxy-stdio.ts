// What ssh runs to reach a host (ProxyCommand) in a run in proxy mode: it asks the run's HTTP proxy for the host and port that ssh wants,
// and carries bytes between that and its own standard input and output. A program of its own: `proxy-stdio FILE HOST PORT`, where FILE holds
// the proxy's URL, so that its password is in no list of processes.
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { visible } from '../../lib/text.ts';

const MAX_HEAD_BYTES = 64 * 1024;
const ANSWER_MS = 30_000;

function fail(why: string): never {
  process.stderr.write(`clawpatrol: ${visible(why)}\n`);
  process.exit(1);
}

/** Why the proxy said no: its word for it, or else its status line. */
function readReason(answer: string): string {
  const [head = '', body = ''] = answer.split(/\r\n\r\n(.*)/s);
  const reason = /"reason":("(?:[^"\\]|\\.)*")/.exec(body)?.[1];
  return reason === undefined ? (head.split('\r\n')[0] ?? '') : String(JSON.parse(reason));
}

const [file = '', name = '', port = ''] = process.argv.slice(2);
const proxy = new URL(readFileSync(file, 'utf8').trim());
const target = name.includes(':') ? `[${name}]:${port}` : `${name}:${port}`;
const proof = Buffer.from(`${proxy.username}:${proxy.password}`).toString('base64');
const socket = connect({ host: proxy.hostname, port: Number(proxy.port), allowHalfOpen: true, noDelay: true });
const limit = setTimeout(() => fail('the proxy of this run does not answer'), ANSWER_MS);
let held: Buffer = Buffer.alloc(0);

function onData(chunk: Buffer): void {
  held = Buffer.concat([held, chunk]);
  const end = held.indexOf('\r\n\r\n');
  if (end === -1 && held.length > MAX_HEAD_BYTES) {
    fail('the proxy of this run answers with more than an answer has');
  }
  if (end === -1 || !held.toString('latin1', 0, 20).startsWith('HTTP/1.1 200 ')) {
    return;
  }
  clearTimeout(limit);
  socket.off('data', onData);
  socket.off('end', onEnd);
  process.stdout.write(held.subarray(end + 4));
  process.stdin.pipe(socket);
  socket.pipe(process.stdout);
  // What is still to be read of it is ssh's; whether ssh goes on talking does not matter any more.
  socket.once('close', () => process.stdin.destroy());
}

function onEnd(): void {
  fail(`${target} is not reached: ${readReason(held.toString('utf8'))}`);
}

socket.once('connect', () =>
  socket.write(`CONNECT ${target} HTTP/1.1\r\nHost: ${target}\r\nProxy-Authorization: Basic ${proof}\r\n\r\n`),
);
socket.on('data', onData);
socket.once('end', onEnd);
socket.on('error', (error) => fail(`the run's connection to ${target} broke off: ${error.message}`));
// ssh has gone: there is nobody to carry anything for.
process.stdout.on('error', () => socket.destroy());
