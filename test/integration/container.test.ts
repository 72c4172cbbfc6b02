// The Dockerfile, where no Docker is: what it copies is there and is all that its build needs, and what it starts runs as its user, without a
// capability too many, on a file system that is read-only but for the state.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  realpathSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { serveOnce, spawnConfined, type Served } from '../support/confined.ts';
import { enterOwnNetwork, whyNoTunnel } from '../support/network.ts';
import { fileScope } from '../support/scope.ts';
import { temporaryFolder } from '../support/temp.ts';
import { gatewayBlock } from '../support/tunnel-world.ts';

const ROOT = process.cwd();
const LIMIT = { timeout: 420_000 };
const scope = fileScope();
const skip = whyNoTunnel();
if (skip === false) {
  enterOwnNetwork();
}

interface Step {
  readonly stage: string;
  readonly word: string;
  readonly rest: string;
}

/** The instructions, in order, each with the name of its stage. */
const steps = readSteps(readFileSync(join(ROOT, 'Dockerfile'), 'utf8'));

function readSteps(text: string): readonly Step[] {
  let stage = '';
  return text
    .replaceAll(/\\\n\s*/g, '')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const [, word = '', rest = ''] = /^(\S+)\s+(.*)$/.exec(line) ?? [];
      if (word === 'FROM') {
        stage = / AS (\S+)$/.exec(rest)?.[1] ?? '';
      }
      return { stage, word, rest };
    });
}

/** Of a stage: what it copies out of the checkout, and where it puts it. */
function copiesOf(stage: string): readonly (readonly [string, string])[] {
  return steps
    .filter((step) => step.stage === stage && step.word === 'COPY' && !step.rest.startsWith('--from='))
    .flatMap(({ rest }) => {
      const words = rest.split(' ');
      const to = words.at(-1) ?? '';
      return words.slice(0, -1).map((from) => [from, to === './' ? from : to] as const);
    });
}

/** The arguments of the last such instruction of a stage. One of the stage that it is made from does not count: an ENTRYPOINT empties its CMD. */
function wordsOf(stage: string, word: string): readonly string[] {
  const step = steps.findLast((one) => one.stage === stage && one.word === word);
  return JSON.parse(step?.rest ?? '[]') as string[];
}

const settingOf = (stage: string, word: string): string | undefined =>
  steps.findLast((one) => one.stage === stage && one.word === word)?.rest;

test('every file that is copied is there, and none is kept from the build', () => {
  const from = [...copiesOf('build'), ...copiesOf('program')].map(([path]) => path);
  assert.deepEqual(
    from.filter((path) => !existsSync(join(ROOT, path))),
    [],
  );
  assert.ok(from.includes('bin') && from.includes('src'));
  const ignored = readFileSync(join(ROOT, '.dockerignore'), 'utf8').split('\n');
  assert.deepEqual(
    from.filter((path) => ignored.includes(path)),
    [],
  );
  // What the second stage takes is what the build makes.
  const taken = steps.flatMap(({ rest }) => (/^--from=build (\S+) (\S+)$/.exec(rest) ?? []).slice(1, 2));
  assert.deepEqual(taken, ['/src/node_modules', '/src/dist/src']);
});

test('what is copied is all that the build needs, and makes all that the program is', LIMIT, () => {
  const folder = temporaryFolder(scope, 'clawpatrol-image');
  const [source, image] = [join(folder, 'src'), join(folder, 'image')];
  for (const [from, to] of copiesOf('build')) {
    cpSync(join(ROOT, from), join(source, to), { recursive: true });
  }
  symlinkSync(realpathSync('node_modules'), join(source, 'node_modules'));
  const build = steps.find(
    ({ stage, word, rest }) => stage === 'build' && word === 'RUN' && rest.startsWith('npm run'),
  );
  const [script = ''] = /^npm run build/.exec(build?.rest ?? '') ?? [];
  const built = spawnSync('sh', ['-c', script], { cwd: source, encoding: 'utf8', timeout: 400_000 });
  assert.equal(built.status, 0, built.stdout + built.stderr);
  assert.ok(existsSync(join(source, 'dist', 'src', 'dashboard', 'page', 'index.html')));
  for (const [from, to] of copiesOf('program')) {
    cpSync(join(ROOT, from), join(image, to), { recursive: true });
  }
  cpSync(join(source, 'dist', 'src'), join(image, 'dist', 'src'), { recursive: true });
  symlinkSync(realpathSync('node_modules'), join(image, 'node_modules'));
  const version = spawnSync(join(image, 'bin', 'clawpatrol'), ['version'], { encoding: 'utf8' });
  assert.match(version.stdout, /^clawpatrol \d/, version.stderr);
  assert.deepEqual(readdirSync(image).toSorted(), ['LICENSE', 'bin', 'config', 'dist', 'node_modules', 'package.json']);
});

