// Runs a gateway until a signal or a fault ends it, and gives the exit code. What a verb needs of the process comes in as arguments.
import { messageOf } from '../lib/errors.ts';
import type { Gateway } from './gateway.ts';

export interface RunParts {
  readonly gateway: Gateway;
  /** Subscribes until the returned function is called. */
  onSignal(name: 'SIGINT' | 'SIGTERM' | 'SIGHUP', listener: () => void): () => void;
  /** Anything that nobody caught. */
  onFault(listener: (error: unknown) => void): () => void;
  /** The daemon is ready: print the line. */
  readonly onReady: (line: string) => void;
  /** Ends the process at once with this code. */
  readonly exitNow: (code: number) => void;
}

/** Starts, serves, and stops. Rejects when the start fails; everything is undone then. */
export async function runGateway(parts: RunParts): Promise<number> {
  const { gateway } = parts;
  let stopping = false;
  let code = 0;
  const stop = (): void => {
    if (stopping) {
      parts.exitNow(1);
      return;
    }
    stopping = true;
    // Its end is awaited below, through `stopped`; it does not reject.
    void gateway.stop();
  };
  const offs = [
    parts.onSignal('SIGTERM', stop),
    parts.onSignal('SIGINT', stop),
    parts.onSignal('SIGHUP', () => {
      gateway.reopenLog();
      // Told to the log and to `status`; a signal has nobody to answer to.
      void gateway.reload('SIGHUP');
    }),
    // The state of a process in which something was thrown that nobody caught is unknown: it drains, and ends as failed.
    parts.onFault((error) => {
      gateway.fault(error);
      code = 1;
      if (stopping) {
        return;
      }
      stop();
    }),
  ];
  try {
    parts.onReady(await gateway.start());
    const broken = await gateway.stopped;
    return broken === null ? code : failWith(broken);
  } finally {
    offs.forEach((off) => off());
  }
}

function failWith(error: unknown): never {
  throw error instanceof Error ? error : new Error(messageOf(error));
}
