// What is released: the package that `npm pack` makes, and the script that installs it. The dependencies are this checkout's: a stand-in for npm
// puts them where `npm ci` would.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  realpathSync,
  writeFileSync,
} from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { before, test } from 'node:test';
import { fileScope } from '../support/scope.ts';
import { temporaryFolder } from '../support/temp.ts';

const ROOT = process.cwd();
const INSTALL = join(ROOT, 'scripts', 'install.sh');
const scope = fileScope();
const folder = temporaryFolder(scope, 'clawpatrol-package');
const bin = join(folder, 'programs');
let archive: string;
let digest: string;

interface Done {
  readonly code: number | null;
  readonly said: string;
}

function run(program: string, args: readonly string[], env: Readonly<Record<string, string>> = {}, cwd = folder): Done {
  const path = [join(folder, 'stand-ins'), process.env['PATH'] ?? ''].join(delimiter);
  const { status, stdout, stderr } = spawnSync(program, args, {
    cwd,
    encoding: 'utf8',
    timeout: 120_000,
    env: { PATH: path, HOME: join(folder, 'home'), ...env },
  });
  return { code: status, said: stdout + stderr };
}

const install = (args: readonly string[], env: Readonly<Record<string, string>> = {}): Done =>
  run('sh', [INSTALL, ...args], env);
const at = (prefix: string): readonly string[] => ['--prefix', join(folder, prefix), '--bin', bin];

/** A program that comes before the machine's own. */
function standIn(name: string, text: string): void {
  const path = join(folder, 'stand-ins', name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `#!/bin/sh\n${text}`);
  chmodSync(path, 0o755);
}

before(() => {
  // In a copy, since `npm pack` would build anew what other tests are running; the pins are what its script writes before it packs.
  const copy = join(folder, 'checkout');
  const { files } = JSON.parse(readFileSync('package.json', 'utf8')) as { files: readonly string[] };
  for (const name of ['package.json', 'LICENSE', 'dist/src', ...files.filter((one) => existsSync(one))]) {
    cpSync(name, join(copy, name), { recursive: true });
  }
  cpSync('package-lock.json', join(copy, 'npm-shrinkwrap.json'));
  writeFileSync(join(copy, 'dist', 'commit'), '0123456789ab\n');
  const packed = run('npm', ['pack', '--ignore-scripts', '--json', '--pack-destination', folder], {}, copy);
  assert.equal(packed.code, 0, packed.said);
  archive = join(folder, readdirSync(folder).find((name) => name.endsWith('.tgz')) ?? '');
  digest = createHash('sha256').update(readFileSync(archive)).digest('hex');
  standIn(
    'npm',
    `[ "$1" = ci ] && [ "$2" = --omit=dev ] || exit 9\nln -s '${join(realpathSync('node_modules'))}' node_modules\n`,
  );
});

test('the package has the program, its page, its pins and its examples, and neither tests nor sources', () => {
  const names = run('tar', ['-tzf', archive])
    .said.split('\n')
    .filter((name) => name !== '');
  for (const name of [
    'bin/clawpatrol',
    'dist/src/main.js',
    'dist/src/dashboard/page/index.html',
    'dist/commit',
    'npm-shrinkwrap.json',
    'config/gateway.hcl',
    'config/clawpatrol-gateway.service',
    'docs/reference.md',
    'examples/quickstart/gateway.hcl',
    'README.md',
    'LICENSE',
    'SECURITY.md',
  ]) {
    assert.ok(names.includes(`package/${name}`), name);
  }
  const others = names.filter((name) =>
    /(^package\/(?:src|bench|scripts|node_modules)\/|\.map$|\.test\.|\.tsbuildinfo$|^package\/dist\/(?:test|bench)\/)/.test(
      name,
    ),
  );
  assert.deepEqual(others, []);
  assert.deepEqual(
    names.filter((name) => name.startsWith('package/test/')),
    ['package/test/corpus/reviewer/cases.json'],
  );
});

test('every script of `npm pack` is there: the build before it with the pins, and their removal after it', () => {
  const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: Readonly<Record<string, string>> };
  assert.equal(scripts['prepack'], 'node scripts/prepack.mjs');
  assert.match(
    readFileSync('scripts/prepack.mjs', 'utf8'),
    /copyFileSync\('package-lock\.json', 'npm-shrinkwrap\.json'\)/,
  );
  assert.match(scripts['postpack'] ?? '', /rmSync\('npm-shrinkwrap\.json'\)/);
});

test('install.sh puts the program where it is told, once, and takes it away again', () => {
  const [prefix, link] = [join(folder, 'opt'), join(bin, 'clawpatrol')];
  writeFileSync(`${archive}.sha256`, `${digest}  ${archive}\n`);
  const first = install([...at('opt'), archive]);
  assert.deepEqual(
    [first.code, /installed in .*: clawpatrol 0\.\d+\.\d+ \(0123456789ab\)/.test(first.said)],
    [0, true],
    first.said,
  );
  assert.match(run(link, ['version']).said, /0123456789ab/);
  assert.match(run(link, ['validate', join(prefix, 'current', 'examples', 'quickstart')]).said, /ok|valid/i);
  // The second time nothing is fetched.
  standIn('npm', 'exit 9\n');
  assert.equal(install([...at('opt'), archive]).code, 0);
  assert.deepEqual(readdirSync(join(prefix, 'versions')), [digest]);
  standIn(
    'npm',
    `[ "$1" = ci ] && [ "$2" = --omit=dev ] || exit 9\nln -s '${realpathSync('node_modules')}' node_modules\n`,
  );
  const removed = install([...at('opt'), '--uninstall']);
  assert.equal(removed.code, 0, removed.said);
  assert.deepEqual([existsSync(prefix), existsSync(link)], [false, false]);
  assert.deepEqual(install([...at('opt'), '--uninstall']), { code: 0, said: `nothing is installed in ${prefix}\n` });
});

