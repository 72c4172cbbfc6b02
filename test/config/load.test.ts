// Loading whole configurations: files and directories, includes, file markers, what comes out as `Config`.
import assert from 'node:assert/strict';
import { chmodSync, chownSync, mkdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Config } from '../../src/config/config.ts';
import { formatDiagnostic } from '../../src/config/diagnostic.ts';
import { createDiskReader } from '../../src/config/disk.ts';
import { loadConfig } from '../../src/config/load.ts';
import type { LoadOptions, LoadResult } from '../../src/config/load.ts';
import { temporaryFolder } from '../support/temp.ts';
import { createMemoryReader } from './memory-reader.ts';

type Files = Readonly<Record<string, string>>;

async function load(files: Files, path = 'gw.hcl', options: LoadOptions = {}): Promise<LoadResult> {
  return loadConfig(path, { reader: createMemoryReader(files), ...options });
}

/** Loads what must load, without any finding. */
async function loaded(files: Files, path = 'gw.hcl', options: LoadOptions = {}): Promise<Config> {
  const { config, policy, diagnostics } = await load(files, path, options);
  assert.deepEqual(diagnostics.map(formatDiagnostic), []);
  assert.ok(config !== null && policy !== null);
  return config;
}

const MINIMAL = `
schema_version = 1
endpoint "postgres" "pg" {
  host   = "PG.Internal.Example."
  listen = "127.0.0.1:15432"
}
credential "postgres_credential" "pg" {
  endpoint = pg
  user     = "agent_ro"
}
profile "default" { credentials = [postgres_credential.pg] }
`;

test('a load of many rules gives way between them, so that a gateway that reloads goes on serving', async () => {
  const rule = (name: string): string =>
    `rule "${name}" {\n  endpoint = postgres.pg\n  condition = "sql.verb == 'drop'"\n  verdict = "deny"\n}\n`;
  const rules = Array.from({ length: 300 }, (_, index) => rule(`r${index}`)).join('');
  // The grammar is loaded first, which takes turns of its own.
  await load({ 'gw.hcl': MINIMAL });
  let turns = 0;
  let loading = true;
  const count = (): void => {
    turns += 1;
    if (loading) {
      setImmediate(count);
    }
  };
  setImmediate(count);
  const { config } = await load({ 'gw.hcl': MINIMAL + rules });
  loading = false;
  assert.equal(config?.rules.length, 300);
  assert.ok(turns >= 30, `${turns} turns`);
});

test('a small configuration loads with every default filled in', async () => {
  const config = await loaded({ 'gw.hcl': MINIMAL });
  const [endpoint] = config.endpoints;
  assert.deepEqual(endpoint?.hosts, [{ host: 'pg.internal.example', port: 5432, wildcard: false }]);
  assert.equal(endpoint.profile, 'default');
  assert.deepEqual(endpoint.listenAllow, ['127.0.0.0/8', '::1/128']);
  assert.deepEqual(endpoint.attributes, {
    agent_password: null,
    sslmode: 'prefer',
    read_only: false,
    trusted_functions: [],
    catalog_lookup: false,
  });
  assert.deepEqual(config.profiles[0]?.credentials, [
    { credential: 'postgres_credential.pg', constraints: { user: 'agent_ro' } },
  ]);
  assert.deepEqual(config.risks.safe.outcome, { kind: 'allow' });
  assert.deepEqual(config.risks.destructive.outcome, { kind: 'approve', approvers: ['builtin.dashboard'] });
  assert.deepEqual(config.gateway.dashboardListen, { kind: 'tcp', host: '127.0.0.1', port: 8080 });
  assert.equal(config.gateway.audit.retentionMs, 720 * 3_600_000);
  assert.equal(config.grant.enabled, false);
});

