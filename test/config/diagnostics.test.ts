// Every diagnostic that loading can give: what was written, where the complaint points, under which code.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatDiagnostic } from '../../src/config/diagnostic.ts';
import { loadConfig } from '../../src/config/load.ts';
import { createMemoryReader } from './memory-reader.ts';

/** Follows every snippet, so that it is a configuration: a version, a way in, an approver. */
const BASE = `
schema_version = 1
endpoint "postgres" "base" {
  host   = "base.example.com"
  listen = "127.0.0.1:15432"
}
credential "postgres_credential" "base" { endpoint = postgres.base }
profile "base" { credentials = [postgres_credential.base] }
approver "human_approver" "people" {}
`;

interface Row {
  readonly text: string;
  /** `LINE:COL SEVERITY CODE` in order. */
  readonly want: readonly string[];
  /** Other files. */
  readonly files?: Readonly<Record<string, string>>;
  /** The snippet is the whole file. */
  readonly alone?: true;
}

async function check(row: Row): Promise<void> {
  const files = { 'gw.hcl': row.alone === true ? row.text : row.text + BASE, ...row.files };
  const { config, diagnostics } = await loadConfig('gw.hcl', { reader: createMemoryReader(files) });
  const shown = diagnostics.map(({ at, severity, code }) => {
    const file = at.file === 'gw.hcl' ? '' : `${at.file}:`;
    return `${file}${at.line}:${at.column} ${severity} ${code}`;
  });
  assert.deepEqual(shown, row.want, diagnostics.map(formatDiagnostic).join('\n'));
  assert.equal(
    config === null,
    row.want.some((line) => line.includes(' error ')),
  );
  for (const diagnostic of diagnostics) {
    assert.notEqual(diagnostic.message, '');
    assert.notEqual(diagnostic.fix, '', `${diagnostic.code} has no fix`);
  }
}

const E = (place: string, code: string): string => `${place} error ${code}`;
const W = (place: string, code: string): string => `${place} warning ${code}`;

const MODEL = 'approver "llm_approver" "m" {\n  model = "gpt-5"\n  base_url = "https://x.com"\n}\n';

/** Rules and tiers that ask `m`, by their condition, and whether that is told. */
function modelAlone(): readonly Row[] {
  const rule = (condition: string, approve: string = 'm'): string =>
    `${MODEL}rule "r" {\n  endpoint = base\n  condition = "${condition}"\n  approve = [${approve}]\n}\n`;
  const told = (condition: string): Row => ({ text: rule(condition), want: [W('7:16', 'weak-review')] });
  const not = (condition: string): Row => ({ text: rule(condition), want: [] });
  return [
    { text: `${MODEL}risk "destructive" { approve = [m] }\n`, want: [W('5:32', 'weak-review')] },
    { text: `${MODEL}risk "destructive" { approve = [m, people] }\n`, want: [] },
    { text: `${MODEL}risk "suspicious" { approve = [m] }\n`, want: [] },
    { text: `${MODEL}rule "r" {\n  endpoint = base\n  approve = [m]\n}\n`, want: [W('5:1', 'weak-review')] },
    { text: rule("sql.verb == 'drop'", 'm, people'), want: [] },
    told("sql.verb == 'drop'"),
    told("risk in ['suspicious', 'destructive']"),
    told("risk != 'safe'"),
    told("risk == 'suspicious' || sql.verb == 'drop'"),
    not("sql.verb == 'update' && risk == 'suspicious'"),
    not("risk in ['safe', 'suspicious']"),
    not("sql.verb == 'update' && 'destructive' != risk"),
    {
      text: rule("sql.verb == 'drop'").replace('  approve', '  disabled = true\n  approve'),
      want: [],
    },
  ];
}

