// Which credential a connection gets.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ProfileCredential } from '../../src/config/config.ts';
import { chooseCredential, createDispatcher, type DispatchConfig } from '../../src/credentials/dispatch.ts';
import { GatewayError } from '../../src/lib/errors.ts';
import { Secret } from '../../src/lib/secret.ts';
import { AT, credentialOf } from './parts.ts';

type Entry = readonly [name: string, constraints?: ProfileCredential['constraints']];

/** A profile `p` with these credentials; `elsewhere` is bound to another endpoint. */
function configOf(...entries: readonly Entry[]): DispatchConfig {
  const credentials = entries.map(([name]) =>
    credentialOf(name, name === 'elsewhere' ? { endpoints: ['postgres.other'] } : {}),
  );
  return {
    credentials,
    profiles: [
      {
        name: 'p',
        description: '',
        credentials: entries.map(([name, constraints = {}]) => ({
          credential: `postgres_credential.${name}`,
          constraints,
        })),
        context: null,
        agentFamily: null,
        tailscale: [],
        at: AT,
      },
    ],
  };
}

test('a lone credential is used whatever the client said; among several the client must name one', () => {
  const two: readonly Entry[] = [
    ['ro', { user: 'reader' }],
    ['rw', { user: 'writer' }],
  ];
  const withFallback: readonly Entry[] = [['any'], ...two];
  const layered: readonly Entry[] = [...two, ['rw-app', { user: 'writer', database: 'app' }]];
  const rows: readonly (readonly [string, DispatchConfig, Readonly<Record<string, string>>, string])[] = [
    ['none at the endpoint', configOf(['elsewhere']), {}, 'none'],
    ['lone, nothing said', configOf(['ro']), {}, 'ro'],
    ['lone, another user said', configOf(['ro', { user: 'reader' }]), { user: 'writer' }, 'ro'],
    ['lone at this endpoint', configOf(['elsewhere'], ['ro']), {}, 'ro'],
    ['two, the first named', configOf(...two), { user: 'reader' }, 'ro'],
    ['two, the second named', configOf(...two), { user: 'writer', database: 'x' }, 'rw'],
    ['two, another case', configOf(...two), { user: 'Reader' }, 'no-match'],
    ['two, nobody named', configOf(...two), {}, 'no-match'],
    ['two, an unknown one named', configOf(...two), { user: 'postgres' }, 'no-match'],
    ['two, the name is only a part', configOf(...two), { user: 'read' }, 'no-match'],
    ['a fallback for the rest', configOf(...withFallback), { user: 'postgres' }, 'any'],
    ['a fallback gives way', configOf(...withFallback), { user: 'writer' }, 'rw'],
    ['most constraints win', configOf(...layered), { user: 'writer', database: 'app' }, 'rw-app'],
    ['all constraints must hold', configOf(...layered), { user: 'writer', database: 'other' }, 'rw'],
    ['a name from the prototype', configOf(['a', { constructor: 'x' }], ['b', { user: 'u' }]), {}, 'no-match'],
    [
      'two that fit equally well',
      configOf(['a', { user: 'u' }], ['b', { database: 'd' }]),
      { user: 'u', database: 'd' },
      'no-match',
    ],
  ];
  for (const [name, config, hints, expected] of rows) {
    const choice = chooseCredential(config, 'p', { endpoint: 'postgres.pg', hints });
    assert.equal(choice.kind === 'credential' ? choice.credential.name : choice.kind, expected, name);
  }
});

test('a profile that does not exist wields nothing', () => {
  const choice = chooseCredential(configOf(['ro']), 'q', { endpoint: 'postgres.pg', hints: {} });
  assert.equal(choice.kind, 'none');
});

test('the dispatcher gives values, null where none is configured, and refuses where none fits', async () => {
  const two = configOf(['ro', { user: 'reader' }], ['rw', { user: 'writer' }]);
  const dispatcher = createDispatcher({
    config: () => two,
    sources: {
      read: async ({ name }) => new Map([['', new Secret(`password of ${name}`)]]),
      forget: () => undefined,
    },
  });
  const given = await dispatcher.dispatch('p', 'postgres.pg', { user: 'writer' });
  assert.equal(given?.ref, 'postgres_credential.rw');
  assert.equal(given?.secrets.get('')?.reveal(), 'password of rw');
  assert.equal(await dispatcher.dispatch('p', 'postgres.other', {}), null);
  await assert.rejects(
    dispatcher.dispatch('p', 'postgres.pg', { user: 'x' }),
    (error) =>
      error instanceof GatewayError && error.code === 'SECRET_MISSING' && /fits none of them/.test(error.message),
  );
});
