// Tells systemd about readiness, status and life, through systemd-notify (Node has no datagram sockets of the Unix kind).
import { execFile } from 'node:child_process';
import type { Job, Jobs } from '../lib/jobs.ts';

export interface ServiceManager {
  ready(status: string): void;
  stopping(): void;
  stop(): void;
}

export interface ServiceManagerParts {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly jobs: Jobs;
  /** Runs `systemd-notify` with these arguments; a failure is the caller's to ignore. */
  readonly run?: (args: readonly string[], env: Record<string, string>) => void;
}

/** Does nothing when the daemon was not started by systemd. */
export function createServiceManager({ env, jobs, run = runNotify }: ServiceManagerParts): ServiceManager {
  const socket = env['NOTIFY_SOCKET'] ?? '';
  const watchdogMs = Number(env['WATCHDOG_USEC'] ?? '0') / 1000;
  // A child is given a named few variables, never the gateway's environment.
  const childEnv = { NOTIFY_SOCKET: socket, PATH: env['PATH'] ?? '/usr/bin:/bin' };
  const send = (...args: readonly string[]): void => {
    if (socket !== '') {
      run(args, childEnv);
    }
  };
  let job: Job | null = null;
  return {
    ready(status) {
      send('--ready', `--status=${status}`);
      if (watchdogMs > 0 && socket !== '') {
        const work = (): void => send('WATCHDOG=1');
        job ??= jobs.every({ name: 'systemd watchdog', everyMs: () => watchdogMs / 3, firstMs: 0, work });
      }
    },
    stopping: () => send('--stopping', '--status=draining'),
    stop: () => job?.stop(),
  };
}

function runNotify(args: readonly string[], env: Record<string, string>): void {
  const child = execFile('systemd-notify', [...args], { env, timeout: 5_000 }, () => {
    // Nobody to tell: systemd itself sees when readiness or life does not arrive.
  });
  child.unref();
}
