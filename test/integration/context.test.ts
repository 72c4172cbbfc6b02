// A whole daemon with a PagerDuty context: the incident reaches approvers and rules, marked as the guess that it is.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connectLines, eventually, lineConfig, startDaemon, startLineServer } from '../support/daemon.ts';
import { REST_KEY, ROUTING_KEY, startHookServer, type HookServer } from '../support/hook-server.ts';
import type { CleanUp } from '../support/temp.ts';

const INCIDENT = {
  id: 'PINC1',
  title: 'checkout is slow <!channel>',
  urgency: 'high',
  status: 'triggered',
  service: { id: 'PSVC', summary: 'shop-db' },
  assignments: [{ assignee: { summary: 'Alice' } }],
  body: { details: 'p99 over 5 s' },
};

async function open(t: CleanUp, hook: HookServer, key: string = REST_KEY) {
  const upstream = await startLineServer(t);
  const base = lineConfig(upstream.port).replace(
    'profile "default" { credentials = [passthrough.pg] }',
    `credential "header_token" "pd" {
  header   = "Authorization"
  prefix   = "Token token="
  endpoint = https.pd
}
endpoint "https" "pd" { hosts = ["api.pagerduty.com"] }
context "pagerduty" "oncall" {
  credential = header_token.pd
  services   = ["PSVC"]
  select     = "latest"
  base_url   = "${hook.url}"
  cache_ttl  = "1s"
}
notifier "pagerduty" "notes" {
  routing_key = "{{secret:ROUTING_KEY}}"
  credential  = header_token.pd
  from        = "bot@example.com"
  base_url    = "${hook.url}"
  api_url     = "${hook.url}"
}
approver "human_approver" "oncall" { notifiers = [pagerduty.notes] }
gateway { dashboard_listen = "off" }
profile "default" {
  credentials = [passthrough.pg]
  context     = pagerduty.oncall
}
rule "quiet" {
  endpoint  = postgres.pg
  condition = "context.alert.title == '' && sql.verb == 'drop'"
  verdict   = "deny"
  reason    = "nothing is on fire"
}
rule "named" {
  endpoint  = postgres.pg
  condition = "context.incident != ''"
  verdict   = "allow"
}
risk "destructive" { approve = [human_approver.oncall] }`,
  );
  const daemon = await startDaemon(t, base, { env: { CLAWPATROL_SECRET_PD: key, ROUTING_KEY } });
  const client = await connectLines(t, daemon.port('postgres.pg'));
  return { daemon, client, pending: () => daemon.operations.approvals.pending() };
}

test('the newest open incident of the services is on the request and in the facts, and a note is written on it', async (t) => {
  const hook = await startHookServer(t);
  hook.incidents.set('POLD', { ...INCIDENT, id: 'POLD', status: 'resolved' });
  hook.incidents.set('PFAR', { ...INCIDENT, id: 'PFAR', service: { id: 'POTHER', summary: 'x' } });
  hook.incidents.set('PINC1', INCIDENT);
  const { client, pending } = await open(t, hook);
  // What was heard is known to the rules once the answer is read.
  await eventually('the incident is known', async () => {
    client.send('destructive drop it');
    return (await client.next()).startsWith('parked ');
  });
  const [approval] = pending();
  const { guess = '', ...fields } = approval?.alert ?? {};
  assert.deepEqual(fields, {
    id: 'PINC1',
    source: 'pagerduty.oncall',
    status: 'open',
    title: 'checkout is slow <!channel>',
    urgency: 'high',
    service: 'shop-db',
    body: 'p99 over 5 s',
    assignees: 'Alice',
  });
  assert.match(guess, /nobody named it/);
  await eventually('a note is written', () => hook.calls.some(({ path }) => path === '/incidents/PINC1/notes'));
  const note = hook.calls.find(({ path }) => path === '/incidents/PINC1/notes');
  assert.equal(note?.headers.from, 'bot@example.com');
  assert.match(JSON.stringify(note?.body), /waits for approval/);
});

test('without an answer of PagerDuty requests wait as ever, shown without an incident', async (t) => {
  const hook = await startHookServer(t);
  hook.incidents.set('PINC1', INCIDENT);
  const { client, pending } = await open(t, hook, 'a wrong key');
  await eventually('it was asked', () => hook.calls.length > 0);
  client.send('destructive drop it');
  assert.match(await client.next(), /^denied .*nothing is on fire/);
  client.send('destructive delete it');
  assert.match(await client.next(), /^parked /);
  assert.equal(pending()[0]?.alert, null);
});