test('CP-01: the dashboard is on loopback unless it is said, and passwords cross no network in the clear unless that is said too', async () => {
  const rows = [
    ['', '127.0.0.1', false],
    ['dashboard_listen = "[::1]:8080"', '::1', false],
    ['dashboard_listen = "0.0.0.0:8080"', '0.0.0.0', true],
    ['dashboard_listen = "192.0.2.1:8080"', '192.0.2.1', true],
    ['dashboard_listen = "0.0.0.0:8080"\n dashboard_tls = false', '0.0.0.0', false],
    ['dashboard_tls = true', '127.0.0.1', true],
  ] as const;
  for (const [text, host, tls] of rows) {
    const { config } = await load({ 'gw.hcl': `gateway {\n ${text}\n}\n${MINIMAL}` });
    const listen = config?.gateway.dashboardListen;
    assert.equal(listen?.kind === 'tcp' ? listen.host : null, host, text);
    assert.equal(config?.gateway.dashboardTls, tls, text);
  }
});

test('references are bare, typed or quoted, before or after the declaration', async () => {
  const rule = (name: string, endpoint: string): string =>
    `rule "${name}" {\n  endpoint = ${endpoint}\n  approve = [${name === 'd' ? 'builtin.dashboard' : 'dashboard'}]\n}\n`;
  const text =
    rule('a', 'k8s-prod') +
    rule('b', 'kubernetes.k8s-prod') +
    rule('c', '"k8s-prod"') +
    rule('d', '"kubernetes.k8s-prod"');
  const late = 'endpoint "kubernetes" "k8s-prod" { server = "https://K8S.example.com/" }\n';
  const config = await loaded({ 'gw.hcl': text + late + MINIMAL });
  assert.deepEqual(
    config.rules.map(({ endpoints, outcome }) => [endpoints, outcome.kind === 'approve' ? outcome.approvers : []]),
    Array.from({ length: 4 }, () => [['kubernetes.k8s-prod'], ['builtin.dashboard']]),
  );
  assert.deepEqual(config.endpoints[0]?.hosts, [{ host: 'k8s.example.com', port: 443, wildcard: false }]);
});

test('names that are no identifiers, and names with dots, are reached in quotes', async () => {
  const text =
    'endpoint "https" "api v1.2" { hosts = ["x.example.com"] }\ncredential "passthrough" "x" { endpoints = ["api v1.2"] }\ncredential "bearer_token" "y" { endpoint = "https.api v1.2" }\n';
  const config = await loaded({ 'gw.hcl': text + MINIMAL });
  assert.deepEqual(
    config.credentials.slice(0, 2).map(({ endpoints }) => endpoints),
    [['https.api v1.2'], ['https.api v1.2']],
  );
});

test('scalars convert as in HCL, durations and sizes become numbers', async () => {
  const text = `
gateway {
  public_url   = " https://gw.example.com/x// "
  actions_keep = 0
  telemetry    = "false"
  limits {
    body_buffer = "2MiB"
    parked      = "7"
  }
}
defaults {
  human_timeout = "90s"
  llm_cache_ttl = "30"
}
rule "x" {
  endpoint = pg
  verdict  = "deny"
  reason   = 600
  priority = -3
}
`;
  const { gateway, defaults, rules } = await loaded({ 'gw.hcl': text + MINIMAL });
  assert.equal(gateway.publicUrl, 'https://gw.example.com/x');
  assert.deepEqual([gateway.actionsKeepMs, gateway.audit.retentionMs], [0, 0]);
  assert.deepEqual([gateway.limits.bodyBufferBytes, gateway.limits.parked], [2 * 1024 ** 2, 7]);
  assert.deepEqual([defaults.humanTimeoutMs, defaults.llmCacheTtlMs], [90_000, 30_000]);
  assert.deepEqual([rules[0]?.reason, rules[0]?.priority], ['600', -3]);
});

test('LC-03: a retention of 0 keeps for ever, and a negative one is an error', async () => {
  const audit = (retention: string): Files => ({
    'gw.hcl': `gateway {\n  audit {\n    retention = "${retention}"\n  }\n}\n${MINIMAL}`,
  });
  assert.equal((await loaded(audit('0s'))).gateway.audit.retentionMs, 0);
  const { config, diagnostics } = await load(audit('-1s'));
  assert.equal(config, null);
  assert.deepEqual(
    diagnostics.map(({ code, at }) => [code, at.line]),
    [['bad-duration', 3]],
  );
});

