// What `status` says about a machine that has joined, from what was found out about it. Pure.
import type { CheckJson } from './control-shapes.ts';
import type { DeviceRecord } from './device-files.ts';
import { check } from './doctor.ts';
import type { TrustState } from './trust.ts';

/** How the gateway sees the machine. */
export interface GatewayView {
  readonly profile: string;
  readonly profileExists: boolean;
  readonly revision: string;
  readonly pending: number;
  /** Milliseconds since the epoch; null: never. */
  readonly lastHeardMs: number | null;
  readonly nowMs: number;
}

export type GatewayAnswer =
  | { readonly kind: 'answered'; readonly view: GatewayView }
  /** It does not know the machine, or not any more. */
  | { readonly kind: 'refused'; readonly message: string }
  | { readonly kind: 'unreachable'; readonly message: string };

/** The routing of the whole machine. */
export interface MachineView {
  readonly interfaceName: string;
  readonly kept: boolean;
  readonly isUp: boolean;
  /** The kernel's rules are there; null: only root may look. */
  readonly fenced: boolean | null;
  /** Milliseconds since the epoch; null: never, or only root may look. */
  readonly lastHandshakeMs: number | null;
}

export interface DeviceView {
  readonly record: DeviceRecord;
  readonly answer: GatewayAnswer;
  /** Null: only runs go through the tunnel. */
  readonly machine: MachineView | null;
  readonly trust: TrustState;
  readonly nowMs: number;
}

/** WireGuard makes a new session every two minutes while anything is sent, and a keepalive is sent every 25 s. */
const SILENT_MS = 5 * 60_000;

/** One line each, in the order in which one depends on the other. */
export function deviceChecks(view: DeviceView): readonly CheckJson[] {
  const { record, answer } = view;
  const { name } = record.device;
  const checks = [
    check('joined', 'ok', `as ${name}, at ${record.gateway.url}`),
    checkAnswer(view),
    ...checkMachine(view),
    checkHandshake(view),
  ];
  if (answer.kind === 'answered') {
    const { pending, profile, profileExists, revision } = answer.view;
    checks.push(
      profileExists
        ? check('profile', 'ok', profile)
        : check('profile', 'fail', `${profile} is not in the policy`, `clawpatrol devices set-profile ${name} PROFILE`),
      check('policy', 'ok', `revision ${revision.slice(0, 12)}`),
      check('pending', 'ok', pending === 0 ? 'nothing waits for a decision' : `${pending} waiting for a decision`),
    );
  }
  return [...checks, checkTrust(view)];
}

function checkAnswer({ answer, record }: DeviceView): CheckJson {
  switch (answer.kind) {
    case 'answered':
      return check('gateway', 'ok', 'it answers, and knows this machine');
    case 'refused':
      return check('gateway', 'fail', answer.message, 'clawpatrol leave, then join again');
    case 'unreachable':
      return check('gateway', 'fail', answer.message, `is ${record.gateway.url} reachable from here, and running?`);
  }
}

function checkMachine({ machine }: DeviceView): readonly CheckJson[] {
  if (machine === null) {
    return [check('transport', 'ok', 'what clawpatrol run starts goes through the tunnel, and nothing else')];
  }
  const { interfaceName, kept, isUp, fenced } = machine;
  const again = 'clawpatrol join --resume, as root';
  if (!isUp) {
    return [check('transport', 'fail', `the interface ${interfaceName} is gone; nothing gets out`, again)];
  }
  if (fenced === false) {
    return [check('transport', 'fail', "the kernel's rules are gone; traffic may take another way", again)];
  }
  return kept
    ? [check('transport', 'ok', `everything of this machine goes through ${interfaceName}`)]
    : [
        check(
          'transport',
          'warn',
          'everything goes through the tunnel, until it is undone',
          'clawpatrol join --confirm',
        ),
      ];
}

function checkHandshake({ machine, answer, nowMs }: DeviceView): CheckJson {
  const seenMs = answer.kind === 'answered' ? answer.view.lastHeardMs : null;
  const lastMs = machine?.lastHandshakeMs ?? seenMs;
  const detail = lastMs === null ? 'never heard' : `last heard ${new Date(lastMs).toISOString()}`;
  const silent = lastMs === null || nowMs - lastMs > SILENT_MS;
  return machine !== null && silent
    ? check('tunnel', 'fail', detail, "is the gateway's UDP port reachable from here, and the clock right?")
    : check('tunnel', 'ok', detail);
}

function checkTrust({ trust }: DeviceView): CheckJson {
  const fix = 'join again as root, or use the variables of clawpatrol env';
  switch (trust) {
    case 'trusted':
      return check('ca', 'ok', "the system's store has the gateway's certificate");
    case 'other':
      return check('ca', 'fail', "the system's store has another certificate in its place", fix);
    case 'absent':
      return check('ca', 'warn', "the system's store does not have the gateway's certificate", fix);
    case 'unknown':
      return check('ca', 'warn', 'this system keeps its certificates where we do not know', fix);
  }
}
