// The rule sets that the security cases name. Each becomes an endpoint of its own in front of one server.

/** HCL rules by set, without the endpoint line; `unmatched` is the endpoint's. */
export interface RuleSetText {
  readonly unmatched: 'risk' | 'allow' | 'deny';
  readonly rules: readonly RuleText[];
  readonly attributes?: readonly string[];
}

export interface RuleText {
  readonly name: string;
  readonly condition: string;
  readonly outcome: string;
}

const deny = (name: string, condition: string): RuleText => ({ name, condition, outcome: 'verdict = "deny"' });
const allow = (name: string, condition: string): RuleText => ({ name, condition, outcome: 'verdict = "allow"' });

const READ = `sql.verb in ['select','show','explain','set','begin','commit','rollback','declare','fetch','close','prepare','execute']`;
const BAN = `sql.verb in ['delete','drop','create','alter','truncate','grant','revoke']`;
const PURGE = `sql.verb == "delete" && sql.writes.all(t, t in ["logs", "public.logs"]) && !sql.is_opaque && sql.context == "top"
      && sql.predicates.exists(p, p.column == "date" && p.op in ["<", "<="] && p.time <= timestamp("2024-01-01T00:00:00Z"))`;

export const RULE_SETS = {
  T: { unmatched: 'risk', rules: [] },
  D: { unmatched: 'deny', rules: [] },
  READ: { unmatched: 'deny', rules: [allow('read', READ)] },
  BAN: { unmatched: 'allow', rules: [deny('ban', BAN)] },
  BANMERGE: { unmatched: 'allow', rules: [deny('ban', BAN.replace(`['delete'`, `['merge','delete'`))] },
  SECRET: { unmatched: 'allow', rules: [deny('tokens', `'tokens' in sql.tables`)] },
  LONGNAME: { unmatched: 'allow', rules: [deny('tokens', `'${'n'.repeat(63)}' in sql.tables`)] },
  SCHEMA: { unmatched: 'allow', rules: [deny('secret', `'secret.users' in sql.tables`)] },
  FN: {
    unmatched: 'allow',
    rules: [deny('fn', `sql.functions.exists(f, f in ['pg_sleep','pg_read_file','set_config'])`)],
  },
  ASK: {
    unmatched: 'allow',
    rules: [
      {
        name: 'ask',
        condition: `sql.verb in ['insert','update','delete']`,
        outcome: 'approve = [human_approver.oncall]',
      },
    ],
  },
  PURGE: {
    unmatched: 'deny',
    rules: [allow('purge-old-logs', PURGE), deny('no-unbounded-delete', `sql.verb == 'delete' && !sql.bounded`)],
  },
  REVOKE: { unmatched: 'allow', rules: [deny('revoke', `sql.verb == 'revoke'`)] },
  COPYOUT: {
    unmatched: 'deny',
    rules: [
      allow(
        'copy-out',
        `sql.verb == 'copy' && sql.copy_direction == 'out' && sql.copy_channel == 'client' && !('write' in sql.effects) && !('delete' in sql.effects)`,
      ),
      allow('read', `sql.verb == 'select'`),
    ],
  },
  COLUMNS: { unmatched: 'allow', rules: [deny('pw', `'pw' in sql.columns || '*' in sql.columns`)] },
  IDENTITY: { unmatched: 'allow', rules: [deny('identity', `'identity' in sql.effects`)] },
  LIMIT: { unmatched: 'deny', rules: [allow('small', `sql.row_limit <= 100`)] },
  READONLY: { unmatched: 'allow', rules: [], attributes: ['read_only = true'] },
  CASE: { unmatched: 'allow', rules: [deny('case', `sql.verb == "DELETE"`)] },
} as const satisfies Readonly<Record<string, RuleSetText>>;

export type SetName = keyof typeof RULE_SETS;

/** One configuration with an endpoint `pg-SET` for every rule set, all in front of one server. */
export function attackConfig(upstreamPort: number, database: string): string {
  const names = Object.keys(RULE_SETS) as SetName[];
  const blocks = names.map((name) => {
    const set: RuleSetText = RULE_SETS[name];
    const id = name.toLowerCase();
    const rules = set.rules.map(
      (rule) =>
        `rule "${id}-${rule.name}" {\n  endpoint  = postgres.pg-${id}\n  condition = <<-CEL\n    ${rule.condition}\n  CEL\n  ${rule.outcome}\n}`,
    );
    return `
endpoint "postgres" "pg-${id}" {
  host      = "127.0.0.1:${upstreamPort}"
  sslmode   = "disable"
  listen    = "127.0.0.1:0"
  profile   = "${id}"
  unmatched = "${set.unmatched}"
  ${(set.attributes ?? []).join('\n  ')}
}
credential "postgres_credential" "cred-${id}" {
  endpoint = postgres.pg-${id}
  user     = "postgres"
  database = "${database}"
  secret { env = "PG_PASSWORD" }
}
profile "${id}" { credentials = [postgres_credential.cred-${id}] }
${rules.join('\n')}`;
  });
  return `schema_version = 1
gateway {
  dashboard_listen = "off"
}
approver "human_approver" "oncall" { timeout = 120 }
${blocks.join('\n')}
`;
}

/** Objects that the cases name. */
export const ATTACK_SCHEMA = `
CREATE TABLE users (id int PRIMARY KEY, name text, pw text, admin boolean DEFAULT false, date date);
CREATE TABLE tokens (id int, s text, p int, q int);
CREATE TABLE logs (id int, date date, level text, msg text);
CREATE TABLE other (id int, date date);
CREATE TABLE a (i int PRIMARY KEY, v text, x int, y int, b int);
CREATE TABLE t (id int, a int, x int);
CREATE TABLE u (id int, x int);
CREATE TABLE "Tokens" (id int);
CREATE SCHEMA secret;
CREATE TABLE secret.users (id int);
CREATE SCHEMA evil;
CREATE VIEW token_view AS SELECT * FROM tokens;
CREATE SEQUENCE s;
CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION evil() RETURNS boolean LANGUAGE sql AS 'SELECT true';
CREATE PROCEDURE p() LANGUAGE sql AS 'SELECT 1';
INSERT INTO users VALUES (1, 'ada', 'x', false, '2020-01-01'), (2, 'bob', 'y', false, '2025-01-01');
INSERT INTO tokens VALUES (1, 'secret-token', 1, 2);
INSERT INTO logs VALUES (1, '2020-05-05', 'debug', 'old'), (2, '2025-05-05', 'info', 'new');
`;