test('install.sh installs nothing that it does not know, and overwrites nothing that is not its own', () => {
  const cases: readonly (readonly [readonly string[], RegExp])[] = [
    [['--sha256', '0'.repeat(64), archive], /the checksum of .* is [0-9a-f]{64}, and not 0{64}; nothing was installed/],
    [['--sha256', 'abc', archive], /not 64 hexadecimal digits/],
    [['--sha256', `${'0'.repeat(63)};`, archive], /not 64 hexadecimal digits/],
    [[join(folder, 'none.tgz')], /there is no file/],
    [[], /which package/],
    [['--force', archive], /unknown option --force/],
    [['--sha256'], /--sha256 needs a value/],
  ];
  for (const [args, message] of cases) {
    const { code, said } = install([...at('fresh'), ...args]);
    assert.equal(code, 1, said);
    assert.match(said, message);
    assert.ok(!existsSync(join(bin, 'clawpatrol')));
  }
  const unsigned = join(folder, 'unsigned.tgz');
  cpSync(archive, unsigned);
  assert.match(install([...at('fresh'), unsigned]).said, /give --sha256 HEX, or put .*unsigned\.tgz\.sha256 beside/);
  // Somebody else's folder and program stay as they are.
  const foreign = join(folder, 'foreign');
  mkdirSync(foreign);
  writeFileSync(join(foreign, 'file'), 'mine');
  for (const args of [['--sha256', digest, archive], ['--uninstall']]) {
    assert.match(install([...at('foreign'), ...args]).said, /was not made by this script/);
  }
  assert.equal(readFileSync(join(foreign, 'file'), 'utf8'), 'mine');
  mkdirSync(bin, { recursive: true });
  writeFileSync(join(bin, 'clawpatrol'), 'theirs');
  assert.match(install([...at('fresh'), '--sha256', digest, archive]).said, /is something else/);
  assert.equal(readFileSync(join(bin, 'clawpatrol'), 'utf8'), 'theirs');
});

test('install.sh says what is missing, and leaves nothing half-installed', () => {
  const away = join(folder, 'elsewhere');
  const words = ['--prefix', join(folder, 'half'), '--bin', away, '--sha256', digest, archive];
  standIn('node', `[ "$1" = --version ] && { echo v18.20.0; exit; }\nexit 1\n`);
  assert.match(install(words).said, /Node\.js 20\.19 or newer is needed; this is v18\.20\.0/);
  spawnSync('rm', [join(folder, 'stand-ins', 'node')]);
  standIn('npm', 'echo the registry is away >&2\nexit 1\n');
  const failed = install(words);
  assert.equal(failed.code, 1);
  assert.match(failed.said, /npm could not install the dependencies; nothing was changed/);
  assert.deepEqual(readdirSync(join(folder, 'half', 'versions')), []);
  assert.ok(!existsSync(join(away, 'clawpatrol')));
});

test('install.sh is for every shell: no word of bash is in it', () => {
  const text = readFileSync(INSTALL, 'utf8');
  assert.doesNotMatch(text, /\[\[|\bfunction \w+|\blocal \b|\$'|<<<|\bsource /);
  assert.doesNotMatch(text, /\b(?:curl|wget)\b/);
  for (const shell of ['dash', 'busybox', 'bash'].filter(
    (name) => existsSync(`/bin/${name}`) || existsSync(`/usr/bin/${name}`),
  )) {
    const args =
      shell === 'busybox' ? ['sh', '-n', INSTALL] : shell === 'bash' ? ['--posix', '-n', INSTALL] : ['-n', INSTALL];
    assert.deepEqual(run(shell, args), { code: 0, said: '' }, shell);
  }
});

test('the recipes of the README load, with a credential and a profile beside them', () => {
  const readme = readFileSync('README.md', 'utf8');
  const blockAfter = (heading: string): string =>
    /```hcl\n(.*?)```/s.exec(readme.slice(readme.indexOf(heading)))?.[1] ?? assert.fail(heading);
  const rest = `
schema_version = 1
credential "postgres_credential" "shop" {
  endpoint = postgres.shop
  user     = "agent"
  secret { env = "SHOP" }
}
profile "responder" { credentials = [shop] }
`;
  const bastion = blockAfter('**A bastion with listeners.**');
  const endpoint = bastion.replaceAll(/^ *listen(?:_allow)? .*\n/gm, '');
  assert.notEqual(endpoint, bastion);
  const tunnel = `${blockAfter('## Agents that know nothing of it')}${endpoint}`;
  for (const [name, text] of [
    ['bastion', bastion],
    ['tunnel', tunnel],
  ] as const) {
    const path = join(folder, `${name}.hcl`);
    writeFileSync(path, text + rest);
    const { code, said } = run(process.execPath, [join(ROOT, 'bin', 'clawpatrol'), 'validate', path], { SHOP: 'x' });
    assert.equal(code, 0, said);
  }
});