test('null means not written', async () => {
  const config = await loaded({ 'gw.hcl': `gateway {\n  log_level = null\n}\ninclude = null\n${MINIMAL}` });
  assert.equal(config.gateway.logLevel, 'info');
});

const rule = (name: string): string => `rule "${name}" {\n  endpoint = pg\n  verdict = "deny"\n}\n`;

test('declaration order is the order in which a reader who follows the includes meets the rules', async () => {
  const files = {
    'gw.hcl': `${MINIMAL}${rule('one')}include = ["packs/b.hcl", "teams/*.hcl"]\n${rule('six')}`,
    'packs/b.hcl': `${rule('two')}include = ["../deep/c.hcl"]\n${rule('four')}`,
    'deep/c.hcl': rule('three'),
    'teams/a.hcl': rule('five'),
    'teams/B.hcl': rule('five-before'),
    'teams/.hidden.hcl': 'not read {{{',
    'teams/note.txt': 'not read {{{',
  };
  const config = await loaded(files);
  const names = ['one', 'two', 'three', 'four', 'five-before', 'five', 'six'];
  assert.deepEqual(
    config.rules.map(({ name }) => name),
    names,
  );
  assert.deepEqual(
    config.rules.map(({ order }) => order),
    names.map((_, index) => index),
  );
  assert.equal(config.rules[2]?.at.file, 'deep/c.hcl');
});

test('RC-05: a hundred loads of one set give one order and one revision', async () => {
  const files = { 'conf/b.hcl': rule('b1') + rule('b2'), 'conf/a.hcl': MINIMAL + rule('a1') };
  const seen = new Set<string>();
  for (let round = 0; round < 100; round += 1) {
    const config = await loaded(files, 'conf');
    seen.add(JSON.stringify([config.revision, config.rules.map(({ name }) => name)]));
  }
  assert.equal(seen.size, 1);
  assert.ok([...seen][0]?.endsWith('["a1","b1","b2"]]'));
});

test('a directory is its own .hcl files, by name, and diagnostics call them by the path given', async () => {
  const files = { 'conf/b.hcl': 'colour = 1\n', 'conf/a.hcl': MINIMAL, 'conf/.c.hcl': '{{{', 'conf/sub/d.hcl': '{{{' };
  const { diagnostics } = await load(files, 'conf');
  assert.deepEqual(
    diagnostics.map(({ at }) => `${at.file}:${at.line}:${at.column}`),
    ['conf/b.hcl:1:1'],
  );
});

test('a path that cannot be read and a directory without .hcl are no configuration at all', async () => {
  assert.match((await load({}, 'none.hcl')).unreadable ?? '', /no such file/);
  assert.match((await load({ 'conf/x.txt': '' }, 'conf')).unreadable ?? '', /no \*\.hcl file/);
});

test('a syntax error hides its own file only, and what the file may hold is not reported as missing', async () => {
  const files = {
    'conf/a.hcl': 'schema_version = 1\nendpoint "postgres" "pg" {{\n',
    'conf/b.hcl': `${rule('x')}colour = 1\n`,
  };
  const { diagnostics } = await load(files, 'conf');
  assert.deepEqual(
    diagnostics.map(({ at, code }) => `${at.file}:${at.line} ${code}`),
    ['conf/a.hcl:2 syntax', 'conf/b.hcl:5 unknown-attribute'],
  );
});

test('all errors are reported in one run, in file order', async () => {
  const text =
    'rule "x" {\n  endpoint = nope\n  verdict = "alow"\n  condition = "1 +"\n}\ndefaults { unmatched = 3 }\n';
  const { diagnostics } = await load({ 'gw.hcl': text + MINIMAL });
  assert.deepEqual(
    diagnostics.map(({ at, code }) => `${at.line} ${code}`),
    ['2 unknown-reference', '3 bad-enum', '4 cel-syntax', '6 bad-enum'],
  );
});

