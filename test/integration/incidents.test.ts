// A whole daemon that alerting systems tell of incidents, each call under its signature: what counts is recorded and known after a restart.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Incident } from '../../src/approvals/incidents.ts';
import { lineConfig, startDaemon, startLineServer, type Daemon } from '../support/daemon.ts';
import {
  HOOK_SECRET,
  REST_KEY,
  sendAlert,
  sendPagerDutyEvent,
  SIGNING_SECRET,
  startHookServer,
  type HookServer,
} from '../support/hook-server.ts';
import { runCli, startGateway } from '../support/gateway-process.ts';
import { post } from '../support/slack-server.ts';
import { temporaryFolder, type CleanUp } from '../support/temp.ts';

const EVENT = {
  id: 'PINC1',
  title: 'checkout is slow',
  urgency: 'high',
  status: 'triggered',
  html_url: 'https://acme.pagerduty.com/incidents/PINC1',
  created_at: '2026-11-22T10:00:00Z',
  service: { id: 'PSVC', summary: 'shop-db', type: 'service_reference' },
  assignees: [{ id: 'PUSER', summary: 'Alice', type: 'user_reference' }],
};

const INCIDENT = {
  ...EVENT,
  body: { details: 'p99 over 5 s' },
  assignees: [],
  assignments: [{ assignee: { summary: 'Alice' } }],
};

interface World {
  readonly daemon: Daemon;
  readonly events: string;
  readonly alerts: string;
  /** Those that the REST API knows. */
  readonly known: HookServer['incidents'];
  readonly calls: HookServer['calls'];
  readonly incidents: () => readonly Incident[];
  readonly recorded: () => Promise<readonly string[]>;
}

const CONTEXTS = (hook: string): string => `
credential "header_token" "pd" {
  header   = "Authorization"
  prefix   = "Token token="
  endpoint = https.pd
}
endpoint "https" "pd" { hosts = ["api.pagerduty.com"] }
context "pagerduty" "oncall" {
  credential     = header_token.pd
  signing_secret = "{{secret:SIGNING_SECRET}}"
  services       = ["PSVC"]
  base_url       = "${hook}"
}
context "webhook" "alerts" {
  secret  = "{{secret:HOOK_SECRET}}"
  items   = "alerts"
  id      = "fingerprint"
  title   = "annotations.summary"
  urgency = "labels.severity"
  service = "labels.service"
  url     = "generatorURL"
  opened  = "startsAt"
}
context "webhook" "genie" {
  secret   = "{{secret:HOOK_SECRET}}"
  id       = "alert.alertId"
  title    = "alert.message"
  service  = "alert.tags.0"
  status   = "action"
  services = ["shop"]
}
context "pagerduty" "deaf" { credential = header_token.pd }
context "pagerduty" "full" {
  credential = header_token.pd
  base_url   = "${hook}"
  fields     = ["title", "body", "notes", "timeline"]
}
gateway {
  dashboard_listen = "127.0.0.1:0"
  public_url       = "http://127.0.0.1:1"
}`;

interface OpenOptions {
  readonly folder?: string;
  /** Of the profile. */
  readonly context?: string;
  readonly key?: string;
}

async function open(t: CleanUp, { folder, context, key = REST_KEY }: OpenOptions = {}): Promise<World> {
  const hook = await startHookServer(t);
  const upstream = await startLineServer(t);
  const profile = `profile "default" {
  credentials = [passthrough.pg]
  ${context === undefined ? '' : `context = ${context}`}
}`;
  const config = lineConfig(upstream.port, CONTEXTS(hook.url)).replace(/^profile .*$/m, profile);
  const daemon = await startDaemon(t, config, {
    env: { HOOK_SECRET, SIGNING_SECRET, CLAWPATROL_SECRET_PD: key },
    ...(folder === undefined ? {} : { folder }),
  });
  const base = `http://${daemon.addresses.get('dashboard')}/api/context`;
  return {
    daemon,
    known: hook.incidents,
    calls: hook.calls,
    events: `${base}/oncall/events`,
    alerts: `${base}/alerts/events`,
    incidents: () => daemon.operations.incidents.list(),
    async recorded() {
      const page = await daemon.operations.audit.search({}, { limit: 1000, cursor: null, newestFirst: false });
      return page.items.filter(({ type }) => type.startsWith('incident.')).map(({ type, by }) => `${type} ${by}`);
    },
  };
}

