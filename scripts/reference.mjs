// Writes docs/reference.md from the tables that the program itself uses: blocks and attributes, facts, verbs, error codes,
// audit record. With --check it only says whether the page is current. Needs a build.
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

process.chdir(join(dirname(fileURLToPath(import.meta.url)), '..'));
const PAGE = 'docs/reference.md';
const { fileAttributes, topLevelBlocks } = await import('../dist/src/config/schema.js');
const { factSchemas } = await import('../dist/src/rules/schemas.js');
const { ERROR_CODES } = await import('../dist/src/lib/errors.js');
const { VERBS } = await import('../dist/src/cli/cli.js');
const { protocols } = await import('../dist/src/protocols/all.js');

const page = [
  '# Reference',
  '',
  'Made by `node scripts/reference.mjs` from the tables that the program itself uses; do not edit it by hand.',
  '',
  ...configuration(),
  ...facts(),
  ...(await commandLine()),
  ...errorCodes(),
  ...auditRecord(),
].join('\n');

if (process.argv.includes('--check')) {
  let found = '';
  try {
    found = readFileSync(PAGE, 'utf8');
  } catch {
    // Told below: a page that is missing is not current either.
  }
  if (found !== page) {
    console.error(`${PAGE} is not current: run node scripts/reference.mjs`);
    process.exit(1);
  }
} else {
  writeFileSync(PAGE, page);
}

function table(headings, rows) {
  const cell = (text) => String(text).replaceAll('|', '\\|').replaceAll('\n', ' ');
  const line = (cells) => `| ${cells.map(cell).join(' | ')} |`;
  return [line(headings), line(headings.map(() => '---')), ...rows.map(line), ''];
}

function code(text) {
  return `\`${text}\``;
}

// Configuration.

function configuration() {
  const lines = ['## Configuration', '', 'A file may hold these attributes:', '', ...attributeTable(fileAttributes)];
  for (const [name, spec] of Object.entries(topLevelBlocks)) {
    const labels = { none: '', name: ' "NAME"', tier: ' "safe|suspicious|destructive"', 'type-name': ' "TYPE" "NAME"' };
    lines.push(`### ${name}${labels[spec.labels]}`, '', spec.doc, '');
    if (spec.labels === 'type-name') {
      for (const [type, body] of Object.entries(spec.types)) {
        lines.push(`#### ${name} "${type}"`, '', ...typeNotes(name, type, body), ...bodyLines(body, type));
      }
    } else {
      lines.push(...laterNote(spec.body), ...bodyLines(spec.body, name));
    }
  }
  return lines;
}

function typeNotes(kind, type, body) {
  const unserved = kind === 'endpoint' && !protocols.has(type);
  return [
    body.doc,
    '',
    ...laterNote(body),
    ...(unserved
      ? ['**Checked, and not served by this version**: the gateway refuses its traffic and says so.', '']
      : []),
  ];
}

function bodyLines(spec, title) {
  const lines = attributeTable(spec.attributes);
  for (const set of spec.exactlyOne ?? []) {
    lines.push(`Exactly one of ${set.map(code).join(', ')}.`, '');
  }
  for (const [a, b] of spec.exclusive ?? []) {
    lines.push(`${code(a)} and ${code(b)} exclude one another.`, '');
  }
  for (const [name, nested] of Object.entries(spec.blocks ?? {})) {
    const slot = nested.labels === 'optional-slot' ? ' ["SLOT"]' : '';
    lines.push(`**${title} { ${name}${slot} }** ${nested.doc}`, '', ...laterNote(nested), ...bodyLines(nested, name));
  }
  return lines;
}

function laterNote({ later }) {
  if (later === undefined) {
    return [];
  }
  const word = later.mode === 'refuse' ? 'refused at load' : 'loads with a warning';
  return [`**Not available yet** (${word}): ${later.until}.`, ''];
}

function attributeTable(attributes) {
  const rows = Object.entries(attributes).map(([name, spec]) => [
    code(name),
    typeText(spec.type),
    defaultText(spec),
    [spec.doc, ...laterNote(spec).filter((line) => line !== '')].join(' '),
  ]);
  return rows.length === 0 ? [] : table(['attribute', 'type', 'default', 'meaning'], rows);
}

function defaultText(spec) {
  if (spec.required === true) {
    return 'required';
  }
  if (spec.defaultText !== undefined) {
    return spec.defaultText;
  }
  return spec.default === undefined || spec.default === null ? 'none' : code(JSON.stringify(spec.default));
}

