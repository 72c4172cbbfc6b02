// The request that waits for a person at a real daemon, by the command line.
import type { GatewayProcess } from './gateway-process.ts';

const LIMIT_MS = 60_000;
/** The command line is waited for without a turn of this process, in which the client that is to be parked may be. */
const TURNS_MS = 50;

/** Waits until one is parked, approves it for what is shown, and gives what was shown. */
export async function approvePending(gateway: GatewayProcess): Promise<string> {
  const id = await pendingId(gateway);
  const shown = gateway.cli('approvals', 'show', id).stdout;
  const digest = /\b[0-9a-f]{64}\b/.exec(shown)?.[0] ?? '';
  const approved = gateway.cli('approvals', 'approve', id, '--digest', digest);
  if (approved.code !== 0) {
    throw new Error(approved.stderr);
  }
  return shown;
}

export async function pendingId(gateway: GatewayProcess): Promise<string> {
  const limit = Date.now() + LIMIT_MS;
  while (Date.now() < limit) {
    const listed = gateway.cli('approvals', 'list', '--json').stdout;
    const id = /"id":\s*"([0-9a-f-]{36})"/.exec(listed)?.[1];
    if (id !== undefined) {
      return id;
    }
    await new Promise((resolve) => setTimeout(resolve, TURNS_MS));
  }
  throw new Error('nothing was parked');
}
