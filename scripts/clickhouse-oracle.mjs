// Our reading of ClickHouse's SQL against a recent server's own, for whoever changes the parser; not part of the tests, since it fetches
// chdb (200 MB) from PyPI. `node scripts/clickhouse-oracle.mjs [TEXTS] [SEED]`: the corpus and TEXTS changed copies of it are given to
// EXPLAIN AST; prints where both read a text and differ, and how many texts only one of them reads.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';

const [count = '5000', seed = '1'] = process.argv.slice(2);
const venv = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'clawpatrol-chdb');

const ORACLE = `
import json, sys
from chdb import session
server = session.Session()
def last(text):
    # What an earlier text left behind stands before the tree.
    lines = text.split('\\n')
    return '\\n'.join(lines[max([i for i, line in enumerate(lines) if line and line[0] != ' '] or [0]):])
trees = {}
for text in json.load(open(sys.argv[1])):
    try:
        trees[text] = last(server.query('EXPLAIN AST ' + text, 'TSVRaw').bytes().decode('utf8', 'replace'))
    except Exception:
        trees[text] = None
json.dump(trees, open(sys.argv[2], 'w'))
`;

const EXTRA =
  "tokens|db.tokens|(SELECT a FROM tokens)|file(x)|IN tokens|AS|AS x|FROM tokens|UNION ALL SELECT 1|SETTINGS max_threads=1|WITH t AS (SELECT 1)|,|(|)|[|]|.|::|->|?|:|*|INTERVAL|1|'a'|`b c`|NOT|EXCEPT|ARRAY JOIN|FINAL|WHERE|GROUP BY|ORDER BY|LIMIT 1|BY a|--x\n|/*y*/|IN PARTITION|CASE|END|BETWEEN|AND|ON CLUSTER c|VALUES|EXPLAIN|INSERT INTO|SELECT|PARALLEL WITH|TABLE|DISTINCT|ALL|ANY|GLOBAL|QUALIFY 1|OVER w|FILTER (WHERE 1)|COLUMNS('a')|APPLY(f)|$a$b$a$|x'41'|.1|1e5|TOP 1|DATE|a.*|~|IS NULL|view(SELECT 1)|FROM|AS SELECT|ENGINE=Memory".split(
    '|',
  );

function run(command, args) {
  const { status } = spawnSync(command, args, { stdio: ['ignore', 'ignore', 'inherit'] });
  if (status !== 0) {
    console.error(`${command} ${args.join(' ')} failed`);
    process.exit(1);
  }
}

let state = Number(seed);
function choose(limit) {
  state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
  return Math.floor((state / 4_294_967_296) * limit);
}

/** A text with one to three tokens taken out, put in, or changed. */
function changed(tokens) {
  const copy = [...tokens];
  for (let changes = choose(3); changes >= 0; changes -= 1) {
    const at = choose(copy.length + 1);
    const kind = choose(3);
    copy.splice(at, kind === 0 ? 0 : 1, ...(kind === 1 ? [] : [' ', EXTRA[choose(EXTRA.length)], ' ']));
  }
  return copy.join('');
}

if (!existsSync('dist/src/main.js')) {
  run('node_modules/.bin/tsc', []);
}
if (!existsSync(join(venv, 'bin/python'))) {
  run('python3', ['-m', 'venv', venv]);
  run(join(venv, 'bin/pip'), ['install', '--quiet', '--no-deps', 'chdb-core==26.9.0']);
}
const { analyseText } = await import('../dist/src/protocols/clickhouse/analysis/analyse.js');
const { compareTrees } = await import('../dist/src/protocols/clickhouse/analysis/compare.js');

const corpus = JSON.parse(readFileSync('test/corpus/clickhouse-statements.json', 'utf8')).map(({ sql }) => sql);
const pieces = corpus.map((sql) => sql.match(/'(?:[^'\\]|\\.)*'|\w+|\s+|[^]/g) ?? []);
const texts = [...corpus, ...Array.from({ length: Number(count) }, () => changed(pieces[choose(pieces.length)]))];
const folder = mkdtempSync(join(tmpdir(), 'clawpatrol-oracle-'));
writeFileSync(join(folder, 'texts.json'), JSON.stringify([...new Set(texts)]));
writeFileSync(join(folder, 'oracle.py'), ORACLE);
run(
  join(venv, 'bin/python'),
  ['oracle.py', 'texts.json', 'trees.json'].map((name) => join(folder, name)),
);
const trees = Object.entries(JSON.parse(readFileSync(join(folder, 'trees.json'), 'utf8')));
rmSync(folder, { recursive: true, force: true });

const seen = { both: 0, server: 0, ours: 0, different: 0 };
for (const [sql, tree] of trees) {
  const { tree: ours } = analyseText(sql, { complete: true, trusted: new Set() });
  if (tree === null || ours === null) {
    seen.server += tree === null ? 0 : 1;
    seen.ours += ours === null ? 0 : 1;
    continue;
  }
  seen.both += 1;
  const difference = compareTrees(ours, tree);
  if (difference !== null) {
    seen.different += 1;
    console.log(`${difference}: ${JSON.stringify(sql)}`);
  }
}
console.log(
  `${trees.length} texts: both read ${seen.both}, the server alone ${seen.server}, we alone ${seen.ours}; ${seen.different} differ`,
);
process.exitCode = seen.different === 0 ? 0 : 1;