test('a condition is checked also where its rule names no endpoint, or one that there is not', async () => {
  const codesOf = async (attributes: string): Promise<readonly string[]> => {
    const text = `rule "x" {\n  ${attributes.split('; ').join('\n  ')}\n  verdict = "deny"\n}\n`;
    const { diagnostics } = await load({ 'gw.hcl': text + MINIMAL });
    return diagnostics.map(({ at, code, message }) => `${at.line} ${code}: ${message}`);
  };
  const unknown = '2 unknown-reference: no endpoint is named "nope"';
  const cases: readonly [string, readonly string[]][] = [
    [
      'endpoint = nope; condition = "sql.tabels == [] && sql.verb == \'selekt\'"',
      [
        unknown,
        '3 cel-unknown-name: there is no fact sql.tabels',
        "3 dead-literal: 'selekt' can never match sql.verb: it is none of its values",
      ],
    ],
    // The rule of a cluster that is missing, in a configuration of databases alone.
    ['endpoint = nope; condition = "k8s.verb == \'get\'"', [unknown]],
    ['endpoint = nope; condition = "k8s.verp == \'get\'"', [unknown, '3 cel-unknown-name: there is no fact k8s.verp']],
    ['endpoint = nope; condition = "risk == \'safe\'"', [unknown]],
    [
      'condition = "sql.verb"',
      ['1 exclusive-attributes: rule "x" names no endpoint', '2 cel-not-bool: a condition is a bool, this is string'],
    ],
    ['endpoint = pg; condition = "sql.verb == \'select\'"', []],
  ];
  for (const [attributes, expected] of cases) {
    assert.deepEqual(await codesOf(attributes), expected, attributes);
  }
});

test('RC-01, RC-02: a diagnostic names the nearest right thing', async () => {
  const first = async (text: string): Promise<string> => {
    const { diagnostics } = await load({ 'gw.hcl': text + MINIMAL });
    return diagnostics[0] === undefined ? '' : formatDiagnostic(diagnostics[0]);
  };
  assert.equal(
    await first('endpiont "postgres" "x" {}\n'),
    'gw.hcl:1:1: error: there is no block "endpiont" [unknown-block]\n  fix: did you mean "endpoint"?',
  );
  assert.equal(
    await first('rule "x" {\n  endpoint = pg\n  verdict = "alow"\n}\n'),
    'gw.hcl:3:13: error: "alow" is not one of: allow, deny [bad-enum]\n  fix: did you mean "allow"? The words are: allow, deny',
  );
  assert.equal(
    await first('rule "x" {\n  endpoint = https.pg\n  verdict = "deny"\n}\n'),
    'gw.hcl:2:14: error: an endpoint named "pg" is of type postgres [wrong-kind]\n  fix: write postgres.pg',
  );
  assert.match(await first('policy "x" {}\n'), /fix: write rule "NAME"/);
  assert.match(await first('device "x" {}\n'), /fix: devices enrol/);
});

test('a quote that is missing is one finding, at the string that it would end', async () => {
  const broken = `rule "x" {\n  endpoint = pg\n  verdict = "deny\n  reason = "no"\n}\n`;
  const { diagnostics } = await load({ 'gw.hcl': broken + MINIMAL });
  assert.deepEqual(
    diagnostics.map(({ at, code, message }) => [at.line, at.column, code, message]),
    [[3, 13, 'syntax', 'the string that begins here has no end on its line']],
  );
  assert.deepEqual(
    (await load({ 'gw.hcl': broken.replace('"deny', '"deny"') + MINIMAL })).diagnostics.filter(
      ({ code }) => code === 'syntax',
    ),
    [],
  );
});

test('columns count code points', async () => {
  const { diagnostics } = await load({ 'gw.hcl': `/* 😀é */ colour = 1\n${MINIMAL}` });
  assert.deepEqual([diagnostics[0]?.at.line, diagnostics[0]?.at.column], [1, 10]);
});

const CA = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n';

