// The life of the daemon as a table. Pure.

export type Phase = 'created' | 'starting' | 'running' | 'draining' | 'stopping' | 'stopped';

/** Where each phase may lead. A start that fails goes straight to `stopping`, which undoes what was done. */
export const TRANSITIONS: Readonly<Record<Phase, readonly Phase[]>> = {
  created: ['starting'],
  starting: ['running', 'stopping'],
  running: ['draining'],
  draining: ['stopping'],
  stopping: ['stopped'],
  stopped: [],
};

/** True when the table has the step. */
export function mayMove(from: Phase, to: Phase): boolean {
  return TRANSITIONS[from].includes(to);
}
