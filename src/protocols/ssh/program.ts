// The requests that start a program on a channel, and what is said of requests that end with their answer.
import type { Outcome } from '../../rules/action.ts';
import { parseText, parseX11 } from './codec.ts';
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

/** What is judged of a request that starts nothing; null when it is malformed. */
export function optionalKind(name: string, data: Buffer): SshRequestKind | null {
  switch (name) {
    case 'x11-req':
      return parseX11(data) === null ? null : { verb: 'x11' };
    case 'auth-agent-req@openssh.com':
      return data.length > 0 ? null : { verb: 'agent_forward' };
    case 'signal': {
      const signal = parseText(data)?.toString('utf8') ?? '';
      return /^[A-Z0-9]{1,16}(?:@[\w.-]{1,64})?$/.test(signal) ? { verb: 'signal', signal } : null;
    }
    case 'break':
      return data.length === 4 ? { verb: 'signal', signal: 'break' } : null;
    default:
      return null;
  }
}

/** Of a request that has no stream. */
export function outcomeOf(kind: Outcome['kind'], status: string): Outcome {
  return { kind, rows: null, status, errorCode: '', bytesToClient: 0, durationMs: 0 };
}
