// The table of blocks and attributes: whole, consistent with itself, and the only thing that decides what may be written.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { parseHcl } from '../../src/config/hcl.ts';
import { loadConfig } from '../../src/config/load.ts';
import { credentialTypes } from '../../src/config/schema-credentials.ts';
import { endpointTypes } from '../../src/config/schema-endpoints.ts';
import { topLevelBlocks } from '../../src/config/schema.ts';
import type { BlockSpec } from '../../src/config/schema-types.ts';
import { SourceFile } from '../../src/config/source.ts';
import type { Body } from '../../src/config/syntax.ts';
import { createMemoryReader } from './memory-reader.ts';

/** Every block body of the table by a readable path. */
function bodies(): ReadonlyMap<string, BlockSpec> {
  const found = new Map<string, BlockSpec>();
  const add = (path: string, spec: BlockSpec): void => {
    found.set(path, spec);
    for (const [name, nested] of Object.entries(spec.blocks ?? {})) {
      add(`${path} ${name}`, nested);
    }
  };
  for (const [keyword, spec] of Object.entries(topLevelBlocks)) {
    if (spec.labels === 'type-name') {
      Object.entries(spec.types).forEach(([type, body]) => add(`${keyword} ${type}`, body));
    } else {
      add(keyword, spec.body);
    }
  }
  return found;
}

/** What the configuration reference documents. */
const DOCUMENTED: Readonly<Record<string, string>> = {
  gateway:
    'dashboard_listen dashboard_tls public_url state_dir dashboard_session_ttl dashboard_config_writes resolver log_path telemetry session_keep ' +
    'actions_keep control_listen enroll_listen metrics_listen log_level timezone vip_subnets',
  'gateway limits': 'body_buffer body_storage header_bytes parked parked_per_device connections connections_per_device',
  'gateway proxy': 'listen profile listen_allow',
  'gateway genai_telemetry': 'include_message_content',
  'gateway wireguard': 'subnet_cidr listen_port host_loopback_port endpoint interface server_pub mode mtu',
  'gateway tailscale':
    'authkey hostname control_url tags operators socket interface funnel oauth_client_id oauth_client_secret',
  'gateway store': '',
  'gateway store sqlite': 'path',
  'gateway store postgres': 'url schema',
  'gateway audit': 'durability retention segment archive_dir redact',
  'gateway audit checkpoint': 'every records key publish',
  defaults: 'unmatched unknown_host unknown_private llm_fail_mode llm_cache_ttl human_timeout human_on_timeout',
  grant: 'max_duration max_uses scopes max_risk',
  risk: 'verdict approve reason',
  profile: 'credentials hitl_async_grants description context agent_family tailscale',
  rule: 'endpoint endpoints condition verdict approve priority credential reason disabled',
  plugin: 'source version provenance network sandbox read_paths',
  'endpoint postgres': 'host sslmode agent_password ca_cert read_only trusted_functions catalog_lookup',
  'endpoint https':
    'hosts ca_cert encoded_slash empty_segments path_params method_override mcp tools secret_fields free_refs',
  'endpoint openai_codex_https':
    'hosts ca_cert encoded_slash empty_segments path_params method_override mcp tools secret_fields free_refs',
  'endpoint kubernetes': 'hosts server ca_cert cluster_name region workloads harmless_groups',
  'endpoint clickhouse_native':
    'hosts port tls accept_invalid_certificate ca_cert read_only trusted_functions verify_ast',
  'endpoint clickhouse_https': 'hosts tls ca_cert read_only trusted_functions verify_ast',
  'endpoint ssh': 'hosts host_key agent_keys agent_password shell_family stdin_timeout forward scratch_dirs',
  'credential bearer_token': 'idempotency_key placeholder',
  'credential basic_auth': 'username placeholder',
  'credential header_token': 'header prefix placeholder',
  'credential cookie_token': 'cookie_name placeholder',
  'credential mtls_credential': '',
  'credential postgres_credential': 'user database auth_methods',
  'credential clickhouse_credential': 'user database',
  'credential ssh_key': 'user agent_socket',
  'credential passthrough': '',
  'credential bearer_token secret': 'env file command store pass_env timeout ttl',
  'approver human_approver':
    'notifiers approvers require_approvers timeout on_timeout escalate_to separation_of_duties break_glass channel credential interactive message ' +
    'classifier sync_wait_timeout remind on_fatigue fatigue_median',
  'approver human_approver async_grant': 'enabled approved_retry_ttl fingerprint_body max_body_bytes',
  'approver human_approver grant': 'max_duration max_uses scopes max_risk',
  'approver llm_approver':
    'model provider base_url credential policy timeout cache_ttl on_error escalate_to different_family_from family ' +
    'hourly_tokens price',
  'notifier slack': 'credential channel interactive socket_mode mention base_url events include timeout description',
  'notifier webhook': 'url secret headers interactive events include timeout description',
  'notifier pagerduty':
    'routing_key credential from api_url severity resolve base_url events include timeout description',
  'context pagerduty': 'credential signing_secret base_url select services fields timeout cache_ttl required',
  'context webhook':
    'secret id items title urgency service body assignees url opened status resolved services fields select required',
  'tunnel local_command': 'share keepalive credential via command listen ready_probe ready_timeout env',
  'tunnel kubernetes_port_forward':
    'share keepalive credential via pod service selector template port context namespace cleanup server ca_cert cluster_name region',
  'tunnel ssh_port_forward': 'share keepalive credential via bastion user host_key',
  'tunnel tailscale': 'share keepalive credential via authkey oauth_client_secret control_url hostname state_dir tags',
};