const rows: Readonly<Record<string, readonly Row[]>> = {
  syntax: [
    { text: 'defaults {\n  unmatched = = "risk"\n}\n', want: [E('2:15', 'syntax')], alone: true },
    { text: 'defaults { unmatched = "risk"\n', want: [E('1:30', 'syntax')], alone: true },
    { text: 'x = "a\\qb"\n', want: [E('1:7', 'syntax')], alone: true },
    { text: 'gateway { log_level = "info" telemetry = false }\n', want: [E('1:30', 'syntax')], alone: true },
    { text: '{"gateway": {}}\n', want: [E('1:1', 'syntax')], alone: true },
    { text: `a = ${'['.repeat(5000)}\n`, want: [E('1:1', 'syntax')], alone: true },
    { text: `a = ${'-'.repeat(5000)}1\n`, want: [E('1:195', 'syntax')], alone: true },
  ],
  'unknown-block': [
    { text: 'endpiont "postgres" "x" {}\n', want: [E('1:1', 'unknown-block')] },
    { text: 'policy "x" {}\n', want: [E('1:1', 'unknown-block')] },
    { text: 'gateway {\n  limitz {}\n}\n', want: [E('2:3', 'unknown-block')] },
    { text: 'gateway {\n  log_level {}\n}\n', want: [E('2:3', 'unknown-block')] },
  ],
  'unknown-attribute': [
    { text: 'defaults { unmached = "risk" }\n', want: [E('1:12', 'unknown-attribute')] },
    { text: 'colour = 1\n', want: [E('1:1', 'unknown-attribute')] },
    { text: 'gateway {\n  limits = {}\n}\n', want: [E('2:3', 'unknown-attribute')] },
    {
      text: 'endpoint "https" "x" {\n  hosts = ["x.com"]\n  credential = "y"\n}\n',
      want: [E('3:3', 'unknown-attribute')],
    },
    {
      text: 'profile "p" {\n  credentials = [{ credential = postgres_credential.base, usr = "x" }]\n}\n',
      want: [E('2:59', 'unknown-attribute'), E('8:12', 'missing-attribute')],
    },
    { text: 'defaults { constructor = 1 }\n', want: [E('1:12', 'unknown-attribute')] },
  ],
  'duplicate-attribute': [
    { text: 'defaults {\n  unmatched = "risk"\n  unmatched = "deny"\n}\n', want: [E('3:3', 'duplicate-attribute')] },
  ],
  'duplicate-block': [
    { text: 'defaults {}\ndefaults {}\n', want: [E('2:1', 'duplicate-block')] },
    { text: 'gateway {\n  limits {}\n  limits {}\n}\n', want: [E('3:3', 'duplicate-block')] },
    {
      text: 'risk "safe" { verdict = "allow" }\nrisk "safe" { verdict = "deny" }\n',
      want: [E('2:6', 'duplicate-block')],
    },
  ],
  'duplicate-name': [
    {
      text: 'approver "human_approver" "people" {}\n',
      want: [E('10:27', 'duplicate-name')],
    },
    { text: 'approver "human_approver" "dashboard" {}\n', want: [E('1:27', 'duplicate-name')] },
  ],
  'missing-attribute': [
    { text: 'endpoint "postgres" "x" {}\n', want: [E('1:1', 'missing-attribute')] },
    { text: 'approver "llm_approver" "x" { model = "claude-x" }\n', want: [E('1:1', 'missing-attribute')] },
    {
      text: 'approver "llm_approver" "x" {\n  model = "house"\n  base_url = "https://x.com"\n}\n',
      want: [E('2:11', 'missing-attribute')],
    },
    {
      text: 'approver "llm_approver" "x" {\n  model = "x"\n  provider = "openai_compatible"\n  credential = bearer_token.t\n}\ncredential "bearer_token" "t" {}\n',
      want: [E('3:14', 'missing-attribute')],
    },
    {
      text: 'approver "human_approver" "x" { on_timeout = "escalate" }\n',
      want: [E('1:46', 'missing-attribute')],
    },
    { text: 'credential "cookie_token" "x" {}\n', want: [E('1:1', 'missing-attribute')] },
    {
      text: 'credential "slack_tokens" "s" {}\nnotifier "slack" "x" {\n  credential = s\n  channel = "#c"\n  interactive = true\n}\n',
      want: [E('5:17', 'missing-attribute')],
    },
    {
      text: 'credential "header_token" "p" { header = "x" }\ncontext "pagerduty" "x" {\n  credential = p\n  select = "latest"\n}\n',
      want: [E('4:12', 'missing-attribute')],
    },
    {
      text: 'context "webhook" "x" {\n  id = "id"\n  secret = "{{secret:X}}"\n}\n',
      want: [E('3:12', 'missing-attribute')],
    },
    {
      text: 'endpoint "kubernetes" "x" {\n  server = "https://k.example.com"\n  region = "eu"\n}\n',
      want: [E('3:12', 'missing-attribute')],
    },
    {
      text: 'endpoint "clickhouse_native" "x" {\n  hosts = ["c.example.com"]\n  accept_invalid_certificate = true\n}\n',
      want: [E('3:32', 'missing-attribute')],
    },
    {
      text: 'tunnel "ssh_port_forward" "x" {\n  user = "u"\n  credential = ssh_key.k\n}\ncredential "ssh_key" "k" {}\n',
      want: [E('1:1', 'missing-attribute')],
    },
  ],
  'exclusive-attributes': [
    {
      text: 'rule "x" {\n  endpoint = base\n  verdict = "deny"\n  approve = [people]\n}\n',
      want: [E('3:13', 'exclusive-attributes')],
    },
    {
      text: 'rule "x" {\n  endpoint = base\n}\n',
      want: [E('1:1', 'exclusive-attributes')],
    },
    { text: 'rule "x" {\n  endpoint = base\n  approve = []\n}\n', want: [E('3:13', 'exclusive-attributes')] },
    { text: 'rule "x" { verdict = "deny" }\n', want: [E('1:1', 'exclusive-attributes')] },
    { text: 'risk "safe" {}\n', want: [E('1:1', 'exclusive-attributes')] },
    {
      text: 'credential "bearer_token" "x" {\n  secret {\n    env = "A"\n    file = "/b"\n  }\n}\n',
      want: [E('4:12', 'exclusive-attributes')],
    },
    { text: 'credential "bearer_token" "x" {\n  secret {}\n}\n', want: [E('2:3', 'exclusive-attributes')] },
    {
      text: 'credential "bearer_token" "x" {\n  secret {\n    env = "A"\n    ttl = "1m"\n  }\n}\n',
      want: [E('4:11', 'exclusive-attributes')],
    },
    {
      text: 'credential "postgres_credential" "x" {\n  endpoint = base\n  endpoints = [base]\n}\n',
      want: [E('3:15', 'exclusive-attributes')],
    },
    {
      text: 'gateway {\n  actions_keep = "1h"\n  audit {\n    retention = "2h"\n  }\n}\n',
      want: [E('4:17', 'exclusive-attributes')],
    },
    { text: 'gateway {\n  store {}\n}\n', want: [E('2:3', 'exclusive-attributes')] },
  ],
  'empty-value': [
    { text: 'endpoint "https" "x" { hosts = [] }\n', want: [E('1:32', 'empty-value')] },
    { text: 'credential "basic_auth" "x" { username = "" }\n', want: [E('1:42', 'empty-value')] },
    { text: 'rule "x" {\n  endpoint = ""\n  verdict = "deny"\n}\n', want: [E('2:14', 'empty-value')] },
  ],
  'out-of-range': [
    { text: 'defaults { human_timeout = 0 }\n', want: [E('1:28', 'out-of-range')] },
    { text: 'defaults { human_timeout = "169h" }\n', want: [E('1:28', 'out-of-range')] },
    { text: 'gateway {\n  audit {\n    segment = "59m"\n  }\n}\n', want: [E('3:15', 'out-of-range')] },
    {
      text: 'rule "x" {\n  endpoint = base\n  verdict = "deny"\n  priority = 2147483648\n}\n',
      want: [E('4:14', 'out-of-range')],
    },
    { text: 'grant { max_uses = 0 }\n', want: [E('1:20', 'out-of-range')] },
    {
      text: 'grant { max_uses = 5 }\napprover "human_approver" "x" {\n  grant { max_uses = 6 }\n}\n',
      want: [E('3:22', 'out-of-range')],
    },
  ],
  'wrong-labels': [
    { text: 'gateway "x" {}\n', want: [E('1:9', 'wrong-labels')] },
    { text: 'endpoint "postgres" {}\n', want: [E('1:1', 'wrong-labels')] },
    { text: 'rule "a" "b" {}\n', want: [E('1:10', 'wrong-labels')] },
    { text: 'gateway {\n  limits "x" {}\n}\n', want: [E('2:10', 'wrong-labels')] },
  ],
  'bad-name': [
    { text: 'approver "human_approver" "" {}\n', want: [E('1:27', 'bad-name')] },
    { text: 'approver "human_approver" " x" {}\n', want: [E('1:27', 'bad-name')] },
    { text: 'approver "human_approver" "a\\tb" {}\n', want: [E('1:27', 'bad-name')] },
    { text: `approver "human_approver" "${'é'.repeat(129)}" {}\n`, want: [E('1:27', 'bad-name')] },
    { text: `approver "human_approver" "${'é'.repeat(128)}" {}\n`, want: [] },
    { text: 'credential "header_token" "x" { header = "a b" }\n', want: [E('1:42', 'bad-name')] },
  ],
  'unknown-type': [
    { text: 'endpoint "postgresql" "x" { host = "x.com" }\n', want: [E('1:10', 'unknown-type')] },
    { text: 'approver "toString" "x" {}\n', want: [E('1:10', 'unknown-type')] },
  ],
  'bad-operator': [
    { text: 'approver "human_approver" "x" { approvers = ["a b"] }\n', want: [E('1:46', 'bad-operator')] },
    { text: 'approver "human_approver" "x" { break_glass = ["a b"] }\n', want: [E('1:48', 'bad-operator')] },
    {
      text: 'gateway {\n  tailscale {\n    operators = ["root@"]\n  }\n}\n',
      want: [E('3:18', 'bad-operator')],
    },
  ],
  'break-glass-open': [
    {
      text: 'approver "human_approver" "x" {\n  approvers = ["a", "b"]\n  require_approvers = 2\n  break_glass = ["b", "A"]\n}\n',
      want: [W('4:17', 'break-glass-open')],
    },
    {
      text: 'approver "human_approver" "x" {\n  require_approvers = 2\n  break_glass = ["*@x.com"]\n}\n',
      want: [W('3:17', 'break-glass-open')],
    },
    {
      text: 'approver "human_approver" "x" {\n  approvers = ["a", "b"]\n  require_approvers = 2\n  break_glass = ["b"]\n}\n',
      want: [],
    },
  ],
  'break-glass-unused': [
    {
      text: 'approver "human_approver" "x" {\n  approvers = ["a", "b"]\n  break_glass = ["b"]\n}\n',
      want: [W('3:17', 'break-glass-unused')],
    },
    {
      text: 'approver "human_approver" "x" {\n  approvers = ["a", "b"]\n  break_glass = ["c"]\n}\n',
      want: [],
    },
    {
      text: 'approver "human_approver" "y" {\n  on_timeout = "escalate"\n  escalate_to = human_approver.x\n}\napprover "human_approver" "x" {\n  approvers = ["a", "b"]\n  break_glass = ["b"]\n}\n',
      want: [],
    },
  ],
  'bad-tailnet-node': [
    {
      text: 'profile "p" {\n  credentials = []\n  tailscale = ["ci-runner"]\n}\n',
      want: [W('2:17', 'empty-profile'), E('3:16', 'bad-tailnet-node')],
    },
  ],
  'schema-too-new': [
    { text: 'schema_version = 2\nnonsense {{{\n', want: [E('1:18', 'schema-too-new')], alone: true },
    { text: 'schema_version = 7\nfuture "block" {}\n', want: [E('1:18', 'schema-too-new')], alone: true },
  ],
  'schema-invalid': [
    { text: 'schema_version = -1\nnonsense {}\n', want: [E('1:18', 'schema-invalid')], alone: true },
    { text: 'schema_version = 1.5\n', want: [E('1:18', 'schema-invalid')], alone: true },
    { text: 'schema_version = "one"\n', want: [E('1:18', 'schema-invalid')], alone: true },
    {
      text: 'include = ["b.hcl"]\n',
      files: { 'b.hcl': 'schema_version = 0\n' },
      want: ['b.hcl:1:18 error schema-invalid'],
    },
  ],
  'no-schema-version': [
    { text: BASE.replace('schema_version = 1', ''), want: [W('1:1', 'no-schema-version')], alone: true },
  ],
  'wrong-type': [
    { text: 'gateway { telemetry = "maybe" }\n', want: [E('1:23', 'wrong-type')] },
    { text: 'gateway { dashboard_config_writes = [] }\n', want: [E('1:37', 'wrong-type')] },
    { text: 'gateway { vip_subnets = "10.0.0.0/8" }\n', want: [E('1:25', 'wrong-type')] },
    { text: 'rule "x" {\n  endpoint = base\n  verdict = deny\n}\n', want: [E('3:13', 'wrong-type')] },
    {
      text: 'rule "x" {\n  endpoint = base\n  verdict = "deny"\n  priority = 1.5\n}\n',
      want: [E('4:14', 'wrong-type')],
    },
    {
      text: 'profile "x" {\n  credentials = []\n  hitl_async_grants = "later"\n}\n',
      want: [W('2:17', 'empty-profile'), E('3:23', 'wrong-type')],
    },
    { text: 'gateway { public_url = "clawpatrol.example.com" }\n', want: [E('1:24', 'wrong-type')] },
    { text: 'gateway { public_url = "https://u@example.com" }\n', want: [E('1:24', 'wrong-type')] },
  ],
  pem: [
    {
      text: 'endpoint "https" "x" {\n  hosts = ["x.com"]\n  ca_cert = "<<file:ca.pem>>"\n}\n',
      files: { 'ca.pem': 'no certificate' },
      want: [E('3:13', 'wrong-type')],
    },
  ],
  'bad-duration': [
    { text: 'gateway { dashboard_session_ttl = "0s" }\n', want: [E('1:35', 'bad-duration')] },
    { text: 'gateway { dashboard_session_ttl = 600 }\n', want: [E('1:35', 'bad-duration')] },
    { text: 'gateway { actions_keep = "-1h" }\n', want: [E('1:26', 'bad-duration')] },
    { text: 'gateway { actions_keep = "off" }\n', want: [] },
    { text: 'defaults { llm_cache_ttl = -5 }\n', want: [E('1:28', 'bad-duration')] },
  ],
  'bad-size': [
    { text: 'gateway {\n  limits {\n    body_buffer = "1.5MiB"\n  }\n}\n', want: [E('3:19', 'bad-size')] },
    { text: 'gateway {\n  limits {\n    body_buffer = 0\n  }\n}\n', want: [E('3:19', 'bad-size')] },
  ],
  'bad-host': [
    {
      text: 'endpoint "https" "x" { hosts = ["*.com", "a..b", "http://x", "*"] }\n',
      want: [E('1:33', 'bad-host'), E('1:42', 'bad-host'), E('1:50', 'bad-host'), E('1:62', 'bad-host')],
    },
    { text: 'endpoint "postgres" "x" { host = "*.example.com" }\n', want: [E('1:34', 'bad-host')] },
    { text: 'endpoint "postgres" "x" { host = "db.example.com:0" }\n', want: [E('1:34', 'bad-host')] },
  ],
  'bad-address': [
    { text: 'gateway { dashboard_listen = "localhost" }\n', want: [E('1:30', 'bad-address')] },
    { text: 'gateway { resolver = "dns.example.com" }\n', want: [E('1:22', 'bad-address')] },
    { text: 'gateway { control_listen = "off" }\n', want: [E('1:28', 'bad-address')] },
    {
      text: 'endpoint "postgres" "x" {\n  host = "x.example.com"\n  listen = "off"\n}\n',
      want: [E('3:12', 'bad-address')],
    },
  ],
  'bad-enum': [
    { text: 'rule "x" {\n  endpoint = base\n  verdict = "alow"\n}\n', want: [E('3:13', 'bad-enum')] },
    { text: 'defaults { unmatched = "no" }\n', want: [E('1:24', 'bad-enum')] },
    { text: 'defaults { unmatched = "Risk" }\n', want: [E('1:24', 'bad-enum')] },
    {
      text: 'endpoint "postgres" "x" {\n  host = "x.example.com"\n  sslmode = "verify"\n}\n',
      want: [E('3:13', 'bad-enum')],
    },
    { text: 'risk "mild" { verdict = "allow" }\n', want: [E('1:6', 'bad-enum')] },
    { text: 'gateway { timezone = "Europe/Belin" }\n', want: [E('1:22', 'bad-enum')] },
  ],
  references: [
    { text: 'rule "x" {\n  endpoint = postgres.bse\n  verdict = "deny"\n}\n', want: [E('2:14', 'unknown-reference')] },
    { text: 'rule "x" {\n  endpoint = https.base\n  verdict = "deny"\n}\n', want: [E('2:14', 'wrong-kind')] },
    { text: 'rule "x" {\n  endpoint = people\n  verdict = "deny"\n}\n', want: [E('2:14', 'wrong-kind')] },
    { text: 'rule "x" {\n  endpoint = postgres.base.x\n  verdict = "deny"\n}\n', want: [E('2:14', 'not-constant')] },
    { text: 'rule "x" {\n  endpoint = postgres["base"]\n  verdict = "deny"\n}\n', want: [E('2:14', 'not-constant')] },
    {
      text: 'approver "llm_approver" "x" {\n  model = "gpt-5"\n  base_url = "https://x.com"\n  different_family_from = [people, anthropic]\n}\n',
      want: [E('4:28', 'ambiguous-reference'), E('4:36', 'ambiguous-reference')],
    },
    {
      text: 'approver "human_approver" "x" { escalate_to = llm_approver.m }\napprover "llm_approver" "m" {\n  model = "gpt-5"\n  base_url = "https://x.com"\n}\n',
      want: [E('1:47', 'wrong-kind')],
    },
  ],
  'bad-secret-reference': [
    { text: 'notifier "pagerduty" "x" { routing_key = "{{secret:}}" }\n', want: [E('1:43', 'bad-secret-reference')] },
    {
      text: 'notifier "pagerduty" "x" { routing_key = "a{{secret:file:rel}}" }\n',
      want: [E('1:44', 'bad-secret-reference')],
    },
    { text: 'notifier "pagerduty" "x" { routing_key = "{{secret:A" }\n', want: [E('1:43', 'bad-secret-reference')] },
    {
      text: 'rule "x" {\n  endpoint = base\n  verdict = "deny"\n  reason = "see {{secret:A}}"\n}\n',
      want: [E('4:17', 'bad-secret-reference')],
    },
  ],
  'not-constant': [
    { text: 'gateway { log_path = "${x}" }\n', want: [E('1:23', 'not-constant')] },
    { text: 'gateway { log_path = file("x") }\n', want: [E('1:22', 'not-constant')] },
    { text: 'gateway { log_path = true ? "a" : "b" }\n', want: [E('1:22', 'not-constant')] },
    { text: 'gateway { vip_subnets = [for x in y : x] }\n', want: [E('1:25', 'not-constant')] },
    { text: 'grant { max_uses = 1 / 0 }\n', want: [E('1:20', 'not-constant')] },
    { text: 'grant { max_uses = 2 * (3 + 4) }\n', want: [] },
  ],
  'file-marker': [
    {
      text: 'endpoint "https" "x" {\n  hosts = ["x.com"]\n  ca_cert = "<<file:ca.pem"\n}\n',
      want: [E('3:14', 'file-marker')],
    },
    {
      text: 'rule "x" {\n  endpoint = base\n  verdict = "deny"\n  reason = "<<file:x>>"\n}\n',
      want: [E('4:13', 'file-marker')],
    },
  ],
  'file-unreadable': [
    {
      text: 'endpoint "https" "x" {\n  hosts = ["x.com"]\n  ca_cert = "<<file:none.pem>>"\n}\n',
      want: [E('3:14', 'file-unreadable')],
    },
  ],
  'CP-30: file-forbidden': [
    { text: 'include = ["../x.hcl"]\n', want: [E('1:12', 'file-forbidden')] },
    { text: 'include = ["/etc/x.hcl"]\n', want: [E('1:12', 'file-forbidden')] },
    {
      text: 'endpoint "https" "x" {\n  hosts = ["x.com"]\n  ca_cert = "<<file:../../ca.pem>>"\n}\n',
      want: [E('3:14', 'file-forbidden')],
    },
    {
      text: 'gateway { state_dir = "/var/lib/cp" }\nendpoint "https" "x" {\n  hosts = ["x.com"]\n  ca_cert = "<<file:/var/lib/cp/ca.pem>>"\n}\n',
      files: { '/var/lib/cp/ca.pem': 'x' },
      want: [E('4:14', 'file-forbidden')],
    },
  ],
  includes: [
    { text: 'include = ["none.hcl"]\n', want: [E('1:12', 'include-missing')] },
    { text: 'include = ["packs/*.hcl"]\n', want: [W('1:12', 'include-empty')] },
    { text: 'include = ["gw.hcl"]\n', want: [E('1:12', 'include-cycle')] },
    { text: 'include = ["b.hcl", "b.hcl"]\n', files: { 'b.hcl': '' }, want: [E('1:21', 'include-twice')] },
    { text: 'include = "b.hcl"\n', files: { 'b.hcl': '' }, want: [E('1:11', 'wrong-type')] },
    {
      text: 'include = ["f1.hcl"]\n',
      files: Object.fromEntries(
        Array.from({ length: 9 }, (_, i) => [`f${i + 1}.hcl`, i < 8 ? `include = ["f${i + 2}.hcl"]\n` : '']),
      ),
      want: ['f8.hcl:1:12 error include-depth'],
    },
  ],
  'mixed-families': [
    {
      text: 'endpoint "https" "x" { hosts = ["x.com"] }\nrule "x" {\n  endpoints = [base, x]\n  verdict = "deny"\n}\n',
      want: [E('3:15', 'mixed-families')],
    },
  ],
  'no-way-in': [
    { text: 'schema_version = 1\n', want: [E('1:1', 'no-way-in')], alone: true },
    { text: 'schema_version = 1\n\ngateway {}\n', want: [E('3:1', 'no-way-in')], alone: true },
  ],
  wireguard: [
    { text: 'gateway {\n  wireguard { subnet_cidr = "10.77.0.0/16" }\n}\n', want: [E('2:3', 'no-dial-target')] },
    {
      text: 'gateway {\n  wireguard {\n    subnet_cidr = "10.77.0.0/16"\n    endpoint = "0.0.0.0:51820"\n  }\n}\n',
      want: [E('4:16', 'no-dial-target')],
    },
    {
      text: 'gateway {\n  wireguard {\n    subnet_cidr = "10.77.0.0/7"\n    endpoint = "gw.example.com"\n  }\n}\n',
      want: [E('3:19', 'bad-cidr'), W('3:19', 'public-subnet')],
    },
    {
      text: 'gateway {\n  wireguard {\n    subnet_cidr = "10.78.3.0/24"\n    endpoint = "gw.example.com"\n  }\n}\n',
      want: [E('3:19', 'bad-cidr')],
    },
    {
      text: 'gateway {\n  public_url = "https://gw.example.com"\n  wireguard { subnet_cidr = "11.0.0.0/16" }\n}\n',
      want: [W('3:29', 'public-subnet')],
    },
    { text: 'gateway { vip_subnets = ["10.1.0.0/16"] }\n', want: [E('1:25', 'bad-cidr')] },
    {
      text: 'gateway {\n  vip_subnets = ["100.80.0.0/16", "fd78::/64"]\n  tailscale {}\n}\n',
      want: [E('2:17', 'bad-cidr')],
    },
    {
      text: 'gateway {\n  wireguard {\n    subnet_cidr = "100.99.0.0/16"\n    endpoint = "127.0.0.1"\n  }\n  tailscale {}\n}\n',
      want: [E('3:19', 'bad-cidr')],
    },
  ],
  listeners: [
    {
      text: 'endpoint "postgres" "x" {\n  host = "x.example.com"\n  listen = "0.0.0.0:15433"\n}\ncredential "passthrough" "x" { endpoint = x }\nprofile "x" { credentials = [passthrough.x] }\n',
      want: [E('3:12', 'open-listener')],
    },
    {
      text: 'gateway { metrics_listen = "127.0.0.1:15432" }\n',
      want: [E('6:12', 'listener-clash')],
    },
    {
      text: 'gateway {\n  proxy {\n    listen = "127.0.0.1:15432"\n  }\n}\n',
      want: [E('10:12', 'listener-clash')],
    },
    {
      text: 'gateway {\n  proxy {\n    listen = "0.0.0.0:3128"\n  }\n}\n',
      want: [E('3:14', 'open-listener')],
    },
    {
      text: 'gateway {\n  proxy {\n    listen = "127.0.0.1:3128"\n  }\n}\nprofile "second" { credentials = [] }\n',
      want: [E('3:14', 'missing-attribute'), W('6:34', 'empty-profile')],
    },
    { text: 'gateway {\n  proxy {\n    profile = "base"\n  }\n}\n', want: [E('2:3', 'missing-attribute')] },
    {
      text: 'gateway {\n  proxy {\n    listen  = "127.0.0.1:3128"\n    profile = "nobody"\n  }\n}\n',
      want: [E('4:15', 'unknown-reference')],
    },
    {
      text: 'endpoint "postgres" "x" {\n  host = "x.example.com"\n  listen = "127.0.0.1:15433"\n}\n',
      want: [E('3:12', 'endpoint-not-in-profile')],
    },
    {
      text: 'endpoint "ssh" "x" {\n  hosts = ["a.example.com", "b.example.com"]\n  listen = "127.0.0.1:15433"\n}\ncredential "passthrough" "x" { endpoint = x }\nprofile "x" { credentials = [passthrough.x] }\n',
      want: [E('3:12', 'listener-upstream')],
    },
    {
      text: 'endpoint "https" "x" {\n  hosts = ["a.example.com", "b.example.com"]\n  listen = "127.0.0.1:15433"\n}\ncredential "passthrough" "x" { endpoint = x }\nprofile "x" { credentials = [passthrough.x] }\n',
      want: [],
    },
    { text: 'profile "y" { credentials = [base] }\n', want: [E('6:12', 'missing-attribute')] },
    { text: 'gateway { dashboard_listen = "0.0.0.0:8080" }\n', want: [W('1:30', 'open-dashboard')] },
  ],
  hosts: [
    {
      text: 'endpoint "https" "x" { hosts = ["x.com", "ClawPatrol.Internal:8443"] }\n',
      want: [E('1:42', 'reserved-host')],
    },
    { text: 'endpoint "https" "x" { hosts = ["x.com", "X.COM.:443"] }\n', want: [E('1:42', 'duplicate-host')] },
    {
      text: 'endpoint "https" "x" { hosts = ["x.com"] }\nendpoint "https" "y" { hosts = ["y.com", "X.com"] }\ncredential "passthrough" "c" { endpoints = [x, y] }\nprofile "p" { credentials = [c] }\n',
      // RC-09
      want: [E('2:42', 'host-clash')],
    },
    {
      text: 'endpoint "https" "x" { hosts = ["x.com"] }\nendpoint "https" "y" { hosts = ["x.com:8443"] }\ncredential "passthrough" "c" { endpoints = [x, y] }\nprofile "p" { credentials = [c] }\n',
      want: [],
    },
    { text: 'endpoint "kubernetes" "x" {}\n', want: [W('1:1', 'claims-nothing')] },
    {
      text: 'endpoint "kubernetes" "x" {\n  hosts = ["x.com"]\n  workloads = { image = ["a"] }\n}\n',
      want: [E('3:15', 'unknown-attribute')],
    },
    {
      text: 'endpoint "kubernetes" "x" {\n  hosts = ["x.com"]\n  workloads = { images = "a" }\n}\n',
      want: [E('3:15', 'wrong-type')],
    },
    { text: 'endpoint "kubernetes" "x" {\n  hosts = ["x.com"]\n  workloads = { images = ["a/*"] }\n}\n', want: [] },
  ],
  credentials: [
    { text: 'credential "ssh_key" "x" { endpoint = base }\n', want: [E('1:39', 'incompatible-credential')] },
    {
      text: 'endpoint "https" "x" { hosts = ["x.com"] }\ncredential "aws_credential" "a" { endpoint = x }\n',
      want: [],
    },
    {
      text: 'endpoint "kubernetes" "x" { hosts = ["x.com"] }\ncredential "aws_credential" "a" { endpoint = x }\n',
      want: [E('2:46', 'missing-attribute')],
    },
    {
      text: 'endpoint "kubernetes" "x" {\n  hosts = ["x.com"]\n  cluster_name = "c"\n  region = "eu-west-1"\n}\ncredential "aws_credential" "a" { endpoint = x }\n',
      want: [],
    },
    {
      text: 'credential "header_token" "a" { header = "Content-Length" }\n',
      want: [E('1:42', 'out-of-range')],
    },
    { text: 'credential "header_token" "a" { header = "X-Token" }\n', want: [] },
    {
      text: 'endpoint "https" "x" { hosts = ["x.com"] }\ncredential "bearer_token" "a" { endpoint = x }\ncredential "bearer_token" "b" { endpoint = x }\nprofile "p" { credentials = [a, b] }\n',
      want: [E('4:33', 'ambiguous-credentials')],
    },
    {
      text: 'endpoint "https" "x" { hosts = ["x.com"] }\ncredential "bearer_token" "a" { endpoint = x }\ncredential "bearer_token" "b" { endpoint = x }\nprofile "p" { credentials = [a, { credential = b, placeholder = "PH-B" }] }\n',
      want: [],
    },
    {
      text: 'endpoint "https" "x" { hosts = ["x.com"] }\ncredential "bearer_token" "a" { endpoint = x }\ncredential "bearer_token" "b" { endpoint = x }\nprofile "p" { credentials = [{ credential = a, placeholder = "PH" }, { credential = b, placeholder = "PH-B" }] }\n',
      // RC-10
      want: [E('4:70', 'placeholder-prefix')],
    },
    {
      text: 'profile "p" { credentials = [{ credential = base, user = "x" }] }\n',
      want: [E('1:30', 'dead-disambiguator'), E('6:12', 'missing-attribute')],
    },
    {
      text: 'profile "p" { credentials = [{ credential = base, placeholder = "x" }] }\n',
      want: [E('1:30', 'unsupported-disambiguator'), E('6:12', 'missing-attribute')],
    },
    {
      text: 'credential "mtls_credential" "x" {\n  secret { env = "A" }\n  secret "kay" { env = "A" }\n  secret "key" { env = "A" }\n  secret "key" { env = "A" }\n}\n',
      want: [E('2:3', 'bad-slot'), E('3:10', 'bad-slot'), E('5:10', 'bad-slot')],
    },
    {
      text: 'credential "bearer_token" "a-b" {}\ncredential "bearer_token" "a_b" {}\n',
      want: [W('2:1', 'secret-env-clash')],
    },
    { text: 'credential "telegram_bot_token" "x" {}\n', want: [W('1:1', 'not-available')] },
  ],
  approvers: [
    {
      text: 'approver "llm_approver" "x" {\n  model = "gpt-5"\n  base_url = "https://x.com"\n  different_family_from = ["openai"]\n}\n',
      want: [E('4:28', 'same-family-reviewer')],
    },
    {
      text: 'approver "llm_approver" "x" {\n  model = "gpt-5"\n  base_url = "https://x.com"\n  different_family_from = ["agent", "anthropic"]\n}\nrule "r" {\n  endpoint = base\n  condition = "risk != \'destructive\'"\n  approve = [x]\n}\n',
      want: [W('4:28', 'agent-family-unknown')],
    },
    {
      text: 'approver "human_approver" "x" { escalate_to = y }\napprover "human_approver" "y" { escalate_to = x }\n',
      want: [E('1:47', 'approval-cycle')],
    },
    {
      text: 'approver "human_approver" "x" {\n  approvers = ["a", "b"]\n  require_approvers = 3\n}\n',
      want: [E('3:23', 'quorum-impossible')],
    },
    {
      text: 'approver "human_approver" "x" {\n  approvers = ["a", "*@example.com"]\n  require_approvers = 3\n}\n',
      want: [],
    },
    { text: 'approver "human_approver" "x" { channel = "#x" }\n', want: [W('1:43', 'channel-unused')] },
    { text: 'defaults { human_on_timeout = "allow" }\n', want: [W('1:31', 'never-allows')] },
    { text: 'defaults { llm_fail_mode = "open" }\n', want: [W('1:28', 'never-allows')] },
    {
      text: 'rule "r" {\n  endpoint = base\n  approve = [people, people]\n}\n',
      want: [W('3:22', 'duplicate-approver')],
    },
    { text: 'risk "destructive" { verdict = "allow" }\n', want: [W('1:32', 'destructive-allowed')] },
  ],
  'AP-10: a model that decides alone on what destroys': modelAlone(),
  'CP-24: rules that nothing would enforce, and lists that protect nothing': [
    {
      text: 'endpoint "from_plugin" "z" { any = 1 }\nrule "r" {\n  endpoint = from_plugin.z\n  verdict = "deny"\n}\n',
      want: [E('1:10', 'unknown-type')],
    },
    { text: 'rule "r" { verdict = "deny" }\n', want: [E('1:1', 'exclusive-attributes')] },
    { text: 'rule "r" {\n  endpoints = []\n  verdict = "deny"\n}\n', want: [E('2:15', 'empty-value')] },
    { text: 'rule "r" {\n  endpoint = base\n  approve = []\n}\n', want: [E('3:13', 'exclusive-attributes')] },
    {
      text: 'rule "r" {\n  endpoint = base\n  condition = "http.path == \'/x\'"\n  verdict = "deny"\n}\n',
      want: [E('3:16', 'cel-unknown-name')],
    },
    { text: 'rule "r" {\n  endpoints = [base]\n  verdict = "deny"\n}\n', want: [] },
  ],
  'CP-32: URLs that lead to metadata services, or channels to this machine': [
    {
      text: 'notifier "webhook" "x" {\n  secret = "{{secret:S}}"\n  url = "http://127.0.0.1:8080/a"\n}\n',
      want: [W('3:9', 'internal-url')],
    },
    {
      text: 'notifier "webhook" "x" {\n  secret = "{{secret:S}}"\n  url = "https://169.254.169.254/latest"\n}\n',
      want: [W('3:9', 'internal-url')],
    },
    {
      text: 'notifier "webhook" "x" {\n  secret = "{{secret:S}}"\n  url = "https://hooks.example.com/a"\n}\n',
      want: [],
    },
    {
      text: 'approver "llm_approver" "x" {\n  model = "gpt-5"\n  base_url = "https://[fd00:ec2::254]"\n}\n',
      want: [W('3:14', 'internal-url')],
    },
    {
      text: 'approver "llm_approver" "x" {\n  model = "gpt-5"\n  base_url = "http://localhost:11434/v1"\n}\n',
      want: [],
    },
  ],
  'dead-credential-pin': [
    {
      text: 'credential "bearer_token" "t" {}\nrule "r" {\n  endpoint = base\n  verdict = "deny"\n  credential = t\n}\n',
      want: [W('5:16', 'dead-credential-pin')],
    },
  ],
  tunnels: [
    {
      text: 'tunnel "local_command" "a" {\n  command = ["x"]\n  listen = "127.0.0.1:1"\n  via = b\n}\ntunnel "local_command" "b" {\n  command = ["x"]\n  listen = "127.0.0.1:2"\n  via = a\n}\n',
      want: [W('4:3', 'not-available'), E('4:9', 'tunnel-cycle'), W('9:3', 'not-available')],
    },
    {
      text: 'tunnel "local_command" "a" {\n  command = ["x"]\n  listen = "127.0.0.1:1"\n}\nendpoint "postgres" "x" {\n  host = "10.0.0.1"\n  tunnel = a\n}\n',
      want: [E('7:12', 'tunnel-needs-name')],
    },
    {
      text: 'tunnel "kubernetes_port_forward" "a" {\n  port = 1\n  pod = "x"\n  service = "y"\n}\n',
      want: [E('4:13', 'exclusive-attributes')],
    },
  ],
  'not-available': [
    {
      text: 'plugin "x" { source = "y" }\nendpoint "from_plugin" "z" { any = 1 }\n',
      want: [E('1:1', 'not-available')],
    },
    { text: 'gateway {\n  store {\n    postgres { url = "x" }\n  }\n}\n', want: [E('3:5', 'not-available')] },
    { text: 'gateway { dashboard_config_writes = true }\n', want: [W('1:11', 'not-available')] },
    { text: 'gateway { dashboard_config_writes = false }\n', want: [] },
    { text: 'gateway {\n  genai_telemetry {}\n}\n', want: [W('2:3', 'not-available')] },
    { text: 'approver "human_approver" "x" { sync_wait_timeout = "5m" }\n', want: [W('1:33', 'not-available')] },
  ],
  'other warnings': [
    { text: 'gateway { telemetry = true }\n', want: [W('1:23', 'no-telemetry')] },
    { text: 'gateway {\n  limits {\n    body_buffer = "1KiB"\n  }\n}\n', want: [W('3:19', 'buffer-below-storage')] },
    { text: 'profile "x" { credentials = [] }\n', want: [W('1:29', 'empty-profile')] },
  ],
  conditions: [
    {
      text: 'rule "x" {\n  endpoint = base\n  verdict = "deny"\n  condition = "sql.vreb == \'drop\'"\n}\n',
      want: [E('4:16', 'cel-unknown-name')],
    },
    {
      text: 'rule "x" {\n  endpoint = base\n  verdict = "deny"\n  condition = <<-EOT\n    true &&\n    sql.vreb == "drop"\n  EOT\n}\n',
      want: [E('6:5', 'cel-unknown-name')],
    },
  ],
};

for (const [subject, list] of Object.entries(rows)) {
  test(`${subject}: each row is reported where it stands`, async () => {
    for (const row of list) {
      await check(row);
    }
  });
}
