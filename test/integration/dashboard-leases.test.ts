// More than one answer to one request, in a real browser: a lease for what is like it, and two people who are needed.
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { addOperator, hasBrowser, logIn, openPage, startBrowser } from '../support/browser.ts';
import { startDashboardWorld, type DashboardWorld } from '../support/dashboard-world.ts';
import { fileScope } from '../support/scope.ts';

const skip = hasBrowser ? false : 'no Chromium on this machine';
const LIMIT = { timeout: 300_000 };

const RULES = `
grant {
  max_duration = "30m"
  max_uses     = 20
  scopes       = ["exact", "shape"]
  max_risk     = "destructive"
}
rule "two-for-deletes" {
  endpoint  = postgres.shop
  condition = "sql.verb == 'delete'"
  approve   = [human_approver.two]
}
rule "one-for-logs" {
  endpoint  = postgres.shop
  priority  = 9
  condition = "sql.verb == 'delete' && 'logs' in sql.tables"
  approve   = [human_approver.one]
}
rule "one-for-updates" {
  endpoint  = postgres.shop
  condition = "sql.verb == 'update'"
  approve   = [human_approver.one]
}
approver "human_approver" "one" { timeout = "10m" }
approver "human_approver" "two" {
  require_approvers = 2
  timeout           = "10m"
}
`;

describe('with rules that ask', { skip }, () => {
  const scope = fileScope();
  let world: DashboardWorld;
  let browser: Browser;

  before(async () => {
    world = await startDashboardWorld(scope, { rest: RULES });
    browser = await startBrowser(scope);
    addOperator(world.gateway, 'alice', 'approver');
    addOperator(world.gateway, 'bob', 'approver');
  });

  async function enter(name: string): Promise<Page> {
    const { page } = await openPage(browser);
    await logIn(page, world.gateway, name);
    return page;
  }

  async function look(page: Page, text: string): Promise<void> {
    await page.getByRole('link', { name: text }).click();
    await page.getByRole('article').getByText(text).first().waitFor();
  }

  test('a lease lets the like pass without asking, nothing else, and until it is revoked', LIMIT, async () => {
    const page = await enter('alice');
    const first = world.psql("UPDATE users SET name = 'a' WHERE id = 3");
    await look(page, "UPDATE users SET name = 'a' WHERE id = 3");
    await page.getByRole('button', { name: 'Approve with a lease' }).click();
    await page.getByLabel('At most').fill('5');
    await page.getByRole('button', { name: /^Approve, and its like for/ }).click();
    assert.match((await first.over).text, /UPDATE 1/);
    const like = await world.psql("UPDATE users SET name = 'b' WHERE id = 4").over;
    assert.match(like.text, /UPDATE 1/);
    assert.doesNotMatch(like.text, /waiting for approval/);
    const other = world.psql('UPDATE users SET id = 900 WHERE id = 5');
    await other.parked;
    await page.getByRole('link', { name: 'Reviewers' }).click();
    await page.getByText('used 1 of 5').waitFor();
    await page.getByRole('button', { name: 'Revoke' }).click();
    await page.getByText('None. Every request that needs a person asks one.').waitFor();
    const again = world.psql("UPDATE users SET name = 'c' WHERE id = 6");
    await again.parked;
    for (const agent of [other, again]) {
      world.gateway.cli('approvals', 'deny', await agent.parked, '--note', 'the test is over');
      await agent.over;
    }
  });

  test('a lease for a DELETE lets the same pass a second time, and asks about another', LIMIT, async () => {
    const page = await enter('alice');
    const sql = 'DELETE FROM logs WHERE id = 11';
    const first = world.psql(sql);
    await look(page, sql);
    await page.getByRole('button', { name: 'Approve with a lease' }).click();
    await page.getByRole('button', { name: /^Approve, and its like for/ }).click();
    assert.match((await first.over).text, /DELETE 1/);
    const same = await world.psql(sql).over;
    assert.match(same.text, /DELETE 0/);
    assert.doesNotMatch(same.text, /waiting for approval/);
    const other = world.psql('DELETE FROM logs WHERE id > 11 AND id < 20');
    await look(page, 'DELETE FROM logs WHERE id > 11 AND id < 20');
    world.gateway.cli('approvals', 'deny', await other.parked, '--note', 'not these');
    assert.match((await other.over).text, /not these/);
  });

  test('AP-11: where two are needed one person counts once, and the second lets it run', LIMIT, async () => {
    const [alice, bob] = [await enter('alice'), await enter('bob')];
    const agent = world.psql('DELETE FROM users WHERE id = 7');
    for (const page of [alice, bob]) {
      await look(page, 'DELETE FROM users WHERE id = 7');
    }
    await alice.keyboard.press('a');
    await alice.keyboard.press('a');
    await alice.getByText('You approved it. It waits for another person.').waitFor();
    assert.equal(await alice.getByRole('button', { name: /^Approve/ }).count(), 0, 'nobody counts twice');
    // Whoever had it open before sees that, without asking.
    await bob.getByText('2 people; 1 so far').waitFor();
    await bob.locator('.votes li', { hasText: 'alice approved' }).waitFor();
    await bob.keyboard.press('a');
    await bob.keyboard.press('a');
    assert.match((await agent.over).text, /DELETE 1/);
    await alice.getByText('Approved by bob').waitFor();
  });
});
