// Every background job of the daemon, with everything configured that has one: each is there, and each runs (traps TR-07).
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { eventually } from '../support/daemon.ts';
import { startGateway } from '../support/gateway-process.ts';
import { REST_KEY, startHookServer } from '../support/hook-server.ts';
import { createNeighbour, enterOwnNetwork, must, whyNoTunnel } from '../support/network.ts';
import { startTailscaled } from '../support/tailscaled.ts';
import { temporaryFolder } from '../support/temp.ts';

const skip = whyNoTunnel();
if (skip === false) {
  enterOwnNetwork();
}

const OWN = '100.64.0.1';
/** A job that is added is added here, and to what the configuration below asks for. */
const JOBS = [
  'audit checkpoints',
  'audit retention',
  'handshakes of the tunnel',
  'incidents of pagerduty.oncall',
  'looks at tailscaled',
  'looks at the configuration',
  'routing rules of the tunnel',
  'systemd watchdog',
];

interface Job {
  readonly name: string;
  readonly every_ms: number;
  readonly last_run: string | null;
  readonly last_error: string | null;
  readonly overdue: boolean;
}

test('TR-07: every background job is listed by status, and has run', { timeout: 300_000, skip }, async (t) => {
  const near = await createNeighbour(t);
  must('ip', 'address', 'flush', 'dev', 'cable0');
  must('ip', 'address', 'add', `${near.ours}/32`, 'dev', 'lo');
  must('ip', 'address', 'add', `${OWN}/32`, 'dev', 'cable0');
  const tailscaled = await startTailscaled(t, OWN);
  const hook = await startHookServer(t);
  const gateway = await startGateway(t, {
    stateDir: join(temporaryFolder(t, 'clawpatrol-jobs'), 'state'),
    // Nobody listens at that socket: what counts is that systemd would have been told.
    env: {
      NOTIFY_SOCKET: '/nonexistent/notify',
      WATCHDOG_USEC: '3000000',
      TAILNET_KEY: 'k',
      CLAWPATROL_SECRET_PD: REST_KEY,
    },
    config: `
schema_version = 1
gateway {
  dashboard_listen = "off"
  audit {
    checkpoint { every = "1s" }
  }
  wireguard {
    subnet_cidr = "10.77.0.0/24"
    listen_port = 51896
    endpoint    = "${near.ours}:51896"
    interface   = "cpj${process.pid % 100_000}"
  }
  tailscale {
    socket    = "${tailscaled.socket}"
    interface = "cable0"
    authkey   = "{{secret:TAILNET_KEY}}"
  }
}
credential "header_token" "pd" {
  header   = "Authorization"
  prefix   = "Token token="
  endpoint = https.pd
}
endpoint "https" "pd" { hosts = ["api.pagerduty.com"] }
context "pagerduty" "oncall" {
  credential = header_token.pd
  base_url   = "${hook.url}"
}
profile "oncall" {
  credentials = [pd]
  context     = pagerduty.oncall
}
`,
  });
  const jobs = (): readonly Job[] =>
    (JSON.parse(gateway.cli('status', '--json').stdout) as { readonly jobs: readonly Job[] }).jobs;
  await eventually('each is there and has run', () => {
    const found = jobs();
    return found.length >= JOBS.length && found.every(({ last_run: lastRun }) => lastRun !== null);
  });
  assert.deepEqual(
    jobs()
      .map(({ name }) => name)
      .toSorted(),
    JOBS,
  );
  const first = new Map(jobs().map(({ name, last_run: lastRun }) => [name, lastRun]));
  const often = jobs().filter(({ every_ms: everyMs }) => everyMs <= 5_000);
  assert.ok(often.length >= 4);
  await eventually('and runs again', () =>
    jobs().every(({ name, every_ms: everyMs, last_run: lastRun }) => everyMs > 5_000 || lastRun !== first.get(name)),
  );
  const { stdout } = gateway.cli('status');
  for (const name of JOBS) {
    assert.match(stdout, new RegExp(`^(?:ok|warn) job: ${name}: last run 2\\S+Z, every [0-9.]+ s`, 'm'));
  }
  assert.ok(jobs().every(({ overdue }) => !overdue));
});
