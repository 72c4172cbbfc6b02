// The support code itself: both servers start, answer and stop.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findPostgres, startPostgres } from '../support/postgres-server.ts';

for (const flavour of ['debian', 'embedded'] as const) {
  test(`a ${flavour} PostgreSQL starts, answers and stops`, { skip: findPostgres(flavour) === null }, async (t) => {
    const server = await startPostgres(t, { flavour });
    assert.ok(server.major >= 15);
    assert.deepEqual(await server.query('SELECT 1 AS one'), [{ one: 1 }]);
    await server.stop();
    await assert.rejects(server.query('SELECT 1'));
  });
}