const COMMON: Readonly<Record<string, string>> = {
  endpoint: 'tunnel description retention listen profile listen_allow listen_tls unmatched',
  credential: 'endpoint endpoints description',
};

test('every documented attribute is in the table, and no other', () => {
  const found = bodies();
  for (const [path, names] of Object.entries(DOCUMENTED)) {
    const [keyword = '', , nested] = path.split(' ');
    const common = nested === undefined ? (COMMON[keyword] ?? '') : '';
    const want = `${names} ${common}`.split(' ').filter((name) => name !== '');
    assert.deepEqual(Object.keys(found.get(path)?.attributes ?? {}).toSorted(), want.toSorted(), path);
  }
});

test('every credential type of the reference is there, with its slots', () => {
  const slots = Object.entries(credentialTypes).map(
    ([type, spec]) => `${type}: ${spec.slots.map(({ name, required }) => (required ? name : `${name}?`)).join(' ')}`,
  );
  assert.deepEqual(
    slots.filter((line) => !line.endsWith(': ')),
    [
      'mtls_credential: cert key ca?',
      'slack_tokens: bot app? signing_secret?',
      'aws_credential: access_key_id secret_access_key session_token?',
      'google_gke_credential: sa_key',
      'kubeconfig_credential: ?',
      'ssh_key: private_key? passphrase? certificate? password? host_pubkey?',
      'tailscale_auth: state',
    ],
  );
  assert.equal(slots.length, 23);
});

test('the table is consistent with itself', () => {
  for (const [path, spec] of bodies()) {
    assert.notEqual(spec.doc, '', path);
    const names = Object.keys(spec.attributes);
    for (const [name, attribute] of Object.entries(spec.attributes)) {
      assert.match(name, /^[a-z][a-z0-9_]*$/);
      assert.ok(attribute.doc.endsWith('.'), `${path} ${name}: ${attribute.doc}`);
      assert.ok(attribute.required !== true || attribute.default === undefined, `${path} ${name}`);
      const { type, default: standard } = attribute;
      assert.ok(
        type.kind !== 'enum' || standard === undefined || type.words.some((word) => word === standard),
        `${path} ${name}`,
      );
    }
    for (const mentioned of [...(spec.exclusive ?? []), ...(spec.exactlyOne ?? [])].flat()) {
      assert.ok(names.includes(mentioned), `${path} ${mentioned}`);
    }
  }
  for (const [type, { fits }] of Object.entries(credentialTypes)) {
    assert.ok(
      fits.every((endpoint) => Object.hasOwn(endpointTypes, endpoint)),
      type,
    );
  }
});

/** Places of all attribute names below a body. */
function attributesIn(body: Body): readonly { readonly line: number; readonly column: number }[] {
  return body.flatMap((item) => {
    if (item.kind === 'block') {
      return attributesIn(item.body);
    }
    return ['schema_version', 'include'].includes(item.name) ? [] : [item.at];
  });
}

for (const name of ['reference.hcl', 'published.hcl']) {
  test(`RC-01, LC-01: no key of ${name} can be mistyped without an error at its place`, async () => {
    const text = readFileSync(join('test/corpus/config', name), 'utf8');
    const { body } = await parseHcl(new SourceFile(name, text, 0));
    assert.ok(body !== null);
    const lines = text.split('\n');
    const places = attributesIn(body);
    for (const { line, column } of places.toReversed()) {
      const at = lines[line - 1] ?? '';
      lines[line - 1] = `${at.slice(0, column - 1)}zq${at.slice(column - 1)}`;
    }
    const { config, diagnostics } = await loadConfig('gw.hcl', {
      reader: createMemoryReader({ 'gw.hcl': lines.join('\n') }),
      skipFiles: true,
    });
    assert.equal(config, null);
    const reported = diagnostics.filter(({ code }) => code === 'unknown-attribute').map(({ at }) => at.line);
    assert.deepEqual(
      reported,
      places.map(({ line }) => line),
    );
  });
}