test('the user that is made is the one that is used, and the gateway’s image starts as it', () => {
  const made = steps.find(({ rest }) => rest.includes('useradd'))?.rest ?? '';
  assert.match(made, /--uid 990 .*\bclawpatrol /);
  assert.equal(settingOf('gateway', 'USER'), 'clawpatrol');
  assert.deepEqual(wordsOf('gateway', 'ENTRYPOINT'), ['/opt/clawpatrol/bin/clawpatrol']);
  assert.equal(settingOf('program', 'STOPSIGNAL'), 'SIGTERM');
  assert.equal(
    steps.findLast(({ word }) => word === 'FROM')?.rest,
    'program AS gateway',
    'it is what a plain build gives',
  );
});

/** Starts what an image starts, with the capabilities that its container gets. */
async function runImage(
  stage: string,
  config: string,
  container: { readonly uid: number; readonly capabilities: readonly string[]; readonly devices: readonly string[] },
): Promise<Served> {
  const folder = temporaryFolder(scope, 'clawpatrol-container');
  const state = join(folder, 'state');
  mkdirSync(state);
  mkdirSync('/run/wireguard', { recursive: true });
  const path = join(folder, 'gateway.hcl');
  writeFileSync(path, config);
  const [verb = '', file] = wordsOf(stage, 'CMD');
  assert.equal(file, '/etc/clawpatrol/gateway.hcl');
  const entry = wordsOf(stage, 'ENTRYPOINT').map((word) =>
    word.replace('/opt/clawpatrol', ROOT).replace(/=clawpatrol$/, '=990'),
  );
  const child = spawnConfined(
    { folder, writable: [state, '/run/wireguard'], owner: 990, ...container, calls: null },
    [...entry, verb, path],
    { HOME: '/var/lib/clawpatrol', [(settingOf('program', 'ENV') ?? '').split('=')[0] ?? '']: state },
  );
  return serveOnce(child);
}

const PLAIN = `schema_version = 1
gateway { dashboard_listen = "127.0.0.1:0" }
endpoint "postgres" "pg" {
  host    = "127.0.0.1:5432"
  sslmode = "disable"
  listen  = "127.0.0.1:0"
}
credential "passthrough" "pg" { endpoint = postgres.pg }
profile "default" { credentials = [passthrough.pg] }
`;

test('the gateway’s image serves as its user without any capability', { skip, ...LIMIT }, async () => {
  const { said, health, code } = await runImage('gateway', PLAIN, { uid: 990, capabilities: [], devices: [] });
  assert.match(said, /^ready /m);
  assert.match(health, /ok|alive/i);
  assert.equal(code, 0, said);
});

test(
  'the tunnel’s image brings the tunnel up as that user, with the capabilities that its comment names, and not without',
  { skip, ...LIMIT },
  async () => {
    const comment = readFileSync(join(ROOT, 'Dockerfile'), 'utf8').split('FROM')[0] ?? '';
    const run = comment.slice(comment.indexOf('docker build --target tunnel'));
    const capabilities = [...run.matchAll(/--cap-add (\S+)/g)].map(([, name = '']) => name.toLowerCase());
    assert.deepEqual(capabilities, ['net_admin', 'setuid', 'setgid', 'setpcap']);
    const devices = [...run.matchAll(/--device \/dev\/(\S+)/g)].map(([, name = '']) => name);
    const up = await runImage('tunnel', gatewayBlock(''), { uid: 0, capabilities, devices });
    assert.match(up.said, /^ready .*wireguard=udp\//m);
    assert.equal(up.code, 0, up.said);
    for (const missing of ['net_admin', 'setuid']) {
      const fewer = capabilities.filter((name) => name !== missing);
      const down = await runImage('tunnel', gatewayBlock(''), { uid: 0, capabilities: fewer, devices });
      assert.doesNotMatch(down.said, /^ready /m, missing);
      assert.notEqual(down.code, 0);
    }
  },
);
