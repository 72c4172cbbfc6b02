// The tunnel's benchmark leaves the machine's network, so it runs in a process of its own. It needs root.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { whyNoTunnel } from '../test/support/network.ts';

interface Options {
  readonly rounds: number;
  readonly mebibytes: number;
  readonly seconds: number;
}

/** Prints a table of ratios, or why there is none. */
export async function benchTunnel({ rounds, mebibytes, seconds }: Options): Promise<void> {
  const why = whyNoTunnel();
  if (why !== false) {
    process.stdout.write(`not measured: it ${why}\n`);
    return;
  }
  const words = [rounds, mebibytes, seconds].map(String);
  const child = spawn(
    process.execPath,
    ['--enable-source-maps', join(import.meta.dirname, 'tunnel-world.js'), ...words],
    {
      stdio: 'inherit',
    },
  );
  const [code] = (await once(child, 'exit')) as [number | null];
  if (code !== 0) {
    throw new Error(`the benchmark of the tunnel ended with ${code}`);
  }
}