test('a signed event of PagerDuty opens, changes and resolves an incident, each on record', async (t) => {
  const { events, incidents, recorded } = await open(t);
  const at = Date.now() - 10_000;
  const send = (status: string, type: string, offset: number): Promise<number> =>
    sendPagerDutyEvent(events, { ...EVENT, status }, { type, occurredAt: new Date(at + offset) });
  assert.equal(await send('triggered', 'incident.triggered', 0), 202);
  const [opened] = incidents();
  assert.deepEqual(
    [opened?.id, opened?.source, opened?.status, opened?.fields.title, opened?.fields.assignees, opened?.url],
    ['PINC1', 'pagerduty.oncall', 'open', 'checkout is slow', 'Alice', EVENT.html_url],
  );
  assert.equal(await send('acknowledged', 'incident.acknowledged', 1000), 202);
  assert.equal(await send('resolved', 'incident.resolved', 3000), 202);
  assert.equal(incidents()[0]?.status, 'resolved');
  // Deliveries may overtake each other.
  assert.equal(await send('acknowledged', 'incident.acknowledged', 2000), 202);
  assert.equal(incidents()[0]?.status, 'resolved');
  assert.deepEqual(await recorded(), [
    'incident.opened pagerduty.oncall',
    'incident.changed pagerduty.oncall',
    'incident.resolved pagerduty.oncall',
  ]);
});

test('AP-14: what is not signed, wrongly signed, altered, old, of the future or sent again does not count', async (t) => {
  const { events, incidents, recorded } = await open(t);
  const other = { ...EVENT, id: 'PINC2' };
  const cases: readonly (readonly [string, number, Parameters<typeof sendPagerDutyEvent>[2]])[] = [
    ['not signed', 401, { unsigned: true }],
    ['signed with another secret', 401, { secrets: ['another'] }],
    ['altered behind the signature', 401, { spoil: ' ' }],
    ['older than PagerDuty tries', 401, { occurredAt: new Date(Date.now() - 26 * 3_600_000) }],
    ['of the future', 401, { occurredAt: new Date(Date.now() + 600_000) }],
  ];
  for (const [what, status, options] of cases) {
    assert.equal(await sendPagerDutyEvent(events, other, options), status, what);
  }
  assert.deepEqual(incidents(), []);
  assert.equal(await sendPagerDutyEvent(events, other, { id: 'E1', secrets: ['the old one', SIGNING_SECRET] }), 202);
  assert.equal(await sendPagerDutyEvent(events, { ...other, status: 'resolved' }, { id: 'E1' }), 409, 'the same id');
  assert.equal(incidents()[0]?.status, 'open');
  assert.deepEqual(await recorded(), ['incident.opened pagerduty.oncall']);
});

test('events of other services and other kinds are taken and change nothing; what is no event is refused', async (t) => {
  const { daemon, events, incidents } = await open(t);
  const far = { ...EVENT, service: { id: 'POTHER', summary: 'x' } };
  assert.equal(await sendPagerDutyEvent(events, far), 202);
  assert.equal(
    await sendPagerDutyEvent(events, { ...EVENT, type: 'incident_note' }, { type: 'incident.annotated' }),
    202,
  );
  assert.equal(await sendPagerDutyEvent(events, { ...EVENT, type: 'ping' }, { type: 'pagey.ping' }), 202);
  assert.equal(await sendPagerDutyEvent(events, EVENT, { id: '' }), 400);
  const base = `http://${daemon.addresses.get('dashboard')}/api/context`;
  assert.equal(await sendPagerDutyEvent(`${base}/nobody/events`, EVENT), 404);
  assert.equal(await sendPagerDutyEvent(`${base}/deaf/events`, EVENT), 404, 'a context without a signing secret');
  assert.equal((await post(events, {}, 'x'.repeat(300_000))).status, 413);
  assert.deepEqual(incidents(), []);
  assert.equal(await sendPagerDutyEvent(events, EVENT), 202);
  assert.equal(incidents().length, 1);
});

const ALERTMANAGER = {
  status: 'firing',
  alerts: [
    {
      status: 'firing',
      fingerprint: 'c0ffee01',
      labels: { severity: 'critical', service: 'shop' },
      annotations: { summary: 'disk is full' },
      startsAt: '2026-11-22T09:00:00Z',
      generatorURL: 'javascript:alert(1)',
    },
    { status: 'resolved', fingerprint: 'c0ffee02', labels: {}, annotations: { summary: 'it was hot' } },
  ],
};