function typeText(type) {
  switch (type.kind) {
    case 'string':
      return type.secret === true ? 'secret string' : (type.form ?? 'string');
    case 'int':
      return type.min === undefined ? 'int' : `int ${type.min} to ${type.max ?? '…'}`;
    case 'enum':
      return type.words.map(code).join(', ');
    case 'ref':
      return `reference to ${type.types === undefined ? type.to : type.types.join(' or ')}`;
    case 'list':
      return `list of ${typeText(type.of)}`;
    case 'map':
      return 'object of strings';
    case 'condition':
      return 'CEL condition';
    case 'other-family':
      return 'model family, `"agent"` or llm_approver';
    case 'profile-credential':
      return 'credential, or `{ credential = …, … }`';
    default:
      return type.kind;
  }
}

// Facts.

function facts() {
  const lines = [
    '## Facts',
    '',
    'What a condition may read. A value that cannot be determined is *unknown*, never guessed;',
    'a rule that needs an unknown fact cannot tell, and denies.',
    '',
  ];
  const common = [...(factSchemas.get('sql')?.facts.values() ?? [])].filter(({ name }) => !name.startsWith('sql.'));
  const commonNames = new Set(common.map(({ name }) => name));
  lines.push('### Every family', '', ...factTable(common));
  for (const [family, schema] of factSchemas) {
    const own = [...schema.facts.values()].filter(
      ({ name }) => !commonNames.has(name) && (family !== 'k8s' || name.startsWith('k8s.')),
    );
    const note = family === 'k8s' ? ['A Kubernetes rule also reads the `http` facts.', ''] : [];
    lines.push(`### Family ${family}`, '', ...note, ...factTable(own));
  }
  return lines;
}

function factTable(definitions) {
  const rows = definitions.map(({ name, type, chosenBy, doc, values }) => [
    code(name),
    factType(type),
    chosenBy,
    values === undefined ? doc : `${doc}. One of ${values.map(code).join(' ')}`,
  ]);
  return table(['fact', 'type', 'chosen by', 'meaning'], rows);
}

function factType(type) {
  switch (type.kind) {
    case 'list':
      return `list(${factType(type.of)})`;
    case 'map':
      return `map(string, ${factType(type.of)})`;
    case 'record':
      return `record(${Object.keys(type.fields).join(', ')})`;
    default:
      return type.kind;
  }
}

// Verbs.

async function commandLine() {
  const lines = [
    '## Command line',
    '',
    'Every verb takes `--help`, and every verb that prints takes `--json` and `--no-color`. Exit codes: 0 done, or the answer',
    'is yes; 1 the answer is no; 2 usage, or a configuration, file or fixture that cannot be read; 3 the gateway cannot be',
    'reached; 4 not authorised; 5 a wait ran out.',
    '',
  ];
  for (const load of Object.values(VERBS)) {
    const { command } = await load();
    const verbs =
      'verbs' in command ? command.verbs.map((verb) => ({ ...verb, name: `${command.name} ${verb.name}` })) : [command];
    for (const verb of verbs) {
      const operands = (verb.operands ?? []).map(([notation]) => ` ${notation}`).join('');
      lines.push(
        `### ${verb.name}${operands.replaceAll('<', '').replaceAll('>', '').toUpperCase()}`,
        '',
        `${verb.summary}.`,
        '',
      );
      const rows = [...(verb.operands ?? []), ...(verb.options ?? [])].map(([notation, meaning]) => [
        code(notation),
        meaning,
      ]);
      lines.push(...(rows.length === 0 ? [] : table(['argument', 'meaning'], rows)));
    }
  }
  return lines;
}

// Errors and records.

function errorCodes() {
  const rows = Object.entries(ERROR_CODES).map(([name, meaning]) => [code(name), meaning]);
  return [
    '## Error codes',
    '',
    'In logs and in the records of refused connections.',
    '',
    ...table(['code', 'meaning'], rows),
  ];
}

/** The keys of a record as the operator API gives it, with the comments that stand over them. */
function auditRecord() {
  const source = readFileSync('src/client/control-shapes.ts', 'utf8');
  const body = /export interface RecordJson \{\n([\s\S]*?)\n\}/.exec(source)?.[1] ?? '';
  const keys = [...body.matchAll(/readonly (\w+): ([^;]+);/g)].map(([, name, type]) => [code(name), type]);
  return [
    '## Audit record',
    '',
    'Keys of a record in `audit search --json`, `audit show --json` and `audit export`.',
    '',
    ...table(['key', 'type'], keys),
  ];
}
