// Starts the inner half of `clawpatrol run` in namespaces of its own. It begins before anything is known of the run: a second process takes its time.
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import type { Duplex } from 'node:stream';
import { SYSTEM_PATH } from '../../devices/system-path.ts';
import { RunError } from './run-error.ts';

// The compiler rewrites the extension in import statements only, so the entry is named after the file that runs: `.js` as built.
const EXTENSION = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
const INSIDE = new URL(`./inside.${EXTENSION}`, import.meta.url);

export interface InnerHalf {
  readonly child: ChildProcess;
  readonly stream: Duplex;
  /** Its end: the exit code. Rejects with RunError when it could not be started. */
  readonly ended: Promise<number>;
  /** Whether it has ever said anything. */
  heard: boolean;
  /** Ends it, and whatever it started, if it still is there. */
  dismiss(): void;
}

export function startInnerHalf(): InnerHalf {
  const namespaces = ['--user', '--map-root-user', '--net', '--mount', '--propagation', 'private'];
  const child = spawn('unshare', [...namespaces, '--', process.execPath, INSIDE.pathname], {
    // Nothing of the command's environment decides how the inner half runs.
    env: { PATH: SYSTEM_PATH },
    stdio: ['inherit', 'inherit', 'inherit', 'pipe'],
  });
  const stream = streamOf(child);
  stream.on('error', () => {});
  const ended = new Promise<number>((resolve, reject) => {
    child.once('error', (error) =>
      reject(new RunError(`unshare cannot be started (${error.message}); install util-linux`)),
    );
    child.once('exit', (code, signal) => {
      if (code === 1 && !inner.heard) {
        reject(new RunError(noNamespaces()));
      } else {
        resolve(code ?? (signal === 'SIGKILL' ? 137 : 143));
      }
    });
  });
  // It may end before anybody waits for that.
  ended.catch(() => {});
  const inner: InnerHalf = {
    child,
    stream,
    ended,
    heard: false,
    dismiss() {
      child.kill('SIGKILL');
      stream.destroy();
    },
  };
  return inner;
}

function noNamespaces(): string {
  return 'this system gives this user no namespaces; allow them (sysctl kernel.unprivileged_userns_clone=1, or on Ubuntu kernel.apparmor_restrict_unprivileged_userns=0), or run it with sudo; `run --mode proxy` needs none, and contains nothing';
}

function streamOf(child: ChildProcess): Duplex {
  const stream: unknown = child.stdio[3];
  // The fourth place was asked for as a pipe, which is a socket in both directions.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return stream as Duplex;
}
