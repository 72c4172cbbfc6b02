// The requests that start a program on a channel, and what is said of requests that end with their answer.
import type { Outcome } from '../../rules/action.ts';
import type { SshRequestKind } from './request.ts';
import type { Stdin } from './stdin-gate.ts';

export type StartVerb = 'exec' | 'shell' | 'subsystem';

/** What is judged; `text` is the command or the name of the subsystem. */
export function startKind(verb: StartVerb, text: Buffer, stdin: Stdin): SshRequestKind {
  switch (verb) {
    case 'exec':
      return { verb, command: text, stdin };
    case 'shell':
      return { verb, stdin };
    case 'subsystem':
      return { verb, name: text };
  }
}

/** Of a request that has no stream. */
export function outcomeOf(kind: Outcome['kind'], status: string): Outcome {
  return { kind, rows: null, status, errorCode: '', bytesToClient: 0, durationMs: 0 };
}
