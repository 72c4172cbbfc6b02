// Streams of SSH as long as they come, through the real daemon: a gibibyte each way with keys exchanged anew, and every way to end one.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import ssh2 from 'ssh2';
import { fileScope } from '../support/scope.ts';
import { allow, startSshGateway } from '../support/ssh-gateway.ts';
import { startSshd } from '../support/sshd.ts';
import { temporaryFolder } from '../support/temp.ts';

const MIB = 1024 * 1024;
/** A little more than one set of keys is used for. */
const TOTAL = 1040 * MIB;
const LIMIT_MS = 900_000;
/** Whatever passes through, the daemon keeps to this over what it had before. */
const MAX_GROWTH_BYTES = 192 * MIB;

const scope = fileScope();
const folder = temporaryFolder(scope, 'ssh-volume');
const sshd = await startSshd(scope, { config: ['RekeyLimit 1G'] });
const { gateway, client } = await startSshGateway(scope, sshd, { rules: { run: allow("ssh.verb == 'exec'") } });

/** Resident memory of the daemon in bytes. */
function residentBytes(): number {
  const kib = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${gateway.pid}/status`, 'utf8'))?.[1];
  return Number(kib) * 1024;
}

/** Bytes that differ from one mebibyte to the next, so that none can be lost, doubled or moved unseen. */
function* numbered(): Generator<Buffer> {
  const block = Buffer.alloc(MIB, 'abcdefghijklmnopqrstuvwxyz0123456789');
  for (let sent = 0; sent < TOTAL; sent += MIB) {
    block.writeUInt32BE(sent / MIB);
    yield Buffer.from(block);
  }
}

test(
  'MP-44, MP-40: a gibibyte goes there and comes back, with keys exchanged anew, stderr and the exit status behind it',
  { timeout: LIMIT_MS },
  async () => {
    const before = residentBytes();
    let most = 0;
    const watch = setInterval(() => (most = Math.max(most, residentBytes())), 50);
    // Of two values of an option the first counts.
    const options = ['-o', 'RekeyLimit=1G', '-o', 'LogLevel=DEBUG1', '-p', String(client.port)];
    const child = spawn('ssh', [...options, ...client.options, '127.0.0.1', 'cat; echo end >&2; exit 7']);
    scope.after(() => void child.kill('SIGKILL'));
    const sent = createHash('sha256');
    const received = createHash('sha256');
    let bytes = 0;
    let stderr = '';
    child.stdout.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      received.update(chunk);
    });
    child.stderr.on('data', (chunk: Buffer) => void (stderr += chunk.toString()));
    const counted = Readable.from(numbered()).map((chunk: Buffer) => {
      sent.update(chunk);
      return chunk;
    });
    counted.pipe(child.stdin);
    const [code] = await once(child, 'close');
    clearInterval(watch);
    assert.deepEqual([code, bytes], [7, TOTAL], stderr);
    assert.equal(received.digest('hex'), sent.digest('hex'));
    assert.match(stderr, /^end\r?$/m);
    assert.ok((stderr.match(/SSH2_MSG_KEXINIT received/g) ?? []).length >= 2, 'keys were exchanged anew');
    assert.ok(most - before < MAX_GROWTH_BYTES, `grown by ${Math.round((most - before) / MIB)} MiB`);
  },
);

/** A program on a connection of its own. */
async function start(command: string): Promise<ssh2.ClientChannel> {
  const connection = new ssh2.Client();
  scope.after(() => void connection.end());
  connection.connect({ host: '127.0.0.1', port: client.port, username: sshd.user, readyTimeout: 60_000 });
  await once(connection, 'ready');
  return new Promise((resolve, reject) => {
    connection.exec(command, (error, channel) => (error === undefined ? resolve(channel) : reject(error)));
  });
}

/** Waits for the end: what was printed, and how the program ended. */
async function ended(channel: ssh2.ClientChannel): Promise<readonly unknown[]> {
  let printed = '';
  channel.on('data', (bytes: Buffer) => void (printed += bytes.toString()));
  const [exit] = await Promise.all([once(channel, 'exit'), once(channel, 'close')]);
  return [printed, ...exit.slice(0, 2)];
}

test(
  'MP-44: the end of stdin alone leaves the other way open, and the exit status comes',
  { timeout: LIMIT_MS },
  async () => {
    const channel = await start('cat >/dev/null; echo after the end; exit 4');
    const done = ended(channel);
    channel.end('to nobody');
    assert.deepEqual(await done, ['after the end\n', 4]);
  },
);

test('MP-44: the end of what a program prints leaves its stdin open', { timeout: LIMIT_MS }, async () => {
  const file = join(folder, 'written');
  const channel = await start(`exec 1>&- 2>&-; cat >${file}; exit 5`);
  const done = ended(channel);
  await once(channel, 'end');
  channel.end('x'.repeat(MIB));
  assert.deepEqual(await done, ['', 5]);
  assert.equal(readFileSync(file, 'utf8').length, MIB);
});

test('MP-44: a program that a signal ended says which, behind all that it printed', { timeout: LIMIT_MS }, async () => {
  const channel = await start('head -c 1000000 /dev/zero | tr "\\0" x; kill -TERM $$');
  const [printed, code, signal] = await ended(channel);
  assert.deepEqual([String(printed).length, code, signal], [1_000_000, null, 'SIGTERM']);
});
