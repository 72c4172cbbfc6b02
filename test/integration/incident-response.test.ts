// The example of an incident as a newcomer runs it: one command, from the alert to evidence that verifies.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';

const ROOT = join(import.meta.dirname, '..', '..', '..');

test(
  'examples/incident-response plays from the alert to the evidence, and ends by itself',
  { timeout: 300_000 },
  async (t) => {
    const child = spawn(process.execPath, ['examples/incident-response/run.mjs'], {
      cwd: ROOT,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    t.after(() => child.kill('SIGINT'));
    let text = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (bytes: Buffer) => {
        text += bytes.toString();
      });
    }
    const code = await new Promise((resolve) => child.once('close', resolve));
    assert.equal(code, 0, text);
    for (const [what, found] of [
      ['nobody is asked without an incident', /nobody is asked without an incident/],
      ['the incident that is named is looked up', /"incident_is":"open"/],
      ['a read passes', /\[\{"old":"1364"\}\]/],
      ['the alert is on the card, with what only the REST API tells', /\| body: logs grow by 2 GiB an hour/],
      ['so is the agent’s word', /\| old log rows fill the disk/],
      ['and the model’s', /allow, risk 25 of 100/],
      ['what was approved is done', /approved; the agent: DELETE 1364/],
      ['what the model denies is not', /42501: a reviewer model denied it/],
      ['the chain has the person', /approved by local via cli\n +\| said: old logs may go/],
      ['and the end of the incident', /resolved, says pagerduty\.oncall/],
      ['the evidence verifies', /ok: \d+ record\(s\), seq 1\.\.\d+/],
    ] as const) {
      assert.match(text, found, what);
    }
  },
);