test('file markers are replaced by text, relative to the file that holds them, and not recursively', async () => {
  const approver =
    'approver "llm_approver" "m" {\n  model = "gpt-5"\n  base_url = "https://x.com"\n  policy = "A <<file:p.md>> B <<file:p.md>>"\n}\n';
  const files = { 'gw.hcl': `include = ["sub/a.hcl"]\n${MINIMAL}`, 'sub/a.hcl': approver, 'sub/p.md': '<<file:q>>' };
  const config = await loaded(files);
  assert.equal(config.approvers[0]?.attributes['policy'], 'A <<file:q>> B <<file:q>>');
  assert.ok(config.files.some((file) => file.endsWith('/sub/p.md')));
  const skipped = await loaded({ 'gw.hcl': files['gw.hcl'], 'sub/a.hcl': approver }, 'gw.hcl', { skipFiles: true });
  assert.equal(skipped.approvers[0]?.attributes['policy'], 'A <<file:p.md>> B <<file:p.md>>');
});

test('the revision covers every file that was read', async () => {
  const text = `endpoint "https" "x" {\n  hosts = ["x.example.com"]\n  ca_cert = "<<file:ca.pem>>"\n}\n${MINIMAL}`;
  const revision = async (files: Files): Promise<string> => (await loaded(files)).revision;
  const first = await revision({ 'gw.hcl': text, 'ca.pem': CA });
  assert.match(first, /^[0-9a-f]{64}$/);
  assert.equal(await revision({ 'gw.hcl': text, 'ca.pem': CA }), first);
  assert.notEqual(await revision({ 'gw.hcl': `${text}\n`, 'ca.pem': CA }), first);
  assert.notEqual(await revision({ 'gw.hcl': text, 'ca.pem': `${CA}\n` }), first);
});

test('a failed load says what to watch: missing includes, globbed directories, marker files', async () => {
  const text =
    'include = ["none.hcl", "teams/*.hcl"]\nendpoint "https" "x" {\n  hosts = ["x.com"]\n  ca_cert = "<<file:ca.pem>>"\n}\n';
  const { config, watch } = await load({ 'gw.hcl': text });
  assert.equal(config, null);
  for (const path of ['gw.hcl', 'none.hcl', 'teams', 'ca.pem']) {
    assert.ok(watch.includes(join(process.cwd(), path)), path);
  }
});

test('CP-30: real files: links are followed, devices, pipes and directories are refused', async (t) => {
  const folder = temporaryFolder(t);
  const path = join(folder, 'gw.hcl');
  const ca = (marker: string): string =>
    `endpoint "https" "x" {\n  hosts = ["x.example.com"]\n  ca_cert = "<<file:${marker}>>"\n}\n${MINIMAL}`;
  writeFileSync(join(folder, 'ca.pem'), CA);
  symlinkSync('ca.pem', join(folder, 'link.pem'));
  mkdirSync(join(folder, 'dir'));
  for (const [marker, want] of [
    ['link.pem', []],
    [join(folder, 'ca.pem'), []],
    ['/dev/zero', ['file-unreadable']],
    ['dir', ['file-unreadable']],
    ['none', ['file-unreadable']],
  ] as const) {
    writeFileSync(path, ca(marker));
    const { diagnostics } = await loadConfig(path);
    assert.deepEqual(
      diagnostics.map(({ code }) => code),
      want,
      marker,
    );
  }
  assert.match((await loadConfig('/dev/zero')).unreadable ?? '', /not a regular file/);
});

test('CP-29: a daemon refuses files that others own or everyone may write, by what it reads and not by what leads there', async (t) => {
  const folder = temporaryFolder(t);
  const path = join(folder, 'gw.hcl');
  const trusted = { trustedOnly: true };
  const refusal = async (): Promise<string> => (await loadConfig(path, trusted)).unreadable ?? '';
  writeFileSync(path, MINIMAL);
  chmodSync(path, 0o666);
  assert.match(await refusal(), /everyone may write/);
  assert.equal((await loadConfig(path)).unreadable, null);
  chmodSync(path, 0o644);
  assert.equal(await refusal(), '');
  // A link is judged by the file behind it, whenever it is switched.
  const [good, bad] = [join(folder, 'good'), join(folder, 'bad')];
  renameSync(path, good);
  writeFileSync(bad, MINIMAL);
  chmodSync(bad, 0o666);
  symlinkSync('good', path);
  assert.equal(await refusal(), '');
  symlinkSync('bad', `${path}.next`);
  renameSync(`${path}.next`, path);
  assert.match(await refusal(), /everyone may write/);
  if (process.geteuid?.() === 0) {
    chmodSync(bad, 0o644);
    chownSync(bad, 65_534, 65_534);
    assert.match(await refusal(), /belongs to user 65534, and the gateway runs as root/);
    chownSync(bad, 0, 0);
    assert.equal(await refusal(), '');
  }
});

