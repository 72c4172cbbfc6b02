// Credentials with real clients: git pushes and fetches, and the AWS SDK calls, through the engine, with nothing of worth in their hands.
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { standardInjector } from '../../src/protocols/http/injector.ts';
import { createHttps } from '../../src/protocols/https/index.ts';
import type { DispatchedCredential } from '../../src/protocols/protocol.ts';
import { dispatched } from '../protocols/http/parts.ts';
import { skipWithout } from '../support/driver-world.ts';
import { git, GIT_SECRET, startGit } from '../support/git-server.ts';
import { startGateway } from '../support/gateway-process.ts';
import { PathAnalyser, startHttpGateway, testAuthority } from '../support/http-gateway.ts';
import type { HttpGateway, HttpGatewayOptions } from '../support/http-gateway.ts';
import { respond, startRawUpstream } from '../support/raw-upstream.ts';
import type { RawUpstream, UpstreamRequest } from '../support/raw-upstream.ts';
import { runProgram } from '../support/run.ts';
import type { ProgramResult } from '../support/run.ts';
import { fileScope } from '../support/scope.ts';
import { temporaryFolder } from '../support/temp.ts';

const scope = fileScope();
const folder = temporaryFolder(scope);

async function caFile(): Promise<string> {
  const path = join(folder, 'ca.pem');
  writeFileSync(path, (await testAuthority()).caPem);
  return path;
}

function start(host: string, options: Omit<HttpGatewayOptions, 'hosts' | 'protocol'>): Promise<HttpGateway> {
  const protocol = createHttps({ name: 'https', analyser: new PathAnalyser(), injector: standardInjector });
  return startHttpGateway(scope, { ...options, hosts: [{ host, port: 443, wildcard: false }], protocol });
}

test('HX-10: git clones, fetches and pushes over a server that wants a password which only the gateway has', async () => {
  const root = join(folder, 'served');
  mkdirSync(root);
  for (const args of [
    ['init', '-q', '--bare', 'app.git'],
    ['-C', 'app.git', 'config', 'http.receivepack', 'true'],
  ]) {
    assert.equal((await git(root, ...args)).code, 0);
  }
  const server = await startGit(scope, root, 'git.test');
  const gateway = await start('git.test', {
    upstreamPort: server.port,
    credential: async () => dispatched('github_oauth', GIT_SECRET),
  });
  const proxy = ['-c', `http.proxy=http://127.0.0.1:${gateway.port}`, '-c', `http.sslCAInfo=${await caFile()}`];
  const cloned = await git(folder, ...proxy, 'clone', '-q', 'https://git.test/app.git', 'work');
  assert.equal(cloned.code, 0, cloned.stderr);
  const work = join(folder, 'work');
  writeFileSync(join(work, 'file.txt'), 'x'.repeat(100_000));
  for (const args of [
    ['add', '.'],
    ['commit', '-q', '-m', 'one'],
    [...proxy, 'push', '-q', 'origin', 'HEAD:refs/heads/main'],
    [...proxy, 'fetch', '-q', 'origin'],
  ]) {
    const { code, stderr } = await git(work, ...args);
    assert.equal(code, 0, stderr);
  }
  const listed = await git(folder, ...proxy, 'ls-remote', 'https://anybody:mine@git.test/app.git');
  assert.match(listed.stdout, /refs\/heads\/main/);
  const want = `Basic ${Buffer.from(`x-access-token:${GIT_SECRET}`).toString('base64')}`;
  assert.ok(server.seen.length >= 5);
  assert.deepEqual([...new Set(server.seen)], [want]);
});

test('git is told why a login failed: the challenge of the server comes through', async () => {
  const root = join(folder, 'other');
  mkdirSync(root);
  const server = await startGit(scope, root, 'git.test');
  const gateway = await start('git.test', {
    upstreamPort: server.port,
    credential: async () => dispatched('github_oauth', 'not the right one'),
  });
  const proxy = ['-c', `http.proxy=http://127.0.0.1:${gateway.port}`, '-c', `http.sslCAInfo=${await caFile()}`];
  const { code, stderr } = await git(folder, ...proxy, 'ls-remote', 'https://git.test/app.git');
  assert.equal(code, 128);
  assert.match(stderr, /could not read Username|Authentication failed/);
});

