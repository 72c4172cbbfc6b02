// Signatures of AWS against the examples that AWS publishes (General Reference; S3 API Reference, "Authenticating Requests"; the test suite
// of Signature Version 4), and signing agents' requests again.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import type { BodyReading, HttpRequest } from '../../../src/protocols/http/request.ts';
import { eksToken, resignRequest, signingNeedsBody } from '../../../src/protocols/http/sigv4-resign.ts';
import type { Resigned } from '../../../src/protocols/http/sigv4-resign.ts';
import { canonicalRequest, EMPTY_HASH, signRequest } from '../../../src/protocols/http/sigv4.ts';
import { fieldOf, linesOf, requestOf } from './parts.ts';

const SUITE_KEY = 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY';
const S3_KEY = 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY';
const S3_HOST = 'Host: examplebucket.s3.amazonaws.com';
const S3_TIME = 'x-amz-date: 20130524T000000Z';
const SHA = `x-amz-content-sha256: ${EMPTY_HASH}`;
const WELCOME_HASH = '44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072';

interface Vector {
  readonly name: string;
  readonly target: string;
  readonly method?: string;
  readonly query?: string;
  readonly fields: readonly string[];
  readonly service: string;
  readonly hash?: string;
  readonly signature: string;
}

const VECTORS: readonly Vector[] = [
  {
    name: 'General Reference: IAM ListUsers',
    target: '/',
    query: 'Action=ListUsers&Version=2010-05-08',
    fields: [
      'Host: iam.amazonaws.com',
      'Content-Type: application/x-www-form-urlencoded; charset=utf-8',
      'X-Amz-Date: 20150830T123600Z',
    ],
    service: 'iam',
    signature: '5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7',
  },
  {
    name: 'suite: get-vanilla',
    target: '/',
    fields: ['Host: example.amazonaws.com', 'X-Amz-Date: 20150830T123600Z'],
    service: 'service',
    signature: '5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31',
  },
  {
    name: 'suite: get-vanilla-query-order-key-case',
    target: '/',
    query: 'Param2=value2&Param1=value1',
    fields: ['Host: example.amazonaws.com', 'X-Amz-Date: 20150830T123600Z'],
    service: 'service',
    signature: 'b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500',
  },
  {
    name: 'S3: GET object with Range',
    target: '/test.txt',
    fields: [S3_HOST, 'Range: bytes=0-9', SHA, S3_TIME],
    service: 's3',
    signature: 'f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41',
  },
  {
    name: 'S3: PUT object, an escaped key',
    target: '/test%24file.text',
    method: 'PUT',
    fields: [
      S3_HOST,
      'Date: Fri, 24 May 2013 00:00:00 GMT',
      S3_TIME,
      'x-amz-storage-class: REDUCED_REDUNDANCY',
      `x-amz-content-sha256: ${WELCOME_HASH}`,
    ],
    service: 's3',
    hash: WELCOME_HASH,
    signature: '98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd',
  },
  {
    name: 'S3: GET lifecycle, a parameter without value',
    target: '/',
    query: 'lifecycle',
    fields: [S3_HOST, SHA, S3_TIME],
    service: 's3',
    signature: 'fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543',
  },
  {
    name: 'S3: list objects',
    target: '/',
    query: 'max-keys=2&prefix=J',
    fields: [S3_HOST, SHA, S3_TIME],
    service: 's3',
    signature: '34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7',
  },
];

test('signatures are those of the published examples', () => {
  for (const { name, target, method = 'GET', query, fields, service, hash = EMPTY_HASH, signature } of VECTORS) {
    const parsed = fields.map(fieldOf);
    const request = {
      method,
      rawPath: target,
      rawQuery: query ?? null,
      fields: parsed,
      signedHeaders: parsed.map((field) => field.name.toLowerCase()),
      payloadHash: hash,
    };
    const time = parsed.find((field) => field.name.toLowerCase() === 'x-amz-date')?.value ?? '';
    const scope = { date: time.slice(0, 8), region: 'us-east-1', service };
    const secretAccessKey = service === 's3' ? S3_KEY : SUITE_KEY;
    assert.equal(signRequest(request, { scope, time, secretAccessKey }), signature, name);
  }
});

