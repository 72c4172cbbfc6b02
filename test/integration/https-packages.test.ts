// Package managers through the forward proxy of the real daemon: pip and apt against repositories on this machine, and what docker asks of
// a registry, request by request. What a rule denies is not fetched, and the manager says so.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { skipWithout } from '../support/driver-world.ts';
import { startGateway, type GatewayProcess } from '../support/gateway-process.ts';
import { testAuthority } from '../support/http-gateway.ts';
import { runProgram, type ProgramResult } from '../support/run.ts';
import { fileScope } from '../support/scope.ts';
import { temporaryFolder } from '../support/temp.ts';

const scope = fileScope();
const folder = temporaryFolder(scope);
const ca = join(folder, 'gateway.pem');
const PULL_TOKEN = 'a-token-for-pulling';
const LAYER = Buffer.alloc(200_000, 'layer ');

/** What repositories hold, by path. */
const files = new Map<string, Buffer>();
const seen: string[] = [];
let port = 0;
let gateway: GatewayProcess;

before(async () => {
  writeFileSync(join(folder, 'upstream.pem'), (await testAuthority()).caPem);
  port = await startRepositories();
  gateway = await startGateway(scope, {
    config: `schema_version = 1
gateway {
  dashboard_listen = "off"
  proxy {
    listen  = "127.0.0.1:0"
    profile = "default"
  }
}
endpoint "https" "packages" {
  hosts         = ["localhost:${port}"]
  ca_cert       = "<<file:${join(folder, 'upstream.pem')}>>"
  encoded_slash = "data"
}
credential "passthrough" "packages" { endpoint = https.packages }
profile "default" { credentials = [passthrough.packages] }
rule "not-that-one" {
  endpoint  = https.packages
  condition = "http.path.contains('evil')"
  verdict   = "deny"
  reason    = "that package is not for agents"
}
`,
  });
  writeFileSync(ca, gateway.cli('ca', 'export').stdout);
});

const proxy = (): string => `http://127.0.0.1:${gateway.port('proxy')}`;
const url = (path: string): string => `https://localhost:${port}${path}`;