test('alerts of other systems are found by dotted paths, signed as our own webhooks are', async (t) => {
  const { daemon, alerts, incidents } = await open(t);
  assert.equal((await sendAlert(alerts, ALERTMANAGER)).status, 202);
  assert.deepEqual(
    incidents().map(({ id, status, fields, url, openedMs }) => [
      id,
      status,
      fields.title,
      fields.urgency ?? '',
      url,
      openedMs,
    ]),
    [
      ['c0ffee01', 'open', 'disk is full', 'critical', '', Date.parse('2026-11-22T09:00:00Z')],
      ['c0ffee02', 'resolved', 'it was hot', '', '', incidents()[1]?.openedMs],
    ],
  );
  const genie = `http://${daemon.addresses.get('dashboard')}/api/context/genie/events`;
  const made = { action: 'Create', alert: { alertId: '052652ac-5d1c', message: 'shop is down', tags: ['shop'] } };
  assert.equal((await sendAlert(genie, made)).status, 202);
  assert.equal(incidents().find(({ id }) => id === '052652ac-5d1c')?.status, 'open');
  assert.equal((await sendAlert(genie, { ...made, action: 'Close' })).status, 202);
  assert.equal(incidents().find(({ id }) => id === '052652ac-5d1c')?.status, 'resolved');
  const far = { action: 'Create', alert: { alertId: 'elsewhere', tags: ['other'] } };
  assert.equal((await sendAlert(genie, far)).status, 202);
  assert.equal(
    incidents().some(({ id }) => id === 'elsewhere'),
    false,
  );
});

test('AP-14: a webhook of alerts counts once, within five minutes, under its own secret, for these bytes', async (t) => {
  const { alerts, incidents } = await open(t);
  const cases = [
    ['another secret', 401, { secret: 'another' }],
    ['altered', 401, { spoil: ' ' }],
    ['six minutes old', 401, { skew: -360 }],
    ['six minutes ahead', 401, { skew: 360 }],
  ] as const;
  for (const [what, status, options] of cases) {
    assert.equal((await sendAlert(alerts, ALERTMANAGER, options)).status, status, what);
  }
  assert.equal((await sendAlert(alerts, { alerts: [] })).status, 400);
  assert.equal((await sendAlert(alerts, { alerts: [{ fingerprint: '../x' }] })).status, 400);
  assert.deepEqual(incidents(), []);
  const sent = await sendAlert(alerts, ALERTMANAGER);
  assert.equal(sent.status, 202);
  assert.equal(await sent.again(), 401);
  assert.equal(incidents().length, 2);
});

test('a source that tells without end is told to wait, and no other is', async (t) => {
  const { alerts, events, recorded } = await open(t);
  const flood = Array.from({ length: 100 }, (_, index) => ({ fingerprint: `f${index}`, status: 'firing' }));
  const statuses: number[] = [];
  for (let call = 0; call < 60 && statuses.at(-1) !== 429; call += 1) {
    statuses.push((await sendAlert(alerts, { call, alerts: flood })).status);
  }
  assert.deepEqual(new Set(statuses.slice(0, 20)), new Set([202]));
  assert.equal(statuses.at(-1), 429);
  assert.equal((await recorded()).length, 100, 'the same again is no news');
  assert.equal(await sendPagerDutyEvent(events, EVENT), 202);
});

test('AP-14: a webhook of alerts that came before a restart does not count again after it', async (t) => {
  const folder = temporaryFolder(t, 'incidents');
  const first = await open(t, { folder });
  const sent = await sendAlert(first.alerts, ALERTMANAGER);
  assert.equal(sent.status, 202);
  const over = { alerts: ALERTMANAGER.alerts.map((alert) => ({ ...alert, status: 'resolved' })) };
  assert.equal((await sendAlert(first.alerts, over)).status, 202);
  await first.daemon.gateway.stop();
  const second = await open(t, { folder });
  assert.equal(await sent.to(second.alerts), 401);
  assert.deepEqual(
    second.incidents().map(({ status }) => status),
    ['resolved', 'resolved'],
  );
  assert.equal((await sendAlert(second.alerts, ALERTMANAGER, { skew: 1 })).status, 202, 'said anew');
  assert.equal(second.incidents()[0]?.status, 'open');
});

test('after a restart incidents, and the events that were taken, are known from the log', async (t) => {
  const folder = temporaryFolder(t, 'incidents');
  const first = await open(t, { folder });
  assert.equal(await sendPagerDutyEvent(first.events, EVENT, { id: 'E1' }), 202);
  assert.equal((await sendAlert(first.alerts, ALERTMANAGER)).status, 202);
  const before = first.incidents();
  await first.daemon.gateway.stop();
  const second = await open(t, { folder });
  assert.deepEqual(second.incidents(), before);
  assert.equal(await sendPagerDutyEvent(second.events, { ...EVENT, status: 'resolved' }, { id: 'E1' }), 409);
  assert.equal(await sendPagerDutyEvent(second.events, { ...EVENT, status: 'resolved' }, { id: 'E2' }), 202);
  assert.equal(second.incidents().find(({ id }) => id === 'PINC1')?.status, 'resolved');
});

