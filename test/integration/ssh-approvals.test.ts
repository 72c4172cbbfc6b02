// A script over SSH that waits for a person: who decides sees all of it, and what was seen is what runs.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { createControlClient } from '../../src/client/control-client.ts';
import type { ApprovalJson } from '../../src/client/approval-shapes.ts';
import { eventually } from '../support/daemon.ts';
import { fileScope } from '../support/scope.ts';
import { startSshGateway } from '../support/ssh-gateway.ts';
import { startSshd } from '../support/sshd.ts';
import { temporaryFolder } from '../support/temp.ts';

const scope = fileScope();
const sshd = await startSshd(scope);
const { gateway, client } = await startSshGateway(scope, sshd, { unmatched: 'risk' });
const control = createControlClient({ kind: 'unix', path: join(gateway.stateDir, 'control.sock') });
const folder = temporaryFolder(scope, 'made');

/** The request whose script names `made`, as it waits. Asked again where a busy gateway did not take the question in time. */
async function parked(made: string): Promise<ApprovalJson> {
  let found: ApprovalJson | undefined;
  await eventually('the script waits for a person', async () => {
    const { items } = await control.approvals.list();
    const shown = await Promise.all(items.map(({ id }) => control.approvals.show(id)));
    found = shown.find(({ request }) => request.text?.includes(made));
    return found !== undefined;
  });
  assert.ok(found !== undefined);
  return found;
}

for (const offset of [200, 4_000, 65_536]) {
  test(`AP-02: a script that does harm from byte ${offset + 1} is shown whole, and runs as it was shown`, async () => {
    for (const decision of ['deny', 'approve'] as const) {
      const made = join(folder, `${decision}-${offset}`);
      const harm = `touch ${made}\nexit 7\n`;
      const script = `${'# a comment that says nothing\n'.repeat(offset).slice(0, offset - 1)}\n${harm}`;
      assert.equal(script.indexOf(harm), offset);
      const running = client.ssh(['bash'], { input: script });
      const { id, request } = await parked(made);
      assert.equal(request.complete, true);
      assert.ok(request.text?.includes(harm), 'its end is shown');
      assert.ok((request.text?.length ?? 0) >= script.length, 'all of it is');
      assert.match(gateway.cli('approvals', 'show', id).stdout, new RegExp(`touch ${made}`), 'also at a terminal');
      if (decision === 'approve') {
        await control.approvals.approve(id, { digest: request.digest });
        assert.equal((await running).code, 7);
      } else {
        await control.approvals.deny(id, { note: 'not that' });
        const done = await running;
        assert.equal(done.code, 126);
        assert.match(done.stderr, /not that/);
      }
      assert.equal(existsSync(made), decision === 'approve');
    }
  });
}
