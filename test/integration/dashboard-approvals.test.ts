// The dashboard in a real browser: the first account, a parked statement of a real psql that a person reads and decides about.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hasBrowser, openPage, PASSWORD, setupUrl, startBrowser } from '../support/browser.ts';
import { startDashboardWorld } from '../support/dashboard-world.ts';

const skip = hasBrowser ? false : 'no Chromium on this machine';

test('first login, and a parked DELETE that is read and approved', { skip, timeout: 180_000 }, async (t) => {
  const { gateway, psql, server } = await startDashboardWorld(t);
  const browser = await startBrowser(t);
  const { page, faults } = await openPage(browser);
  await page.goto(setupUrl(gateway));
  await page.getByLabel('Name').fill('alice');
  await page.getByLabel('Password', { exact: true }).fill(PASSWORD);
  await page.getByLabel('Password, once more').fill(PASSWORD);
  await page.getByRole('button', { name: 'Create account' }).click();
  await page.getByRole('heading', { name: 'Nothing waits for you' }).waitFor();
  assert.doesNotMatch(page.url(), /setup/, 'the token is gone from the address');

  const agent = psql('DELETE FROM logs WHERE id <= 20');
  const row = page.getByRole('link', { name: /DELETE/ });
  await row.waitFor();
  assert.match(await page.title(), /^\(1\) /);
  await row.click();
  await page.getByText('DELETE FROM logs WHERE id <= 20').first().waitFor();
  await page.getByRole('heading', { name: 'What it would do' }).waitFor();
  await page.getByRole('button', { name: /^Approve/ }).click();
  // What destroys takes a second press.
  await page.getByRole('button', { name: 'Yes, approve this destructive request' }).click();
  const { code, text } = await agent.over;
  assert.equal(code, 0, text);
  assert.match(text, /^DELETE 20$/m);
  await page.getByText('Approved by alice').waitFor();
  const [left] = await server.query('SELECT count(*)::int AS n FROM logs', 'app');
  assert.equal(left?.['n'], 180);
  assert.deepEqual(faults, []);
});
