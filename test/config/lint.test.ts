// Findings of `lint` that need only the configuration: each has a twin that is not found.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatDiagnostic } from '../../src/config/diagnostic.ts';
import { lintConfig } from '../../src/config/lint.ts';
import { loadConfig } from '../../src/config/load.ts';
import { createMemoryReader } from './memory-reader.ts';

const BASE = `
schema_version = 1
endpoint "postgres" "base" {
  host    = "base.example.com"
  sslmode = "verify-full"
  listen  = "127.0.0.1:15432"
}
credential "postgres_credential" "base" { endpoint = postgres.base }
profile "base" { credentials = [postgres_credential.base] }
`;

async function check(text: string, want: readonly string[]): Promise<void> {
  const { config, diagnostics } = await loadConfig('gw.hcl', { reader: createMemoryReader({ 'gw.hcl': text + BASE }) });
  assert.ok(config !== null, diagnostics.map(formatDiagnostic).join('\n'));
  const found = lintConfig(config);
  assert.deepEqual(
    found.map(({ at, code }) => `${at.line}:${at.column} ${code}`),
    want,
    found.map(formatDiagnostic).join('\n'),
  );
  assert.ok(found.every(({ severity, fix }) => severity === 'warning' && fix !== ''));
}

const HTTPS = 'endpoint "https" "x" { hosts = ["x.example.com"] }\n';
const REVIEWER = 'approver "llm_approver" "m" {\n  model = "claude-opus"\n  base_url = "https://x.com"\n}\n';

test('what nothing reaches is unused', async () => {
  await check(HTTPS, ['1:1 unused']);
  await check(`${HTTPS}credential "passthrough" "x" { endpoint = x }\n`, ['1:1 unused', '2:1 unused']);
  await check(
    `${HTTPS}credential "passthrough" "x" { endpoint = x }\nprofile "x" { credentials = [passthrough.x] }\n`,
    [],
  );
  await check('approver "human_approver" "x" {}\n', ['1:1 unused']);
  await check('approver "human_approver" "x" {}\nrisk "suspicious" { approve = [x] }\n', []);
  await check(
    'approver "human_approver" "x" { escalate_to = y }\napprover "human_approver" "y" {}\nrisk "suspicious" { approve = [x] }\n',
    [],
  );
  await check('notifier "pagerduty" "x" { routing_key = "{{secret:A}}" }\n', ['1:1 unused']);
  await check('tunnel "local_command" "x" {\n  command = ["x"]\n  listen = "127.0.0.1:1"\n}\n', ['1:1 unused']);
  await check('credential "header_token" "p" { header = "x" }\ncontext "pagerduty" "x" { credential = p }\n', [
    '2:1 unused',
  ]);
});

test('a name that only quotes can reach is awkward', async () => {
  const profile = (name: string): string => `profile "${name}" { credentials = [passthrough.x] }\n`;
  const rest = `${HTTPS}credential "passthrough" "x" { endpoint = x }\n`;
  await check(profile('on call') + rest, ['1:1 awkward-name']);
  await check(profile('on-call') + rest, []);
});

test('a secret in the file is found, a reference is not', async () => {
  const pagerduty = (key: string): string =>
    `notifier "pagerduty" "x" { routing_key = "${key}" }\napprover "human_approver" "p" { notifiers = [x] }\nrisk "suspicious" { approve = [p] }\n`;
  await check(pagerduty('R0123'), ['1:42 literal-secret']);
  await check(pagerduty('{{secret:PD}}'), []);
  const alerts = (secret: string): string =>
    `context "webhook" "a" {\n  secret = "${secret}"\n  id     = "id"\n}\n${HTTPS}credential "passthrough" "x" { endpoint = x }\nprofile "x" {\n  credentials = [passthrough.x]\n  context     = a\n}\ngateway { public_url = "https://gate.example.com" }\n`;
  await check(alerts('abcdefabcdefabcdefabcdefabcdefab'), ['2:12 literal-secret']);
  await check(alerts('{{secret:ALERTS}}'), []);
  const postgres = (password: string): string =>
    `endpoint "postgres" "x" {\n  host = "db:5432"\n  sslmode = "verify-full"\n  agent_password = "${password}"\n}\ncredential "passthrough" "x" { endpoint = x }\nprofile "x" { credentials = [passthrough.x] }\n`;
  await check(postgres('placeholder'), ['4:20 literal-secret']);
  await check(postgres('{{secret:AGENT}}'), []);
  await check(
    'gateway {\n  audit {\n    checkpoint { key = "abc" }\n  }\n}\n'.replace('{ key', '{\n key').replace('" }', '"\n}'),
    ['4:8 literal-secret'],
  );
});

test('upstreams whose identity is not verified are found, also by default', async () => {
  const reach = 'credential "passthrough" "x" { endpoint = x }\nprofile "x" { credentials = [passthrough.x] }\n';
  const postgres = (extra: string): string => `endpoint "postgres" "x" {\n  host = "${extra}\n}\n${reach}`;
  await check(postgres('db.example.com"\n  sslmode = "require"'), ['3:13 sslmode-weak']);
  await check(postgres('db.example.com"'), ['1:1 sslmode-weak']);
  await check(postgres('127.0.0.1"'), []);
  await check(postgres('db.example.com"\n  sslmode = "verify-ca"'), []);
  await check(`endpoint "ssh" "x" { hosts = ["a.example.com"] }\n${reach}`, ['1:1 host-key-unpinned']);
  await check(
    `endpoint "ssh" "x" {\n  hosts = ["a.example.com"]\n  host_key = ["SHA256:${'A'.repeat(43)}"]\n}\n${reach}`,
    [],
  );
  await check(`endpoint "clickhouse_native" "x" { hosts = ["a.example.com"] }\n${reach}`, ['1:1 sslmode-weak']);
});

test('HT-47: a secret sent to every host of a shared domain is found', async () => {
  const https = (host: string, type: string): string =>
    `endpoint "https" "x" { hosts = ["${host}"] }\ncredential "${type}" "x" { endpoint = x }\nprofile "x" { credentials = [${type}.x] }\n`;
  await check(https('*.github.io', 'bearer_token'), ['1:32 shared-domain-wildcard']);
  await check(https('*.s3.amazonaws.com', 'bearer_token'), ['1:32 shared-domain-wildcard']);
  await check(https('*.github.io', 'passthrough'), []);
  await check(https('*.corp.example.com', 'bearer_token'), []);
});

test('rules without a last word are found where the rest is allowed', async () => {
  const rule = 'rule "x" {\n  endpoint = base\n  condition = "sql.verb == \'drop\'"\n  verdict = "deny"\n}\n';
  await check(`defaults { unmatched = "allow" }\n${rule}`, ['9:1 no-catch-all']);
  await check(rule, []);
  await check(`defaults { unmatched = "allow" }\n${rule}rule "y" {\n  endpoint = base\n  verdict = "deny"\n}\n`, []);
});

test("a model that is of its agents' family is a weak review", async () => {
  const agents = (family: string): string =>
    `profile "p" {\n  credentials = [passthrough.x]\n  agent_family = "${family}"\n}\n${HTTPS}credential "passthrough" "x" { endpoint = x }\n`;
  await check(`${REVIEWER}risk "suspicious" { approve = [m] }\n${agents('anthropic')}`, ['2:11 weak-review']);
  await check(`${REVIEWER}risk "suspicious" { approve = [m] }\n${agents('openai')}`, []);
});