async function startRepositories(): Promise<number> {
  const server = createServer(await (await testAuthority()).leaf('localhost'), (request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '', 'https://localhost');
    seen.push(
      `${request.method ?? ''} ${pathname}${request.headers.range === undefined ? '' : ` ${request.headers.range}`}`,
    );
    if (pathname.startsWith('/v2/') && request.headers.authorization !== `Bearer ${PULL_TOKEN}`) {
      const challenge = `Bearer realm="${url('/token')}",service="registry",scope="repository:library/app:pull"`;
      response
        .writeHead(401, { 'WWW-Authenticate': challenge, 'Docker-Distribution-Api-Version': 'registry/2.0' })
        .end();
    } else if (pathname === '/token') {
      const known = searchParams.get('scope') === 'repository:library/app:pull';
      response.writeHead(known ? 200 : 401, { 'Content-Type': 'application/json' });
      response.end(JSON.stringify({ token: PULL_TOKEN, expires_in: 300 }));
    } else if (pathname.startsWith('/v2/library/app/blobs/')) {
      response.writeHead(307, { Location: url(`/storage/${pathname.split('/').at(-1) ?? ''}`) }).end();
    } else {
      sendFile(files.get(decodeURIComponent(pathname)), request, response);
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  scope.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

/** A file with ranges and a validator, as package managers use them to go on where they were cut off. */
function sendFile(file: Buffer | undefined, { headers, method }: IncomingMessage, response: ServerResponse): void {
  if (file === undefined) {
    response.writeHead(404).end('no such file');
    return;
  }
  const etag = `"${createHash('sha256').update(file).digest('hex')}"`;
  const type = 'text/html';
  const common = {
    'Content-Type': type,
    ETag: etag,
    'Last-Modified': 'Thu, 01 Jan 2026 00:00:00 GMT',
    'Accept-Ranges': 'bytes',
  };
  const from = Number(/^bytes=(\d+)-/.exec(headers.range ?? '')?.[1] ?? 0);
  const rest = file.subarray(from);
  const range = from === 0 ? {} : { 'Content-Range': `bytes ${from}-${file.length - 1}/${file.length}` };
  response.writeHead(from === 0 ? 200 : 206, { ...common, ...range, 'Content-Length': rest.length });
  response.end(method === 'HEAD' ? '' : rest);
}

const skipPip = skipWithout('/usr/bin/python3', '/usr/lib/python3/dist-packages/pip');

test(
  'MP-32: pip installs from an index, and is told why it may not have another package',
  { skip: skipPip },
  async () => {
    for (const name of ['useful', 'evil']) {
      const wheel = join(folder, `${name}-1.0-py3-none-any.whl`);
      const make = `import sys, zipfile
name, path = sys.argv[1:]
with zipfile.ZipFile(path, 'w') as z:
    z.writestr(name + '.py', 'VALUE = 7\\n')
    info = name + '-1.0.dist-info/'
    z.writestr(info + 'METADATA', 'Metadata-Version: 2.1\\nName: ' + name + '\\nVersion: 1.0\\n')
    z.writestr(info + 'WHEEL', 'Wheel-Version: 1.0\\nGenerator: t\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n')
    z.writestr(info + 'RECORD', '')`;
      execFileSync('/usr/bin/python3', ['-c', make, name, wheel]);
      const content = readFileSync(wheel);
      const sum = createHash('sha256').update(content).digest('hex');
      files.set(`/files/${name}-1.0-py3-none-any.whl`, content);
      files.set(
        `/simple/${name}/`,
        Buffer.from(`<a href="/files/${name}-1.0-py3-none-any.whl#sha256=${sum}">${name}-1.0-py3-none-any.whl</a>`),
      );
    }
    const pip = (name: string): Promise<ProgramResult> =>
      runProgram(
        '/usr/bin/python3',
        [
          '-m',
          'pip',
          '--isolated',
          '--no-input',
          '--disable-pip-version-check',
          '--cert',
          ca,
          '--proxy',
          proxy(),
          'install',
          '--no-cache-dir',
          '--retries',
          '0',
          '--target',
          join(folder, 'installed'),
          '--index-url',
          url('/simple/'),
          name,
        ],
        { env: { HOME: folder } },
      );
    const installed = await pip('useful');
    assert.equal(installed.code, 0, installed.stderr);
    assert.equal(readFileSync(join(folder, 'installed', 'useful.py'), 'utf8'), 'VALUE = 7\n');
    const denied = await pip('evil');
    assert.equal(denied.code, 1);
    assert.match(denied.stderr + denied.stdout, /403|No matching distribution/);
    assert.deepEqual(
      seen.filter((line) => line.includes('evil')),
      [],
    );
  },
);

const skipApt = skipWithout('apt-get', 'dpkg-deb', '/usr/lib/apt/methods/https');

test(
  'MP-32: apt updates, goes on with a half fetched package, and is told why it may not have another',
  { skip: skipApt },
  async () => {
    const stanzas = ['useful', 'evil'].map((name) => {
      const root = join(folder, `deb-${name}`);
      mkdirSync(join(root, 'DEBIAN'), { recursive: true });
      mkdirSync(join(root, 'opt'));
      writeFileSync(join(root, 'opt', 'data'), Buffer.from(Array.from({ length: 50_000 }, (_, index) => index % 251)));
      const control = `Package: ${name}\nVersion: 1.0\nArchitecture: all\nMaintainer: t <t@example.com>\nDescription: test\n`;
      writeFileSync(join(root, 'DEBIAN', 'control'), control);
      const deb = join(folder, `${name}_1.0_all.deb`);
      execFileSync('dpkg-deb', ['-Znone', '--root-owner-group', '-b', root, deb], { stdio: 'ignore' });
      const content = readFileSync(deb);
      files.set(`/debian/pool/${name}_1.0_all.deb`, content);
      const sum = createHash('sha256').update(content).digest('hex');
      return `${control}Filename: pool/${name}_1.0_all.deb\nSize: ${content.length}\nSHA256: ${sum}\n`;
    });
    files.set('/debian/dists/stable/main/binary-amd64/Packages', Buffer.from(stanzas.join('\n')));
    const root = join(folder, 'apt');
    for (const path of ['state/lists/partial', 'cache/archives/partial', 'etc/apt.conf.d', 'etc/preferences.d']) {
      mkdirSync(join(root, path), { recursive: true });
    }
    writeFileSync(join(root, 'status'), '');
    writeFileSync(join(root, 'etc', 'sources.list'), `deb [trusted=yes] ${url('/debian')} stable main\n`);
    // Read before this machine's own, which it hides.
    const config = join(root, 'apt.conf');
    writeFileSync(
      config,
      `Dir::State "${root}/state"; Dir::State::status "${root}/status"; Dir::Cache "${root}/cache";
Dir::Etc "${root}/etc"; Dir::Log "${root}"; APT::Architecture "amd64"; APT::Sandbox::User "";
Acquire::https::Proxy "${proxy()}"; Acquire::https::CAInfo "${ca}"; Acquire::Retries "0"; Acquire::Languages "none";
`,
    );
    const apt = (...args: readonly string[]): Promise<ProgramResult> =>
      runProgram('apt-get', args, { env: { APT_CONFIG: config, HOME: root } });
    const updated = await apt('update');
    assert.equal(updated.code, 0, updated.stderr + updated.stdout);
    const whole = files.get('/debian/pool/useful_1.0_all.deb') ?? Buffer.alloc(0);
    writeFileSync(join(root, 'cache', 'archives', 'partial', 'useful_1.0_all.deb'), whole.subarray(0, 20_000));
    const fetched = await apt('-y', '--download-only', 'install', 'useful');
    assert.equal(fetched.code, 0, fetched.stderr + fetched.stdout);
    assert.ok(readFileSync(join(root, 'cache', 'archives', 'useful_1.0_all.deb')).equals(whole));
    assert.ok(seen.includes('GET /debian/pool/useful_1.0_all.deb bytes=20000-'), seen.join('\n'));
    const denied = await apt('-y', '--download-only', 'install', 'evil');
    assert.equal(denied.code, 100);
    assert.match(denied.stderr, /403/);
    assert.equal(
      seen.some((line) => line.includes('pool/evil')),
      false,
    );
  },
);

test(
  'MP-32: docker pulls: challenge, token, manifest by tag and digest, a layer by way of a redirect, and the rest of a cut one',
  { skip: skipWithout('curl') },
  async () => {
    const digest = `sha256:${createHash('sha256').update(LAYER).digest('hex')}`;
    const type = 'application/vnd.oci.image.manifest.v1+json';
    const manifest = Buffer.from(
      JSON.stringify({
        schemaVersion: 2,
        mediaType: type,
        config: { digest },
        layers: [{ digest, size: LAYER.length }],
      }),
    );
    const manifestDigest = `sha256:${createHash('sha256').update(manifest).digest('hex')}`;
    files.set('/v2/', Buffer.from('{}'));
    files.set('/v2/library/app/manifests/latest', manifest);
    files.set(`/v2/library/app/manifests/${manifestDigest}`, manifest);
    files.set(`/storage/${digest}`, LAYER);
    const out = join(folder, 'pulled');
    const curl = async (path: string, ...args: readonly string[]): Promise<string> => {
      const common = ['-sS', '--max-time', '30', '--cacert', ca, '--proxy', proxy(), '-A', 'docker/27.3.1 go/go1.22.7'];
      const { stdout, stderr } = await runProgram('curl', [
        ...common,
        ...args,
        path.startsWith('/') ? url(path) : path,
      ]);
      assert.equal(stderr, '');
      return stdout;
    };
    const status = ['-o', out, '-w', '%{http_code}'];
    const bearer = ['-H', `Authorization: Bearer ${PULL_TOKEN}`];
    const challenge = /^www-authenticate: Bearer realm="([^"]+)",service="([^"]+)",scope="([^"]+)"\r$/im.exec(
      await curl('/v2/', '-i'),
    );
    const [, realm = '', service = '', pull = ''] = challenge ?? [];
    const token = await curl(`${realm}?account=agent&scope=${encodeURIComponent(pull)}&service=${service}`);
    assert.equal((JSON.parse(token) as { readonly token: string }).token, PULL_TOKEN);
    assert.equal(await curl('/v2/', ...bearer, ...status), '200');
    const accept = ['-H', `Accept: ${type}`, '-H', 'Accept: application/vnd.oci.image.index.v1+json, */*'];
    assert.match(await curl('/v2/library/app/manifests/latest', '-I', ...bearer, ...accept), /^HTTP\/\S+ 200/);
    assert.equal(await curl(`/v2/library/app/manifests/${manifestDigest}`, ...bearer, ...accept, ...status), '200');
    assert.ok(readFileSync(out).equals(manifest));
    const blob = ['-L', ...bearer, ...status];
    assert.equal(await curl(`/v2/library/app/blobs/${digest}`, ...blob), '200');
    assert.ok(readFileSync(out).equals(LAYER));
    assert.equal(await curl(`/v2/library/app/blobs/${digest}`, ...blob, '-H', 'Range: bytes=150000-'), '206');
    assert.ok(readFileSync(out).equals(LAYER.subarray(150_000)));
    const denied = await curl('/v2/library/evil/manifests/latest', ...bearer, ...accept, '-w', ' %{http_code}');
    assert.match(denied, /that package is not for agents.* 403$/s);
    assert.equal(
      seen.some((line) => line.includes('library/evil')),
      false,
    );
  },
);
