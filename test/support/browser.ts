// A real browser for tests of the dashboard: Debian's Chromium, without a window.
import { existsSync } from 'node:fs';
import { chromium, type Browser, type BrowserContextOptions, type Page } from 'playwright-core';
import type { GatewayProcess } from './gateway-process.ts';
import type { CleanUp } from './temp.ts';

const PROGRAM = '/usr/bin/chromium';

/** Whether this machine has the browser. */
export const hasBrowser = existsSync(PROGRAM);

export const PASSWORD = 'correct horse battery';

export async function startBrowser(cleanUp: CleanUp): Promise<Browser> {
  const browser = await chromium.launch({
    executablePath: PROGRAM,
    headless: true,
    timeout: 120_000,
    args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'],
  });
  cleanUp.after(() => browser.close());
  return browser;
}

/** A page of a browser that knows nobody yet. What goes wrong in the page's own code goes to `faults`. */
export async function openPage(
  browser: Browser,
  options: BrowserContextOptions = {},
): Promise<{ readonly page: Page; readonly faults: string[] }> {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  page.setDefaultTimeout(60_000);
  const faults: string[] = [];
  page.on('pageerror', (error) => faults.push(error.message));
  page.on('console', (message) => {
    // A call that is answered with "no" is no fault of the page.
    if (message.type() === 'error' && !/Failed to load resource/.test(message.text())) {
      faults.push(message.text());
    }
  });
  return { page, faults };
}

/** Where the dashboard is. */
export function dashboardUrl(gateway: GatewayProcess): string {
  return `http://${gateway.addresses.get('dashboard')}`;
}

/** The link that the gateway printed at its first start. */
export function setupUrl(gateway: GatewayProcess): string {
  const url = /^setup: (\S+)$/m.exec(gateway.log())?.[1];
  if (url === undefined) {
    throw new Error(`no set-up link: ${gateway.log()}`);
  }
  return url;
}

/** Makes an operator on the gateway's host. */
export function addOperator(gateway: GatewayProcess, name: string, role: 'viewer' | 'approver' | 'admin'): void {
  const result = gateway.cliWith(`${PASSWORD}\n`, 'operators', 'add', name, '--role', role);
  if (result.code !== 0) {
    throw new Error(result.stderr);
  }
}

/** Logs in with a page that is not logged in. */
export async function logIn(page: Page, gateway: GatewayProcess, name: string): Promise<void> {
  await page.goto(dashboardUrl(gateway));
  await page.getByLabel('Name').fill(name);
  await page.getByLabel('Password').fill(PASSWORD);
  await page.getByRole('button', { name: 'Log in' }).click();
  await page.getByRole('heading', { name: 'Approvals' }).waitFor();
}
