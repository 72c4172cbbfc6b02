// Networks of a test's own: this process moves into a network namespace where only loopback exists, and makes further ones beside it. They
// go with the processes that hold them. Needs root.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import koffi from 'koffi';
import { SYSTEM_PATH } from '../../src/devices/system-path.ts';
import { runProgram, type ProgramOptions, type ProgramResult } from './run.ts';
import type { CleanUp } from './temp.ts';

const CLONE_NEWNET = 0x4000_0000;

/** Why no tunnel can be made here, or false. */
export function whyNoTunnel(): string | false {
  if (process.getuid?.() !== 0 || !existsSync('/dev/net/tun')) {
    return 'needs root and /dev/net/tun';
  }
  const missing = ['ip', 'nft', 'wg', 'wireguard-go', 'nsenter'].filter(
    (program) => spawnSync('which', [program], { env: { PATH: SYSTEM_PATH } }).status !== 0,
  );
  return missing.length === 0 ? false : `needs ${missing.join(', ')}`;
}

/** Runs a program to its end; throws with what it said when it fails. */
export function must(program: string, ...args: string[]): string {
  const result = spawnSync(program, args, { encoding: 'utf8', timeout: 60_000 });
  if (result.status !== 0) {
    throw new Error(`${program} ${args.join(' ')}: ${result.stderr}${result.error?.message ?? ''}`);
  }
  return result.stdout;
}

/** Leaves the machine's network for good: sockets and children of this process see an empty one. Call it before anything else. */
export function enterOwnNetwork(): void {
  const unshare: unknown = koffi.load(null).func('int unshare(int)');
  if (typeof unshare !== 'function' || Reflect.apply(unshare, undefined, [CLONE_NEWNET]) !== 0) {
    throw new Error('this process cannot have a network of its own');
  }
  must('ip', 'link', 'set', 'lo', 'up');
}

/** Another network, joined to ours by a cable. */
export interface Neighbour {
  readonly pid: number;
  /** Its address on the cable, and ours. */
  readonly address: string;
  readonly ours: string;
  /** Runs a program there to its end. */
  run(program: string, args: readonly string[], options?: ProgramOptions): Promise<ProgramResult>;
  /** As `run`; throws when it fails. */
  must(program: string, ...args: string[]): string;
  /** Program and arguments that run it there. */
  within(program: string, args: readonly string[]): readonly [string, readonly string[]];
}

let cables = 0;

/** Makes a network with mounts of its own (so that it may have its own resolv.conf) and a cable to ours. */
export async function createNeighbour(cleanUp: CleanUp): Promise<Neighbour> {
  const holder = spawn('unshare', ['--net', '--mount', 'sh', '-c', 'echo ready; exec sleep 1800'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  cleanUp.after(() => void holder.kill('SIGKILL'));
  await once(holder.stdout, 'data');
  const pid = holder.pid ?? 0;
  const number = cables;
  cables += 1;
  const [near, far] = [`cable${number}`, `far${number}`];
  const [ours, address] = [`172.31.${number}.1`, `172.31.${number}.2`];
  must('ip', 'link', 'add', near, 'type', 'veth', 'peer', 'name', far, 'netns', String(pid));
  must('ip', 'address', 'add', `${ours}/30`, 'dev', near);
  must('ip', 'link', 'set', near, 'up');
  const within: Neighbour['within'] = (program, args) => [
    'nsenter',
    ['--target', String(pid), '--net', '--mount', '--', program, ...args],
  ];
  const mustThere: Neighbour['must'] = (program, ...args) => {
    const [enter, rest] = within(program, args);
    return must(enter, ...rest);
  };
  mustThere('ip', 'link', 'set', 'lo', 'up');
  mustThere('ip', 'address', 'add', `${address}/30`, 'dev', far);
  mustThere('ip', 'link', 'set', far, 'up');
  return {
    pid,
    address,
    ours,
    within,
    must: mustThere,
    run: (program, args, options) => {
      const [enter, rest] = within(program, args);
      return runProgram(enter, rest, options);
    },
  };
}
