// Runs the programs that set up the network (`ip`, `wg`, `nft`): argument arrays, never a shell, an environment of their own, a deadline,
// and bounded output.
import { spawn } from 'node:child_process';
import { closeSync, writeSync } from 'node:fs';
import koffi from 'koffi';
import { GatewayError, hasCode, messageOf } from '../lib/errors.ts';
import { SYSTEM_PATH } from './system-path.ts';

const DEADLINE_MS = 10_000;
const MAX_OUTPUT_BYTES = 4 * 1024 * 1024;

/** Runs a program with that standard input and gives its standard output. Rejects with GatewayError TUNNEL_FAILED. */
export type RunCommand = (program: string, args: readonly string[], input?: string) => Promise<string>;

/** The programs of this machine. */
export const runCommand: RunCommand = async (program, args, input) => {
  const fail = (why: string, cause?: unknown): never => {
    throw new GatewayError('TUNNEL_FAILED', 'operator', `${program} ${args.join(' ')}: ${why}`, { cause });
  };
  const file = input === undefined ? null : holdInMemory(input);
  try {
    const { status, stdout, stderr } = await runToEnd(program, args, file);
    return status === 0 ? stdout : fail(stderr.trim().slice(0, 500) || `it ended with ${status}`);
  } catch (error) {
    if (error instanceof GatewayError) {
      throw error;
    }
    const missing = hasCode(error, 'ENOENT');
    return fail(missing ? `it is not installed; ${packageOf(program)}` : messageOf(error), error);
  } finally {
    if (file !== null) {
      closeSync(file);
    }
  }
};

interface Ended {
  readonly status: number | string;
  readonly stdout: string;
  readonly stderr: string;
}

function runToEnd(program: string, args: readonly string[], file: number | null): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, [...args], {
      env: { PATH: SYSTEM_PATH, LC_ALL: 'C' },
      stdio: [file ?? 'ignore', 'pipe', 'pipe'],
      timeout: DEADLINE_MS,
      killSignal: 'SIGKILL',
    });
    const said = { stdout: '', stderr: '' };
    for (const name of ['stdout', 'stderr'] as const) {
      child[name]?.setEncoding('utf8').on('data', (text: string) => {
        said[name] += text;
        if (said[name].length > MAX_OUTPUT_BYTES) {
          child.kill('SIGKILL');
        }
      });
    }
    child.on('error', reject);
    child.on('close', (code, signal) => resolve({ status: code ?? signal ?? 'nothing', ...said }));
  });
}

/**
 * A file that is on no disk, since the text may hold a private key. A pipe would not do: `wg` opens /dev/stdin anew, and what Node gives a
 * child as a pipe is a socket, which cannot be opened so.
 */
function holdInMemory(text: string): number {
  const create: unknown = koffi.load(null).func('int memfd_create(const char *name, unsigned int flags)');
  const file: unknown = typeof create === 'function' ? Reflect.apply(create, undefined, ['clawpatrol', 1]) : -1;
  if (typeof file !== 'number' || file < 0) {
    throw new GatewayError(
      'TUNNEL_FAILED',
      'operator',
      'the system has no memfd_create; Linux 3.17 or newer is needed',
    );
  }
  const bytes = Buffer.from(text, 'utf8');
  // At a given position, so that the child begins to read at the start.
  for (let written = 0; written < bytes.length;) {
    written += writeSync(file, bytes, written, bytes.length - written, written);
  }
  return file;
}

function packageOf(program: string): string {
  switch (program) {
    case 'wg':
      return 'install wireguard-tools';
    case 'nft':
      return 'install nftables';
    default:
      return 'install iproute2';
  }
}
