import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EndpointConfig } from '../../../src/config/config.ts';
import { NO_BODY } from '../../../src/protocols/http/action.ts';
import { injectKnown } from '../../../src/protocols/http/inject-known.ts';
import type { Injection } from '../../../src/protocols/http/inject.ts';
import { KnownRequest } from '../../../src/protocols/http/memory.ts';
import type { BodyReading, HttpRequest } from '../../../src/protocols/http/request.ts';
import type { DispatchedCredential } from '../../../src/protocols/protocol.ts';
import { systemClock } from '../../../src/lib/clock.ts';
import { ENDPOINT } from '../../support/gate-parts.ts';

const REQUEST: HttpRequest = {
  version: '1.1',
  method: 'GET',
  scheme: 'https',
  host: 'api.example.com',
  port: 443,
  rawPath: '/a',
  rawQuery: null,
  fields: [],
  upgrade: 'none',
  framing: 'none',
  contentLength: null,
};

function credentialOf(type: string): DispatchedCredential {
  return { ref: `${type}.c`, type, attributes: {}, secrets: new Map() };
}

/** Injects as often as asked and counts what was made anew. */
function injections(
  calls: readonly {
    readonly credential: DispatchedCredential | null;
    readonly body?: BodyReading;
    readonly endpoint?: EndpointConfig;
  }[],
): number {
  const known = new KnownRequest({
    kind: 'request',
    request: REQUEST,
    framing: { kind: 'none' },
    keepAlive: true,
    expectContinue: false,
  } as unknown as ConstructorParameters<typeof KnownRequest>[0]);
  let made = 0;
  for (const { credential, body = NO_BODY, endpoint = ENDPOINT } of calls) {
    injectKnown(known, body, {
      context: { clock: systemClock, config: () => endpoint, placeholders: () => [] },
      injector: {
        repeats: ({ type }) => type !== 'aws_credential',
        inject: (): Injection => {
          made += 1;
          return { kind: 'ready', request: REQUEST, mask: (text) => text };
        },
      },
      credential,
    });
  }
  return made;
}

test('what a credential makes of a request is made once, and anew for whatever it hangs on', () => {
  const token = credentialOf('bearer_token');
  const other = credentialOf('bearer_token');
  const signed = credentialOf('aws_credential');
  const body: BodyReading = { kind: 'whole', bytes: Buffer.from('x') };
  const cases: [string, number, Parameters<typeof injections>[0]][] = [
    ['the same again', 1, [{ credential: token }, { credential: token }]],
    ['two in turns', 2, [{ credential: token }, { credential: other }, { credential: token }, { credential: other }]],
    ['a signature names its time', 2, [{ credential: signed }, { credential: signed }]],
    [
      'a body',
      2,
      [
        { credential: token, body },
        { credential: token, body },
      ],
    ],
    ['no credential', 2, [{ credential: null }, { credential: null }]],
    ['another configuration', 2, [{ credential: token }, { credential: token, endpoint: { ...ENDPOINT } }]],
  ];
  for (const [name, expected, calls] of cases) {
    assert.equal(injections(calls), expected, name);
  }
});
