import assert from 'node:assert/strict';
import { test } from 'node:test';
import { listRules } from '../../src/devices/routing-rules.ts';

test('rules are read as ip tells them; what is none is no rule of anybody', async () => {
  const asked: string[] = [];
  const says = (text: string) =>
    listRules('-6', async (program, args) => {
      asked.push([program, ...args].join(' '));
      return text;
    });
  // Of iproute2 6.1: names for the system's own tables, numbers as text for others.
  assert.deepEqual(
    await says(
      '[{"priority":0,"src":"all","table":"local"},{"priority":5000,"src":"all","fwmark":"0x636c","table":"25452"},{"priority":9,"action":"unreachable"}]',
    ),
    [
      { priority: 0, table: 'local' },
      { priority: 5000, table: '25452' },
      { priority: 9, table: '' },
    ],
  );
  assert.deepEqual(await says('[]'), []);
  assert.deepEqual(await says('{}'), []);
  assert.equal(asked[0], 'ip -json -6 rule show');
});