test('a path is encoded once more for every service but S3, which reads it first', () => {
  const rows: readonly (readonly [string, string, string])[] = [
    ['s3', '/a%20b/c', '/a%20b/c'],
    ['s3', '/a+b', '/a%2Bb'],
    ['s3', '/a//b/../c', '/a//b/../c'],
    ['s3', '/%C3%A4', '/%C3%A4'],
    ['lambda', '/a%20b', '/a%2520b'],
    ['lambda', '/a+b:1', '/a%2Bb%3A1'],
  ];
  for (const [service, rawPath, want] of rows) {
    const request = { method: 'GET', rawPath, rawQuery: null, fields: [], signedHeaders: [], payloadHash: '' };
    assert.equal(canonicalRequest(request, service).split('\n')[1], want, `${service} ${rawPath}`);
  }
});

const KEYS = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: SUITE_KEY, sessionToken: null };
const NOW = Date.UTC(2015, 7, 30, 12, 36);
const NOTHING: BodyReading = { kind: 'unread' };
const bytes = (text: string): BodyReading => ({ kind: 'whole', bytes: Buffer.from(text) });

/** The Authorization of an agent whose keys are worth nothing. */
function signed(scope: string, headers = 'host;x-amz-date'): string {
  return `Authorization: AWS4-HMAC-SHA256 Credential=AKIAPLACEHOLDER/20200101/${scope}/aws4_request, SignedHeaders=${headers}, Signature=00`;
}

function resign(
  request: HttpRequest,
  {
    body = NOTHING,
    unsignedPayload = false,
    keys = KEYS,
  }: {
    body?: BodyReading;
    unsignedPayload?: boolean;
    keys?: typeof KEYS | (Omit<typeof KEYS, 'sessionToken'> & { sessionToken: string });
  } = {},
): Resigned {
  return resignRequest(request, { keys, nowMs: NOW, body, unsignedPayload });
}

function ready(result: Resigned, name = ''): HttpRequest {
  assert.equal(result.kind, 'ready', `${name} ${result.kind === 'refused' ? result.why : ''}`);
  return result.kind === 'ready' ? result.request : assert.fail();
}

test("an agent's signature is made again with our keys, our time and its own scope", () => {
  const request = requestOf('https://iam.amazonaws.com/?Action=ListUsers&Version=2010-05-08', {
    fields: [
      'Content-Type: application/x-www-form-urlencoded; charset=utf-8',
      'X-Amz-Date: 20200101T000000Z',
      'X-Amz-Security-Token: of the agent',
      signed('us-east-1/iam', 'content-type;host;x-amz-date;x-amz-security-token'),
      'User-Agent: boto',
    ],
  });
  assert.deepEqual(linesOf(ready(resign(request)).fields), [
    'Content-Type: application/x-www-form-urlencoded; charset=utf-8',
    'User-Agent: boto',
    'X-Amz-Date: 20150830T123600Z',
    'Authorization: AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request, SignedHeaders=content-type;host;x-amz-date, Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7',
  ]);
});

test('a session token of ours goes along and is signed', () => {
  const request = requestOf('https://iam.amazonaws.com/', { fields: [signed('us-east-1/iam')] });
  const lines = linesOf(ready(resign(request, { keys: { ...KEYS, sessionToken: 'TOKEN' } })).fields);
  assert.ok(lines.includes('X-Amz-Security-Token: TOKEN'));
  assert.match(lines.at(-1) ?? '', /SignedHeaders=host;x-amz-date;x-amz-security-token,/);
});

test('a port that is not the usual one is part of the host that is signed', () => {
  const hex = (port: number): string => {
    const fields = [signed('us-east-1/s3', 'host'), SHA];
    const request = { ...requestOf('https://minio.internal/b/k', { fields }), port };
    return /Signature=(\w+)/.exec(linesOf(ready(resign(request)).fields).at(-1) ?? '')?.[1] ?? '';
  };
  assert.notEqual(hex(443), hex(9000));
});