test('CP-29: a link that is switched while it is read shows one file or the other, whole', async (t) => {
  const folder = temporaryFolder(t);
  const path = join(folder, 'gw.hcl');
  const reader = createDiskReader(true);
  const texts = ['a', 'b'].map((letter) => `# ${letter.repeat(200_000)}\n`);
  texts.forEach((text, index) => writeFileSync(join(folder, String(index)), text, { mode: 0o644 }));
  symlinkSync('0', path);
  const state = { switched: 0 };
  const switching = async (): Promise<void> => {
    for (; state.switched < 200; state.switched += 1) {
      symlinkSync(String(state.switched % 2), `${path}.next`);
      renameSync(`${path}.next`, path);
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  const reading = async (): Promise<void> => {
    while (state.switched < 200) {
      const read = await reader.read(path, 1 << 20);
      assert.ok(read.kind === 'read' && texts.includes(read.bytes.toString()));
    }
  };
  await Promise.all([switching(), reading()]);
});

test('text that is not UTF-8 has a place', async () => {
  const bytes = Buffer.concat([Buffer.from('schema_version = 1\n# é'), Buffer.from([0xff]), Buffer.from('\n')]);
  const { diagnostics } = await loadConfig('gw.hcl', { reader: createMemoryReader({ 'gw.hcl': bytes }) });
  assert.deepEqual(
    diagnostics.map(({ at, code }) => `${at.line}:${at.column} ${code}`),
    ['2:4 syntax'],
  );
});

test('whatever is in the file, a load gives diagnostics and never throws', async () => {
  const words =
    'rule endpoint "postgres" "pg" profile credentials condition = verdict "deny" [ ] { } ( ) , . : + - * pg'.split(
      ' ',
    );
  const soup = fc.array(fc.oneof(fc.constantFrom(...words, '\n', '\n', ' '), fc.string({ unit: 'binary' })), {
    maxLength: 30,
  });
  const edited = fc
    .tuple(
      fc.nat(MINIMAL.length),
      fc.nat(20),
      fc.constantFrom('', '"', '{', '}', '\n', '= [', '${x}', '\u0000', 'null', '1e999', '<<E'),
    )
    .map(([at, drop, put]) => MINIMAL.slice(0, at) + put + MINIMAL.slice(at + drop));
  await fc.assert(
    fc.asyncProperty(
      fc.oneof(
        soup.map((parts) => parts.join(' ')),
        edited,
      ),
      async (text) => {
        const { config, diagnostics } = await load({ 'gw.hcl': text });
        const failed = diagnostics.some(({ severity }) => severity === 'error');
        assert.equal(config === null, failed);
        for (const { at } of diagnostics) {
          assert.ok(at.line >= 1 && at.column >= 1 && at.line <= text.split('\n').length);
        }
      },
    ),
    { numRuns: 300 },
  );
});

test("channel and credential of an approver are a Slack channel of that approver's own", async () => {
  const text = `${MINIMAL}
credential "slack_tokens" "ops" {}
notifier "slack" "room" {
  credential = ops
  channel    = "#room"
}
approver "human_approver" "own" {
  credential = ops
  channel    = "#own"
}
approver "human_approver" "shared" { notifiers = [room] }
risk "suspicious" { approve = [own, shared] }
`;
  const { approvers, notifiers } = await loaded({ 'gw.hcl': text });
  const told = approvers.map((one) => (one.type === 'human_approver' ? [one.name, one.notifiers] : []));
  assert.deepEqual(told, [
    ['own', ['human_approver.own']],
    ['shared', ['slack.room']],
  ]);
  const [room, own] = notifiers;
  assert.deepEqual([room?.ref, own?.ref, own?.type], ['slack.room', 'human_approver.own', 'slack']);
  assert.deepEqual({ ...own?.attributes, channel: '#room' }, room?.attributes);
});