test('an id that somebody names is looked up: open, over, unknown, of another service, or not to be had', async (t) => {
  const { daemon, known, recorded } = await open(t, { context: 'pagerduty.oncall' });
  known.set('PINC1', INCIDENT);
  known.set('PINC9', { ...INCIDENT, id: 'PINC9', status: 'resolved' });
  known.set('PFAR', { ...INCIDENT, id: 'PFAR', service: { id: 'POTHER', summary: 'x' } });
  const { incidents } = daemon.operations;
  for (const [id, want] of [
    ['PINC1', 'open'],
    ['PINC9', 'resolved'],
    ['PFAR', 'absent'],
    ['PNONE', 'absent'],
    ['../PINC1', 'absent'],
  ] as const) {
    assert.equal(await incidents.lookUp('default', id, 'one'), want, id);
  }
  assert.equal(await incidents.lookUp('another', 'PINC1', 'one'), 'no-source');
  assert.deepEqual(await recorded(), ['incident.opened pagerduty.oncall', 'incident.resolved pagerduty.oncall']);
  assert.equal(incidents.list()[0]?.fields.body, 'p99 over 5 s');
  const locked = await open(t, { context: 'pagerduty.oncall', key: 'a wrong key' });
  locked.known.set('PINC1', INCIDENT);
  assert.equal(await locked.daemon.operations.incidents.lookUp('default', 'PINC1', 'one'), 'unavailable');
});

test('notes and timeline are fetched where they are wanted; an answer serves for a while; names are asked for at a bounded rate', async (t) => {
  const { daemon, known, calls } = await open(t, { context: 'pagerduty.full' });
  known.set('PINC1', {
    ...INCIDENT,
    notes: [{ content: 'restarted it' }, { content: 'no help' }],
    log_entries: [{ summary: 'Triggered through the API.' }],
  });
  const { incidents } = daemon.operations;
  assert.equal(await incidents.lookUp('default', 'PINC1', 'one'), 'open');
  const fields = incidents.list()[0]?.fields;
  assert.deepEqual(
    [fields?.body, fields?.notes, fields?.timeline],
    ['p99 over 5 s', 'restarted it\nno help', 'Triggered through the API.'],
  );
  const asked = calls.length;
  assert.equal(await incidents.lookUp('default', 'PINC1', 'one'), 'open');
  assert.equal(calls.length, asked, 'it is known already');
  for (let index = 0; index < 100; index += 1) {
    await incidents.lookUp('default', `PGUESS${index}`, 'one');
  }
  assert.ok(calls.length - asked <= 19, 'no more than the share of one');
  assert.equal(await incidents.lookUp('default', 'PGUESS99', 'one'), 'unavailable');
  known.set('PREAL', { ...INCIDENT, id: 'PREAL' });
  assert.equal(await incidents.lookUp('default', 'PREAL', 'one'), 'unavailable');
  assert.equal(await incidents.lookUp('default', 'PREAL', 'other'), 'open', 'others have theirs');
  for (let index = 0; index < 100; index += 1) {
    await incidents.lookUp('default', `PMANY${index}`, `device ${index}`);
  }
  assert.ok(calls.length - asked <= 65, `${calls.length - asked} calls`);
  assert.equal(await incidents.lookUp('default', 'PGUESS1', 'one'), 'absent');
  assert.equal(await incidents.lookUp('default', 'PINC1', 'one'), 'open');
});

test('whoever names an incident from the command line hears when its source does not know it', async (t) => {
  const folder = temporaryFolder(t, 'named');
  const gateway = await startGateway(t, {
    config: `schema_version = 1
gateway {
  dashboard_listen = "127.0.0.1:0"
  public_url       = "http://127.0.0.1:1"
  proxy { listen = "127.0.0.1:0" }
}
endpoint "postgres" "pg" {
  host    = "127.0.0.1:1"
  sslmode = "disable"
}
credential "passthrough" "pg" { endpoint = postgres.pg }
context "webhook" "alerts" {
  secret = "{{secret:HOOK_SECRET}}"
  id     = "id"
}
profile "default" {
  credentials = [passthrough.pg]
  context     = webhook.alerts
}
`,
    env: { HOOK_SECRET },
  });
  const ca = join(folder, 'ca.pem');
  writeFileSync(ca, gateway.cli('ca', 'export').stdout);
  const env = { HTTPS_PROXY: `http://127.0.0.1:${gateway.port('proxy')}`, NODE_EXTRA_CA_CERTS: ca };
  const alerts = `http://${gateway.addresses.get('dashboard')}/api/context/alerts/events`;
  for (const [status, said] of [
    [null, /is not known/],
    ['firing', /^$/],
    ['resolved', /is over/],
  ] as const) {
    if (status !== null) {
      assert.equal((await sendAlert(alerts, { id: 'INC1', status })).status, 202);
    }
    const { code, stdout, stderr } = runCli(['context', 'set', '--incident', 'INC1'], env);
    assert.deepEqual([code, stdout], [0, 'incident: INC1\n'], stderr);
    assert.match(stderr.trim(), said);
  }
  const { stdout } = runCli(['context', 'set', '--incident', 'INC1', '--json'], env);
  assert.match(stdout, /"incident_is":"resolved"/);
});
