// Tells systemd about readiness, status and life, through systemd-notify (Node has no datagram sockets of the Unix kind).
import { execFile } from 'node:child_process';
import type { Clock, Timer } from '../lib/clock.ts';

export interface ServiceManager {
  ready(status: string): void;
  stopping(): void;
  stop(): void;
}

export interface ServiceManagerParts {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  /** Runs `systemd-notify` with these arguments; a failure is the caller's to ignore. */
  readonly run?: (args: readonly string[], env: Record<string, string>) => void;
}

/** Does nothing when the daemon was not started by systemd. */
export function createServiceManager({ env, clock, run = runNotify }: ServiceManagerParts): ServiceManager {
  const socket = env['NOTIFY_SOCKET'] ?? '';
  const watchdogMs = Number(env['WATCHDOG_USEC'] ?? '0') / 1000;
  // A child is given a named few variables, never the gateway's environment.
  const childEnv = { NOTIFY_SOCKET: socket, PATH: env['PATH'] ?? '/usr/bin:/bin' };
  const send = (...args: readonly string[]): void => {
    if (socket !== '') {
      run(args, childEnv);
    }
  };
  let timer: Timer | null = null;
  const keepAlive = (): void => {
    if (watchdogMs > 0 && socket !== '') {
      send('WATCHDOG=1');
      timer = clock.after(watchdogMs / 3, keepAlive);
    }
  };
  return {
    ready(status) {
      send('--ready', `--status=${status}`);
      keepAlive();
    },
    stopping: () => send('--stopping', '--status=draining'),
    stop: () => timer?.cancel(),
  };
}

function runNotify(args: readonly string[], env: Record<string, string>): void {
  const child = execFile('systemd-notify', [...args], { env, timeout: 5_000 }, () => {
    // Nobody to tell: systemd itself sees when readiness or life does not arrive.
  });
  child.unref();
}
