// CP-14 through the real daemon: two profiles at one PostgreSQL, two operators who see one each, and one who sees both. By the command line, by
// HTTP with tokens, and in a real browser.
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import type { ListJson, RecordJson } from '../../src/client/control-shapes.ts';
import { dashboardUrl, hasBrowser, logIn, openPage, PASSWORD, startBrowser } from '../support/browser.ts';
import { eventually } from '../support/daemon.ts';
import { startPsql } from '../support/dashboard-world.ts';
import { startGateway, type CliResult, type GatewayProcess } from '../support/gateway-process.ts';
import { startPostgres } from '../support/postgres-server.ts';
import { fileScope } from '../support/scope.ts';

const skip = hasBrowser ? false : 'no Chromium on this machine';
const LIMIT = { timeout: 300_000 };
const SIDES = ['payments', 'vault'] as const;
type Side = (typeof SIDES)[number];

interface Reply {
  readonly status: number;
  readonly text: string;
}

describe('two teams at one gateway', () => {
  const scope = fileScope();
  let gateway: GatewayProcess;
  const tokens = new Map<string, string>();

  before(async () => {
    const server = await startPostgres(scope, { flavour: 'debian' });
    await server.query('CREATE DATABASE app');
    await server.query(
      SIDES.map((side) => `CREATE TABLE ${side}_rows AS SELECT n AS id FROM generate_series(1, 99) AS n;`).join('\n'),
      'app',
    );
    const config = `schema_version = 1
gateway { dashboard_listen = "127.0.0.1:0" }
grant {
  max_duration = "30m"
  max_uses     = 20
  scopes       = ["exact", "shape"]
  max_risk     = "destructive"
}
approver "human_approver" "oncall" {
  approvers = ["pia", "vic", "root"]
  timeout   = "10m"
}
${SIDES.map(
  (side) => `
endpoint "postgres" "${side}-db" {
  host    = "127.0.0.1:${server.port}"
  sslmode = "disable"
  listen  = "127.0.0.1:0"
  profile = "${side}"
}
credential "postgres_credential" "${side}_cred" {
  endpoint = postgres.${side}-db
  user     = "${server.user}"
}
rule "${side}-deletes" {
  endpoint  = postgres.${side}-db
  condition = "sql.verb == 'delete'"
  approve   = [human_approver.oncall]
}
profile "${side}" { credentials = [postgres_credential.${side}_cred] }
`,
).join('')}`;
    const env = Object.fromEntries(
      SIDES.map((side) => [`CLAWPATROL_SECRET_${side.toUpperCase()}_CRED`, server.password]),
    );
    gateway = await startGateway(scope, { config, env });
    const add = (name: string, role: string, ...scoped: string[]): CliResult =>
      gateway.cliWith(`${PASSWORD}\n`, 'operators', 'add', name, '--role', role, ...scoped);
    assert.match(add('pia', 'admin', '--profile', 'payments').stdout, /added pia, admin; sees payments/);
    assert.equal(add('vic', 'approver', '--profile', 'vault').code, 0);
    assert.equal(add('root', 'admin').code, 0);
    for (const name of ['pia', 'vic', 'root']) {
      tokens.set(name, gateway.cli('operators', 'token', name, '--expires', '1h').stdout.trim());
    }
  });

  async function ask(who: string, call: string, body?: object): Promise<Reply> {
    const [method = '', path = ''] = call.split(' ');
    const response = await fetch(`${dashboardUrl(gateway)}${path}`, {
      method,
      headers: {
        // A connection of its own: the server may end a kept one while a command line holds up this process.
        connection: 'close',
        authorization: `Bearer ${tokens.get(who)}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { status: response.status, text: await response.text() };
  }

  /** psql as the agent of a side. */
  function psql(side: Side, sql: string) {
    const { parked, over } = startPsql(scope, gateway.port(`postgres.${side}-db`), sql);
    return { parked, over: over.then(({ text }) => text) };
  }

  async function digestOf(id: string): Promise<string> {
    return JSON.parse((await ask('root', `GET /api/approvals/${id}`)).text).request.digest;
  }

  test(
    'CP-14: what one team’s agents do is there for its operator and for who sees everything, and for nobody else',
    LIMIT,
    async () => {
      const waits = {
        payments: psql('payments', 'DELETE FROM payments_rows WHERE id = 1'),
        vault: psql('vault', 'DELETE FROM vault_rows WHERE id = 1'),
      };
      const ids = { payments: await waits.payments.parked, vault: await waits.vault.parked };
      const none = '0190f3a2-0000-7000-8000-000000000000';
      const action = JSON.parse((await ask('root', `GET /api/approvals/${ids.vault}`)).text).action_id;

      // Lists, searches, counts and files.
      for (const path of [
        '/api/approvals',
        '/api/approvals?state=all',
        '/api/agents',
        '/api/connections',
        '/api/profiles',
        '/api/policy',
        '/api/status',
        '/api/secrets',
        '/api/audit?limit=1000',
        '/api/audit?text=vault',
        '/api/audit/export',
        '/api/audit/export?format=csv',
        '/api/approvers',
        '/api/grants?all=true',
        '/api/incidents',
      ]) {
        const [pia, root] = [await ask('pia', `GET ${path}`), await ask('root', `GET ${path}`)];
        assert.deepEqual([pia.status, root.status], [200, 200], path);
        assert.doesNotMatch(pia.text, /vault/, path);
        const empty = /secrets|approvers|grants|incidents/.test(path);
        assert.equal(/vault/.test(root.text), !empty, path);
      }
      assert.equal(JSON.parse((await ask('pia', 'GET /api/approvals')).text).total, 1);
      assert.equal(JSON.parse((await ask('root', 'GET /api/approvals')).text).total, 2);

      // What is named: not there, in the same words; the twin of the own side is.
      for (const [call, key, body] of [
        ['GET /api/approvals/ID', ids],
        ['GET /api/approvals/ID/grant', ids],
        ['GET /api/audit/show/ID', { payments: '', vault: action }],
        ['GET /api/audit/chain/ID', { payments: '', vault: action }],
        ['GET /api/profiles/ID', { payments: 'payments', vault: 'vault' }],
        ['POST /api/quarantine', null, (id: string) => ({ kind: 'device', name: `listener/${id}-db` })],
        ['DELETE /api/quarantine', null, (id: string) => ({ kind: 'device', name: `listener/${id}-db` })],
      ] as const) {
        const send = async (id: string): Promise<Reply> => {
          const { status, text } = await ask('pia', call.replace('ID', id), body?.(id));
          return { status, text: text.replaceAll(id, 'ID') };
        };
        const hidden = await send(key?.vault ?? 'vault');
        assert.deepEqual(hidden, await send(key === null ? 'nobody' : none), call);
        assert.equal(hidden.status, 404, call);
        if (key === null && call.startsWith('POST')) {
          // The quarantine ends what the own agent has open: its twin is in the other test of this file.
          continue;
        }
        if (key !== null && key.payments !== '') {
          assert.equal((await send(key.payments)).status, 200, call);
        }
      }
      const bundle = await ask('pia', 'GET /api/audit/export?bundle=true');
      assert.equal(bundle.status, 403, 'a bundle has what others did between');
      assert.equal((await ask('root', 'GET /api/audit/export?bundle=true')).status, 200);

      // Decisions: the other's request is not there, whoever stands in approvers; the own is decided, with a lease.
      const [digest, ownDigest] = [await digestOf(ids.vault), await digestOf(ids.payments)];
      for (const verb of ['approve', 'deny']) {
        const body = verb === 'approve' ? { digest, note: '' } : { note: 'no' };
        const refused = await ask('pia', `POST /api/approvals/${ids.vault}/${verb}`, body);
        const absent = await ask('pia', `POST /api/approvals/${none}/${verb}`, body);
        assert.deepEqual(refused, { ...absent, text: absent.text.replace(none, ids.vault) });
        assert.equal(refused.status, 404);
      }
      const approved = await ask('pia', `POST /api/approvals/${ids.payments}/approve`, {
        digest: ownDigest,
        grant: '10m,uses=5,scope=exact',
      });
      assert.equal(approved.status, 200, approved.text);
      assert.match(await waits.payments.over, /DELETE 1/);
      const votes = await ask('vic', `POST /api/approvals/${ids.vault}/approve`, { digest, grant: '10m,uses=5' });
      assert.equal(votes.status, 200, votes.text);
      assert.match(await waits.vault.over, /DELETE 1/);
      await eventually('the log says why', async () => {
        const found = await ask('root', 'GET /api/audit?types=operator.acted&by=pia&profile=vault');
        return /pia is scoped to profiles, and vault is none of them/.test(found.text);
      });
      // What pia wrote themselves is the one exception, and why it was refused is not in it.
      const { items: seen } = JSON.parse((await ask('pia', 'GET /api/audit?limit=1000')).text) as ListJson<RecordJson>;
      const acts = seen.filter(({ type, profile }) => type === 'operator.acted' && profile === null);
      assert.deepEqual([...new Set(acts.map(({ by }) => by))], ['pia']);
      assert.ok(acts.some(({ data }) => JSON.stringify(data).includes('listener/vault-db')));
      assert.doesNotMatch(JSON.stringify(seen.filter((record) => !acts.includes(record))), /vault/);
      assert.doesNotMatch(JSON.stringify(acts), /none of them/);
      assert.equal((await ask('pia', 'GET /api/approvers')).text.includes('vic'), false, 'nor who decides there');
      assert.match((await ask('root', 'GET /api/approvers')).text, /vic/);

      // Leases.
      const lease = JSON.parse(votes.text).grants_made[0];
      const revoke = await ask('pia', `POST /api/grants/${lease}/revoke`, { note: 'x' });
      assert.equal(revoke.status, 404);
      assert.equal((await ask('vic', `POST /api/grants/${lease}/revoke`, { note: 'x' })).status, 200);
      assert.doesNotMatch((await ask('pia', 'GET /api/grants?all=true')).text, /vault/);
      await eventually('the end of a lease is in the log of its profile', async () =>
        /grant.revoked/.test((await ask('vic', 'GET /api/audit?types=grant.revoked')).text),
      );
      assert.doesNotMatch((await ask('pia', 'GET /api/audit?types=grant.revoked')).text, /grant.revoked/);

      // What is the whole gateway's.
      for (const call of ['GET /metrics', 'GET /api/operators', 'GET /api/audit/verify', 'POST /api/reload']) {
        const body = call.startsWith('POST') ? {} : undefined;
        assert.equal((await ask('pia', call, body)).status, 403, call);
        assert.equal((await ask('root', call, body)).status, 200, call);
      }
    },
  );

  test(
    'CP-14: a quarantine reaches the own agents only, and the command line with a token sees what its owner sees',
    LIMIT,
    async () => {
      const device = (side: Side): object => ({ kind: 'device', name: `listener/${side}-db`, reason: 'looks odd' });
      assert.equal((await ask('vic', 'POST /api/quarantine', device('payments'))).status, 404);
      assert.equal((await ask('vic', 'POST /api/quarantine', { kind: 'profile', name: 'payments' })).status, 404);
      assert.equal((await ask('vic', 'POST /api/quarantine', { kind: 'all' })).status, 403);
      assert.match(await psql('payments', 'SELECT 1 AS one').over, /one/, 'untouched');
      assert.equal((await ask('vic', 'POST /api/quarantine', device('vault'))).status, 200);
      assert.doesNotMatch(await psql('vault', 'SELECT 1 AS one').over, /\(1 row\)/);
      assert.doesNotMatch((await ask('pia', 'GET /api/quarantine')).text, /vault/);
      assert.equal((await ask('pia', 'DELETE /api/quarantine', device('vault'))).status !== 200, true);
      const lift = { kind: 'device', name: 'listener/vault-db' };
      assert.equal((await ask('pia', 'DELETE /api/quarantine', lift)).status, 404);
      assert.equal((await ask('vic', 'DELETE /api/quarantine', lift)).status, 200);
      assert.match(await psql('vault', 'SELECT 1 AS one').over, /\(1 row\)/);

      const listed = gateway.cli('operators', 'list').stdout;
      assert.match(listed, /^pia\tadmin\tpayments\t/m);
      assert.match(listed, /^root\tadmin\teverything\t/m);
      const unknown = gateway.cli('operators', 'scope', 'pia', '--profile', 'nowhere');
      assert.notEqual(unknown.code, 0);
      assert.match(unknown.stderr, /there is no profile "nowhere"/);
      assert.equal(gateway.cli('operators', 'scope', 'pia').code, 2, 'neither profiles nor --all');
      assert.equal(gateway.cli('operators', 'scope', 'pia', '--all', '--profile', 'vault').code, 2);
    },
  );

  test(
    'CP-14: a stream that is open ends when the scope changes, and the next one tells of the new one',
    LIMIT,
    async () => {
      assert.match(gateway.cli('operators', 'scope', 'vic', '--profile', 'vault').stdout, /vic sees vault from now on/);
      const open = async (): Promise<{ text: () => string; over: () => boolean; close: () => void }> => {
        const abort = new AbortController();
        const response = await fetch(`${dashboardUrl(gateway)}/api/live?records=1`, {
          headers: { connection: 'close', authorization: `Bearer ${tokens.get('vic')}` },
          signal: abort.signal,
        });
        let text = '';
        let over = false;
        const read = async (): Promise<void> => {
          try {
            for await (const piece of response.body ?? []) {
              text += Buffer.from(piece).toString();
            }
          } catch {
            // Cut.
          }
          over = true;
        };
        // It never rejects; whether it is over is asked for.
        void read();
        return { text: () => text, over: () => over, close: () => abort.abort() };
      };
      const stream = await open();
      const first = psql('vault', 'DELETE FROM vault_rows WHERE id = 21');
      const other = psql('payments', 'DELETE FROM payments_rows WHERE id = 21');
      const ids = [await first.parked, await other.parked] as const;
      await eventually('it is told', () => stream.text().includes('vault_rows WHERE id = 21'));
      assert.doesNotMatch(stream.text(), /payments/);
      assert.equal(gateway.cli('operators', 'scope', 'vic', '--profile', 'payments').code, 0);
      await eventually('the stream ends', stream.over);
      assert.doesNotMatch(stream.text(), /payments/);
      assert.equal((await ask('vic', `GET /api/approvals/${ids[0]}`)).status, 404, 'at once, with the same token');
      assert.equal((await ask('vic', `GET /api/approvals/${ids[1]}`)).status, 200);
      const next = await open();
      const late = psql('payments', 'DELETE FROM payments_rows WHERE id = 22');
      await late.parked;
      await eventually('the next one tells', () => next.text().includes('payments_rows WHERE id = 22'));
      assert.doesNotMatch(next.text(), /vault/);
      next.close();
      for (const id of [...ids, await late.parked]) {
        assert.equal((await ask('root', `POST /api/approvals/${id}/deny`, { note: 'over' })).status, 200);
      }
      await Promise.all([first.over, other.over, late.over]);
      const { stdout } = gateway.cli('audit', 'search', '--types', 'operator.acted', '--json');
      assert.match(stdout, /operators\.scope/);
      assert.equal(gateway.cli('operators', 'scope', 'vic', '--profile', 'vault').code, 0);
    },
  );

  test(
    'CP-14: in the browser the operator of one team sees that team only, and the page says so',
    { ...LIMIT, skip },
    async () => {
      const browser = await startBrowser(scope);
      const { page, faults } = await openPage(browser);
      await logIn(page, gateway, 'pia');
      await page.getByText('sees payments').waitFor();
      await page.getByRole('heading', { name: 'Nothing waits for you' }).waitFor();
      const hidden = psql('vault', 'DELETE FROM vault_rows WHERE id = 31');
      const hiddenId = await hidden.parked;
      const own = psql('payments', 'DELETE FROM payments_rows WHERE id = 31');
      await own.parked;
      await page.getByRole('link', { name: /DELETE FROM payments_rows/ }).waitFor();
      await page.waitForFunction("document.title.startsWith('(1) ')");
      const seen = async (hash: string, sign: string): Promise<void> => {
        await page.goto(`${dashboardUrl(gateway)}/#/${hash}`);
        await page.getByText(sign).first().waitFor();
        const text = await page.locator('body').innerText();
        assert.doesNotMatch(text, /vault/i, hash);
      };
      await seen('approvals', 'DELETE FROM payments_rows');
      await seen('activity', 'payments_rows');
      await seen('agents', 'listener/payments-db');
      assert.equal(await page.getByRole('button', { name: /Stop all/ }).count(), 0);
      await seen('policy', 'payments-deletes');
      await seen('reviewers', 'pia');
      await seen('account', 'Change your password');
      assert.equal(await page.getByRole('heading', { name: 'Operators' }).count(), 0);
      await page.goto(`${dashboardUrl(gateway)}/#/approvals/${hiddenId}`);
      await page.getByText('There is no such request').waitFor();
      assert.doesNotMatch(await page.locator('body').innerText(), /vault/i);
      // The scope changes under the open page: it shows what is to be seen now, by itself.
      assert.equal(gateway.cli('operators', 'scope', 'pia', '--profile', 'vault').code, 0);
      await page.getByText('sees vault').waitFor();
      await page.goto(`${dashboardUrl(gateway)}/#/approvals`);
      await page.getByRole('link', { name: /DELETE FROM vault_rows/ }).waitFor();
      assert.equal(await page.getByRole('link', { name: /DELETE FROM payments_rows/ }).count(), 0);
      assert.deepEqual(faults, []);
      for (const id of [hiddenId, await own.parked]) {
        assert.equal((await ask('root', `POST /api/approvals/${id}/deny`, { note: 'over' })).status, 200);
      }
      await Promise.all([hidden.over, own.over]);
    },
  );
});