test('the daemon denies a push to a ref by rule before any of its pack goes on, and lets others and fetches pass', async () => {
  const root = join(folder, 'ruled');
  mkdirSync(root);
  for (const args of [
    ['init', '-q', '--bare', 'app.git'],
    ['-C', 'app.git', 'config', 'http.receivepack', 'true'],
  ]) {
    assert.equal((await git(root, ...args)).code, 0);
  }
  const server = await startGit(scope, root, 'localhost');
  const ca = await caFile();
  const gateway = await startGateway(scope, {
    config: `
      schema_version = 1
      gateway { dashboard_listen = "off" }
      defaults { unmatched = "deny" }
      endpoint "https" "git" {
        hosts     = ["localhost:${server.port}"]
        ca_cert   = "<<file:${ca}>>"
        listen    = "127.0.0.1:0"
        free_refs = ["refs/heads/agent/*"]
      }
      credential "github_oauth" "right" {
        endpoint    = https.git
        placeholder = "placeholder-right"
        secret { env = "GIT_SECRET" }
      }
      credential "github_oauth" "wrong" {
        endpoint    = https.git
        placeholder = "placeholder-wrong"
        secret { env = "OTHER" }
      }
      profile "default" { credentials = [github_oauth.right, github_oauth.wrong] }
      rule "no-main" {
        endpoint  = https.git
        condition = "git.refs.exists(r, r.ref == 'refs/heads/main' || r.kind == 'delete')"
        verdict   = "deny"
        reason    = "main is for people"
        priority  = 10
      }
      rule "git" {
        endpoint  = https.git
        condition = "git.operation in ['fetch', 'push']"
        verdict   = "allow"
      }
    `,
    env: { GIT_SECRET, OTHER: 'of another account' },
  });
  const proxy = [
    '-c',
    `http.proxy=http://127.0.0.1:${gateway.port('https.git')}`,
    '-c',
    `http.proxySSLCAInfo=${ca}`,
    '-c',
    'http.sslVerify=false',
  ];
  // git is asked to log in, and then sends the placeholder that picks the credential.
  const urlOf = (placeholder: string): string => `https://agent:${placeholder}@localhost:${server.port}/app.git`;
  const url = urlOf('placeholder-right');
  const work = join(folder, 'ruled-work');
  assert.equal((await git(folder, ...proxy, 'clone', '-q', url, work)).stderr.includes('fatal'), false);
  writeFileSync(join(work, 'file.txt'), 'x'.repeat(50_000));
  await git(work, 'add', '.');
  await git(work, 'commit', '-q', '-m', 'one');
  const pushed = (...refs: readonly string[]): Promise<ProgramResult> =>
    git(work, ...proxy, 'push', '-q', 'origin', ...refs);
  const refs = async (): Promise<string> =>
    (await git(root, '-C', 'app.git', 'for-each-ref', '--format=%(refname)')).stdout;
  for (const denied of [['HEAD:main'], ['HEAD:refs/heads/main'], ['HEAD:refs/heads/agent/x', 'HEAD:refs/heads/main']]) {
    const { code, stderr } = await pushed(...denied);
    assert.equal(code, 1, denied.join(' '));
    assert.match(stderr, /403/, denied.join(' '));
    assert.equal(await refs(), '', denied.join(' '));
  }
  const allowed = await pushed('HEAD:refs/heads/agent/x');
  assert.equal(allowed.code, 0, allowed.stderr);
  assert.equal((await refs()).trim(), 'refs/heads/agent/x');
  assert.equal((await pushed(':refs/heads/agent/x')).code, 1);
  assert.equal((await refs()).trim(), 'refs/heads/agent/x');
  const fetched = await git(work, ...proxy, 'fetch', '-q', 'origin');
  assert.equal(fetched.code, 0, fetched.stderr);
  for (const placeholder of ['placeholder-wrong', 'placeholder-rig', 'mine']) {
    assert.equal((await git(work, ...proxy, 'ls-remote', urlOf(placeholder))).code, 128, placeholder);
  }
  const want = `Basic ${Buffer.from(`x-access-token:${GIT_SECRET}`).toString('base64')}`;
  const other = `Basic ${Buffer.from('x-access-token:of another account').toString('base64')}`;
  assert.deepEqual([...new Set(server.seen)].toSorted(), [want, other].toSorted());
});

const skip = skipWithout('/usr/lib/python3/dist-packages/boto3');
const KEYS = {
  access_key_id: 'AKIAREALKEYOFGATEWAY',
  secret_access_key: 'real/secret+key',
  session_token: 'real-token',
};
const STS =
  '<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult><Account>123456789012</Account></GetCallerIdentityResult></GetCallerIdentityResponse>';

/** Requests as they arrived, for a checker. */
async function arrived({ requests }: RawUpstream): Promise<readonly unknown[]> {
  return Promise.all(
    requests.map(async (request: UpstreamRequest) => {
      await request.whole;
      const { method, target, fields } = request.head;
      return {
        method,
        target,
        fields: fields.map(({ name, value }) => [name, value]),
        body: request.body().toString('hex'),
      };
    }),
  );
}

const python = (args: readonly string[], input?: string) =>
  runProgram('/usr/bin/python3', ['test/integration/clients/aws_client.py', ...args], {
    timeoutMs: 60_000,
    env: { AWS_STS_REGIONAL_ENDPOINTS: 'regional', AWS_EC2_METADATA_DISABLED: 'true' },
    ...(input === undefined ? {} : { input }),
  });

