// What every run has, however it is carried: an identity that the gateway gives for as long as it lives, and the variables that its command sees.
import { join } from 'node:path';
import type { Secret } from '../../lib/secret.ts';
import { readCa, readToken } from '../device-files.ts';
import type { DevicePaths, DeviceRecord } from '../device-files.ts';
import { caEnvironment, describeReplaced, pushedEnvironment } from '../environment.ts';
import type { Environment } from '../environment.ts';
import { fieldOf, textOf } from '../../lib/fields.ts';
import { findPlaces } from '../machine/journal.ts';
import { RunError } from './run-error.ts';
import { LinkError } from '../link-answer.ts';

export type RunSignal = 'SIGTERM' | 'SIGHUP' | 'SIGINT';

export interface RunOptions {
  readonly paths: DevicePaths;
  readonly record: DeviceRecord;
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly profile: string | null;
  readonly label: string;
  /** The agent's word: an incident that it works on, and why; "" = nothing was said. */
  readonly incident: string;
  readonly intent: string;
  /** Ports of the run that the machine has at its loopback. */
  readonly expose: readonly number[];
  /** Ports of the machine's loopback that the run has. */
  readonly hostLoopback: readonly number[];
  /** Whether variables for certificates and placeholders are set. */
  readonly setEnvironment: boolean;
  /** Calls the listener at each arrival of a signal that is not the terminal's to send. */
  readonly onSignal: (listener: (name: RunSignal) => void) => () => void;
  /** For the person at the machine, on standard error. */
  readonly warn: (message: string) => void;
  /** How far it is, for whoever measures; `atMs` is milliseconds since the epoch, now when left out. */
  readonly note: (step: string, atMs?: number) => void;
}

/** A run that the gateway knows. */
export interface StartedRun {
  readonly id: string;
  readonly answer: unknown;
  /** Tells the gateway that it still lives, for one that the gateway hears nothing else of. Never rejects. */
  keepAlive(): Promise<void>;
  /** Tells the gateway that it is over. Never rejects. */
  end(): Promise<void>;
}

const MOVED = 'nothing was started. The URL is the one of `clawpatrol join`: if the gateway has moved, join it anew';

/** Asks the gateway for a run. `how` says by what it will be known. Rejects with RunError. */
export async function beginRun(options: RunOptions, how: Readonly<Record<string, string>>): Promise<StartedRun> {
  // Loaded while the inner half starts: TLS is the largest part of this program.
  const { createGatewayLink, parseGatewayUrl } = await import('../gateway-link.ts');
  const { paths, record, label, profile, incident, intent, note } = options;
  note('the link is loaded');
  let token: Secret;
  try {
    const address = findPlaces(paths.caDir)?.enrol.ip ?? null;
    const link = createGatewayLink(parseGatewayUrl(record.gateway.url), readCa(paths), address);
    token = readToken(paths);
    const said = { ...how, label, ...textsOf({ profile, incident, intent }) };
    const answer = await link.post('/api/device/runs', said, token);
    const id = textOf(fieldOf(answer, 'run'), 'id');
    return {
      id,
      answer,
      keepAlive: () => settle(link.post(`/api/device/runs/${id}/alive`, {}, token)),
      // One that cannot be told to have ended is ended by the gateway, which hears nothing of it any more; the command's exit code counts here.
      end: () => settle(link.delete(`/api/device/runs/${id}`, token)),
    };
  } catch (error) {
    if (error instanceof LinkError) {
      const why = error.status === 0 ? `; ${MOVED}` : '';
      throw new RunError(`${error.message}${why}`, { cause: error });
    }
    throw error;
  }
}

/** Whatever comes of it. */
async function settle(call: Promise<unknown>): Promise<void> {
  await call.catch(() => undefined);
}

function textsOf(fields: Readonly<Record<string, string | null>>): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(fields).filter((entry): entry is [string, string] => entry[1] !== null && entry[1] !== ''),
  );
}

/** What the command's environment gets: its own identity, and, unless that was declined, certificates and placeholders. */
export function environmentOf(options: RunOptions, { id, answer }: StartedRun): Environment {
  const { paths, env, incident, setEnvironment, warn } = options;
  const files = { bundle: join(paths.caDir, 'ca-bundle.crt'), ca: join(paths.caDir, 'ca.crt') };
  const pushed = pushedEnvironment(fieldOf(answer, 'environment'), env);
  if (setEnvironment) {
    pushed.replaced.forEach((name) => warn(describeReplaced(name)));
  }
  return {
    ...(setEnvironment ? { ...caEnvironment(files), ...pushed.environment } : {}),
    CLAWPATROL_RUN: id,
    ...(incident === '' ? {} : { CLAWPATROL_INCIDENT: incident }),
  };
}

/** What was opened on purpose, for `escape-test` to tell from what was not. */
export function describeOpenings({ expose, hostLoopback }: RunOptions): Environment {
  const openings = [...expose.map((port) => `expose:${port}`), ...hostLoopback.map((port) => `host-loopback:${port}`)];
  return openings.length === 0 ? {} : { CLAWPATROL_RUN_OPENINGS: openings.join(',') };
}
