import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PUSHED_VARIABLES } from '../../src/client/environment.ts';
import { placeholdersOf } from '../../src/credentials/pushdown.ts';
import { loadConfig } from '../../src/config/load.ts';
import { createMemoryReader } from '../config/memory-reader.ts';

/** Variables of the profile `p` with those blocks. */
async function check(blocks: string, credentials: string): Promise<Readonly<Record<string, string>>> {
  const text = `
schema_version = 1
endpoint "https" "a" {
  hosts  = ["a.test"]
  listen = "127.0.0.1:0"
  profile = "p"
}
endpoint "https" "s3" { hosts = ["s3.eu-west-1.amazonaws.com"] }
endpoint "postgres" "pg" { host = "db.test" }
endpoint "postgres" "other" { host = "other.test" }
${blocks}
credential "passthrough" "none" { endpoint = https.a }
profile "p" { credentials = [none${credentials === '' ? '' : `, ${credentials}`}] }
`;
  const { config, diagnostics } = await loadConfig('gw.hcl', { reader: createMemoryReader({ 'gw.hcl': text }) });
  assert.ok(config !== null, JSON.stringify(diagnostics));
  const [profile] = config.profiles;
  assert.ok(profile !== undefined);
  return placeholdersOf(config, profile);
}

test('each type with a customary variable gets a placeholder of its shape, or the one that was written', async () => {
  const cases: readonly (readonly [string, string, Readonly<Record<string, RegExp>>])[] = [
    ['', '', {}],
    ['credential "github_oauth" "x" {}', 'x', { GH_TOKEN: /^ghp_\w{36}$/, GITHUB_TOKEN: /^ghp_\w{36}$/ }],
    ['credential "anthropic_manual_key" "x" { placeholder = "mine" }', 'x', { ANTHROPIC_API_KEY: /^mine$/ }],
    ['credential "anthropic_oauth_subscription" "x" {}', 'x', { ANTHROPIC_AUTH_TOKEN: /^sk-ant-oat01-/ }],
    ['credential "gemini_api_key" "x" {}', 'x', { GEMINI_API_KEY: /^AIza[\w-]{35}$/, GOOGLE_API_KEY: /^AIza/ }],
    ['credential "openai_codex_oauth" "x" {}', 'x', { CODEX_ACCESS_TOKEN: /placeholder/ }],
    ['credential "discord_bot_token" "x" {}', 'x', { DISCORD_BOT_TOKEN: /^\w+\.\w+\.\w+$/, DISCORD_TOKEN: /./ }],
    ['credential "notion_oauth" "x" {}', 'x', { NOTION_TOKEN: /^ntn_/ }],
    ['credential "slack_tokens" "x" {}', 'x', { SLACK_BOT_TOKEN: /^xoxb-/ }],
    ['credential "bearer_token" "x" { placeholder = "nobody knows where" }', 'x', {}],
    [
      'credential "aws_credential" "x" { endpoint = https.s3 }',
      'x',
      { AWS_ACCESS_KEY_ID: /^AKIA\w{16}$/, AWS_SECRET_ACCESS_KEY: /^.{40}$/, AWS_DEFAULT_REGION: /^eu-west-1$/ },
    ],
    [
      'credential "postgres_credential" "x" {\n endpoint = postgres.pg\n user = "reader"\n}',
      'x',
      { PGPASSWORD: /placeholder/, PGUSER: /^reader$/ },
    ],
  ];
  for (const [blocks, credentials, expected] of cases) {
    const found = await check(blocks, credentials);
    assert.deepEqual(Object.keys(found).toSorted(), Object.keys(expected).toSorted(), blocks);
    for (const [name, value] of Object.entries(found)) {
      assert.match(value, expected[name] ?? /^$/, blocks);
      assert.ok(PUSHED_VARIABLES.includes(name), name);
    }
  }
});

test('of several, the first of the profile counts; of several logins of Postgres, none', async () => {
  const two =
    'credential "github_oauth" "x" { placeholder = "one" }\ncredential "github_oauth" "y" { placeholder = "two" }';
  assert.equal((await check(two, 'y, x'))['GH_TOKEN'], 'two');
  const told =
    'credential "github_oauth" "x" { endpoint = https.s3 }\ncredential "github_oauth" "y" { endpoint = https.s3 }';
  assert.equal((await check(told, '{ credential = x, placeholder = "of the entry" }, y'))['GH_TOKEN'], 'of the entry');
  const logins =
    'credential "postgres_credential" "x" {\n endpoint = postgres.pg\n user = "a"\n}\ncredential "postgres_credential" "y" {\n endpoint = postgres.other\n user = "b"\n}';
  assert.deepEqual(await check(logins, 'x, y'), {});
});