test(
  "the AWS SDK's requests arrive signed by the gateway's keys, as botocore itself would sign them",
  { skip },
  async () => {
    const rows: readonly (readonly [call: string, host: string, answer: string, prints: RegExp])[] = [
      ['sts', 'sts.eu-west-1.amazonaws.com', STS, /^123456789012/],
      ['s3-get', 'bucket.s3.eu-west-1.amazonaws.com', 'ten bytes.', /^ten bytes\./],
      ['s3-put', 'bucket.s3.eu-west-1.amazonaws.com', '', /^"etag"/],
      ['dynamodb', 'dynamodb.eu-west-1.amazonaws.com', '{"TableNames":["t"]}', /^\['t'\]/],
      ['lambda', 'lambda.eu-west-1.amazonaws.com', '{"Policy":"p"}', /^p/],
    ];
    for (const [call, host, answer, prints] of rows) {
      const upstream = await startRawUpstream(
        scope,
        () => respond(answer, '200 OK', 'ETag: "etag"', 'Content-Type: text/xml'),
        host,
      );
      const gateway = await start(host, {
        upstreamPort: upstream.port,
        credential: async () => dispatched('aws_credential', KEYS, { unsigned_payload: false }),
      });
      const result = await python([call, `http://127.0.0.1:${gateway.port}`, await caFile()]);
      assert.match(result.stdout, prints, `${call}: ${result.stderr}`);
      const requests = await arrived(upstream);
      assert.equal(requests.length, 1, call);
      assert.doesNotMatch(JSON.stringify(requests), /PLACEHOLDER|placeholder/i, call);
      const checked = await python(['verify', ...Object.values(KEYS)], JSON.stringify(requests));
      assert.equal(checked.stdout.trim(), 'verified 1', `${call}: ${checked.stderr}`);
    }
  },
);

test('KU-08: a credential that was made for a time and is refused is made anew once; then it is the failure of the gateway', async () => {
  const rows: readonly (readonly [
    name: string,
    method: string,
    accepted: string,
    status: string,
    tokens: readonly string[],
  ])[] = [
    ['accepted', 'GET', 'token-1', '200', ['token-1']],
    ['accepted after a renewal', 'GET', 'token-2', '200', ['token-1', 'token-2']],
    ['never accepted', 'GET', 'none', '502', ['token-1', 'token-2']],
    ['not sent twice', 'POST', 'token-2', '401', ['token-1']],
  ];
  for (const [name, method, accepted, status, tokens] of rows) {
    const upstream = await startRawUpstream(scope, ({ text }) =>
      text.includes(`Bearer ${accepted}`)
        ? respond('fine')
        : respond('no', '401 Unauthorized', 'WWW-Authenticate: Bearer'),
    );
    let made = 1;
    const credential = (): DispatchedCredential => ({
      ...dispatched('google_gke_credential', { sa_key: '{}', access_token: `token-${made}` }),
      renew: async () => {
        made += 1;
        return credential();
      },
    });
    const gateway = await start('api.test', { upstreamPort: upstream.port, credential: async () => credential() });
    const args = [
      '-sS',
      '--max-time',
      '60',
      '--cacert',
      await caFile(),
      '-o',
      '/dev/null',
      '-w',
      '%{http_code}',
      '-X',
      method,
    ];
    const connect = `api.test:443:127.0.0.1:${gateway.port}`;
    const { stdout } = await runProgram('curl', [...args, '--connect-to', connect, 'https://api.test/v1/things']);
    assert.equal(stdout, status, name);
    assert.deepEqual(
      upstream.requests.map(({ text }) => /Bearer (\S+)/.exec(text)?.[1]),
      tokens,
      name,
    );
  }
});

test('HT-51: a secret that the upstream repeats in the head of its answer does not come back, in its reason phrase neither', async () => {
  const secret = 'ghp_upstream-secret-77';
  const upstream = await startRawUpstream(scope, () =>
    respond('no', `401 Nobody knows ${secret} here`, `X-Tried: ${secret}`),
  );
  const gateway = await start('api.test', {
    upstreamPort: upstream.port,
    credential: async () => dispatched('bearer_token', secret),
  });
  const connect = ['--connect-to', `api.test:443:127.0.0.1:${gateway.port}`, '--cacert', await caFile()];
  const args = ['-sS', '--http1.1', '--max-time', '60', '-i', ...connect, 'https://api.test/v1/things'];
  const { stdout } = await runProgram('curl', args);
  assert.match(upstream.requests[0]?.text ?? '', new RegExp(`Bearer ${secret}`));
  assert.match(stdout, /^HTTP\/1\.1 401 Nobody knows \[secret\] here\r\n/);
  assert.match(stdout, /\r\nX-Tried: \[secret\]\r\n/);
});