test("service and region of a signature must be the host's", () => {
  const rows: readonly (readonly [host: string, scope: string, refused: RegExp | null])[] = [
    ['ec2.eu-west-1.amazonaws.com', 'eu-west-1/ec2', null],
    ['ec2.eu-west-1.amazonaws.com', 'eu-west-1/s3', /signed for the service s3/],
    ['ec2.eu-west-1.amazonaws.com', 'us-east-1/ec2', /signed for the region us-east-1/],
    ['bucket.s3.eu-west-1.amazonaws.com', 'eu-west-1/s3', null],
    ['s3-eu-west-1.amazonaws.com', 'eu-west-1/s3', null],
    ['ec2.bucket.s3.eu-west-1.amazonaws.com', 'eu-west-1/ec2', /service ec2/],
    ['bucket.s3.dualstack.eu-west-1.amazonaws.com', 'eu-west-1/s3', null],
    ['bucket.s3.amazonaws.com', 'eu-west-1/s3', null],
    ['iam.amazonaws.com', 'us-east-1/iam', null],
    ['iam.amazonaws.com', 'eu-west-1/iam', /region eu-west-1/],
    ['sts-fips.us-east-1.amazonaws.com', 'us-east-1/sts', null],
    ['email.eu-west-1.amazonaws.com', 'eu-west-1/ses', null],
    ['bedrock-runtime.us-east-1.amazonaws.com', 'us-east-1/bedrock', null],
    ['api.ecr.eu-west-1.amazonaws.com', 'eu-west-1/ecr', null],
    ['runtime.sagemaker.eu-west-1.amazonaws.com', 'eu-west-1/sagemaker', null],
    ['abc123.execute-api.eu-west-1.amazonaws.com', 'eu-west-1/execute-api', null],
    ['lambda.eu-west-1.api.aws', 'eu-west-1/lambda', null],
    ['ec2.cn-north-1.amazonaws.com.cn', 'cn-north-1/ec2', null],
    ['minio.internal', 'us-east-1/s3', null],
  ];
  for (const [host, scope, refused] of rows) {
    const result = resign(requestOf(`https://${host}/`, { fields: [signed(scope), SHA] }));
    const name = `${host} ${scope}`;
    assert.equal(result.kind, refused === null ? 'ready' : 'refused', name);
    if (refused !== null) {
      assert.match(result.kind === 'refused' ? result.why : '', refused, name);
    }
  }
});

test('the body is signed where it can be had, and left out only where that is declared', () => {
  const upload = (hash: string | null): HttpRequest =>
    requestOf('PUT https://b.s3.eu-west-1.amazonaws.com/k', {
      fields: [signed('eu-west-1/s3'), ...(hash === null ? [] : [`X-Amz-Content-Sha256: ${hash}`])],
      framing: 'length',
      contentLength: 15,
    });
  const welcome = bytes('Welcome to Amazon S3.');
  const cut: BodyReading = { kind: 'cut', cause: 'too_large', bytes: Buffer.alloc(1) };
  const unsigned = 'UNSIGNED-PAYLOAD';
  const trailer = 'STREAMING-UNSIGNED-PAYLOAD-TRAILER';
  const pieces = 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD';
  const rows: readonly (readonly [string, string | null, BodyReading, boolean, boolean, string | RegExp])[] = [
    ['hash of the agent', WELCOME_HASH, NOTHING, false, false, WELCOME_HASH],
    ['no hash, whole body', null, welcome, false, true, ''],
    ['no hash, body too long', null, cut, false, true, /too long to be hashed/],
    ['unsigned, whole body', unsigned, welcome, false, true, WELCOME_HASH],
    ['unsigned, body too long', unsigned, cut, false, true, /unsigned_payload = true/],
    ['unsigned, declared', unsigned, cut, true, false, unsigned],
    ['trailer', trailer, welcome, false, false, /unsigned_payload = true/],
    ['trailer, declared', trailer, NOTHING, true, false, trailer],
    ['signed in pieces, declared', pieces, NOTHING, true, false, /piece by piece/],
    ['signed in pieces', pieces, welcome, false, false, /piece by piece/],
    ['something else', 'SOMETHING', welcome, true, false, /SOMETHING/],
  ];
  for (const [name, hash, body, unsignedPayload, needs, want] of rows) {
    const request = upload(hash);
    assert.equal(signingNeedsBody(request, unsignedPayload), needs, name);
    const result = resign(request, { body, unsignedPayload });
    if (want instanceof RegExp) {
      assert.match(result.kind === 'refused' ? result.why : 'ready', want, name);
    } else {
      const sent = ready(result, name).fields.find((field) => field.name.toLowerCase() === 'x-amz-content-sha256');
      assert.equal(sent?.value ?? '', want, name);
    }
  }
  assert.equal(createHash('sha256').update('Welcome to Amazon S3.').digest('hex'), WELCOME_HASH);
});

test('what cannot be signed again is refused', () => {
  const presigned =
    'X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=A%2F20130524%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host&X-Amz-Signature=00';
  const rows: readonly (readonly [string, string, readonly string[], RegExp])[] = [
    ['not signed', 'https://iam.amazonaws.com/', [], /carries no AWS signature/],
    ['another scheme', 'https://iam.amazonaws.com/', ['Authorization: Bearer x'], /carries no AWS signature/],
    ['asymmetric', 'https://iam.amazonaws.com/', ['Authorization: AWS4-ECDSA-P256-SHA256 Credential=x'], /ECDSA/],
    ['two fields', 'https://iam.amazonaws.com/', [signed('us-east-1/iam'), signed('us-east-1/iam')], /signed twice/],
    ['field and query', `https://s3.amazonaws.com/?${presigned}`, [signed('us-east-1/s3')], /signed twice/],
    ['half a query', 'https://s3.amazonaws.com/?X-Amz-Signature=00', [], /not complete/],
    ['query twice', `https://s3.amazonaws.com/?${presigned}&X-Amz-Credential=b`, [], /not complete/],
    [
      'other case',
      `https://s3.amazonaws.com/?${presigned.replace('X-Amz-Credential', 'x-amz-credential')}`,
      [],
      /not complete/,
    ],
    [
      'no scope',
      'https://iam.amazonaws.com/',
      ['Authorization: AWS4-HMAC-SHA256 Credential=x, SignedHeaders=host, Signature=0'],
      /cannot be read/,
    ],
    ['another day', `https://s3.amazonaws.com/?${presigned.replace('Date=2013', 'Date=2014')}`, [], /not of the day/],
    [
      'session of S3 Express',
      'https://b.s3express-use1-az4.us-east-1.amazonaws.com/',
      [signed('us-east-1/s3express')],
      /S3 Express|service s3express/,
    ],
  ];
  for (const [name, target, fields, want] of rows) {
    const result = resign(requestOf(target, { fields }));
    assert.match(result.kind === 'refused' ? result.why : 'ready', want, name);
  }
  const plain: HttpRequest = {
    ...requestOf('https://iam.amazonaws.com/', { fields: [signed('us-east-1/iam')] }),
    scheme: 'http',
  };
  assert.match(JSON.stringify(resign(plain)), /does not go over TLS/);
});

test('a presigned URL keeps its time and its expiry', () => {
  const query =
    'X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAPLACEHOLDER%2F20130524%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host&X-Amz-Signature=00';
  const request = requestOf(`https://examplebucket.s3.amazonaws.com/test.txt?${query}`);
  const keys = { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: S3_KEY, sessionToken: null };
  const sent = new URLSearchParams(ready(resign(request, { keys })).rawQuery ?? '');
  assert.equal(sent.get('X-Amz-Signature'), 'aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404');
  assert.equal(sent.get('X-Amz-Expires'), '86400');
  assert.equal(sent.get('X-Amz-Credential'), 'AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request');
});

test('a token for EKS is a presigned call that names the cluster, the same for ten minutes', () => {
  const at = (nowMs: number): string => eksToken(KEYS, { clusterName: 'prod', region: 'eu-west-1', nowMs });
  const token = at(NOW);
  assert.equal(at(NOW + 3 * 60_000), token);
  assert.notEqual(at(NOW + 10 * 60_000), token);
  assert.match(token, /^k8s-aws-v1\.[\w-]+$/);
  const url = new URL(Buffer.from(token.slice('k8s-aws-v1.'.length), 'base64url').toString('utf8'));
  assert.equal(url.host, 'sts.eu-west-1.amazonaws.com');
  assert.equal(url.searchParams.get('Action'), 'GetCallerIdentity');
  assert.equal(url.searchParams.get('X-Amz-SignedHeaders'), 'host;x-k8s-aws-id');
  assert.equal(url.searchParams.get('X-Amz-Date'), '20150830T123000Z');
});
