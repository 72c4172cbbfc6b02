// clawpatrol audit: reading, checking and exporting the log. Reading goes through the gateway; `verify --store` and
// `--archive` need none.
import { createWriteStream } from 'node:fs';
import { once } from 'node:events';
import type { AuditQuery } from '../client/control-client.ts';
import type { AuditFilterJson, RecordJson } from '../client/control-shapes.ts';
import { AUDIT_FILTERS } from '../client/control-shapes.ts';
import { fileTrouble } from '../lib/errors.ts';
import { FAMILIES, RISKS } from '../rules/action.ts';
import { DECISION_KINDS } from '../rules/decision.ts';
import { CliError, EXIT, flag, intOption, runCommand, textOption, wordOption } from './command.ts';
import type { Call, Noun, Verb } from './command.ts';
import { connect, GATEWAY_OPTIONS } from './control.ts';
import { verify } from './audit-verify.ts';
import { AUDIT_HEADINGS, recordLines, recordRow } from './audit-text.ts';
import { chainLines } from './chain-text.ts';
import { castEvents, castText, harmless } from './replay.ts';
import { hintAtFilter } from './empty-list.ts';
import type { Io } from './io.ts';

const FILTERS: readonly (readonly [string, string])[] = [
  ['--since <time>', 'RFC 3339, or a duration back from now such as 2h'],
  ['--until <time>', 'RFC 3339, or a duration back from now'],
  ['--device <device>', 'device, or listener/NAME'],
  ['--profile <profile>', 'profile'],
  ['--endpoint <endpoint>', 'endpoint, typed or bare'],
  ['--family <family>', 'sql, http, k8s or ssh'],
  ['--rule <rule>', 'deciding rule'],
  ['--verdict <verdict>', 'allow, deny or approve'],
  ['--risk <risk>', 'safe, suspicious or destructive'],
  ['--by <who>', 'who acted: rule, risk, local, an operator'],
  ['--table <table>', 'a table that the statement names'],
  ['--action <id>', 'id of an action, or a prefix of 8 characters or more'],
  ['--text <text>', 'a part of the text or summary, in any case'],
  ['--types <types>', 'kinds of record, separated by commas, for example action.decided'],
];

/** What these have no other value than: a misspelt one would find nothing, which reads as if nothing had happened. */
const WORDS = {
  family: FAMILIES,
  verdict: DECISION_KINDS,
  risk: RISKS,
} as const;

function filterOf(call: Call): AuditFilterJson {
  for (const [name, words] of Object.entries(WORDS)) {
    wordOption(call, name, words);
  }
  const given = AUDIT_FILTERS.map((key) => [key, textOption(call, key)] as const);
  return Object.fromEntries(given.filter(([, value]) => value !== null));
}

function printRecords(call: Call, records: readonly RecordJson[]): void {
  call.out.table(AUDIT_HEADINGS, records.map(recordRow));
}

async function tail(call: Call): Promise<number> {
  const client = await connect(call);
  const filter = filterOf(call);
  const limit = intOption(call, 'n', 0, 1000) ?? 20;
  const stop = new AbortController();
  // Following begins before the past is read, so that nothing falls between the two.
  const followed = flag(call, 'f') ? client.audit.follow(filter, stop.signal)[Symbol.asyncIterator]() : null;
  const first = followed?.next();
  // An error is thrown where it is awaited below; until then it is not an unhandled one.
  first?.catch(() => {});
  const past = limit === 0 ? [] : (await client.audit.search({ ...filter, limit, order: 'newest' })).items.toReversed();
  if (call.out.json) {
    past.forEach((record) => call.out.object(record));
  } else {
    printRecords(call, past);
  }
  if (followed === null) {
    return EXIT.ok;
  }
  const undo = call.io.onSignal('SIGINT', () => stop.abort());
  try {
    const seen = past.at(-1)?.seq ?? 0;
    for (let next = await first; next !== undefined && next.done !== true; next = await followed.next()) {
      if (next.value.seq > seen) {
        printFollowed(call, next.value);
        await call.out.ready();
      }
    }
  } finally {
    undo();
  }
  return EXIT.ok;
}

/** One record without headings, also on a terminal. */
function printFollowed(call: Call, record: RecordJson): void {
  if (call.out.json) {
    call.out.object(record);
  } else {
    call.out.row(recordRow(record));
  }
}

async function search(call: Call): Promise<number> {
  const client = await connect(call);
  const cursor = textOption(call, 'cursor');
  const query: AuditQuery = {
    ...filterOf(call),
    limit: intOption(call, 'limit', 1, 10_000) ?? 100,
    ...(cursor === null ? {} : { cursor }),
  };
  const page = await client.audit.search(query);
  if (call.out.json) {
    call.out.object(page);
  } else {
    printRecords(call, page.items);
    if (page.next !== null) {
      call.out.complain(`more: --cursor ${page.next}`);
    }
    if (page.items.length === 0) {
      await hintAtFilter(call, client, query);
    }
  }
  return page.items.length === 0 ? EXIT.no : EXIT.ok;
}

async function show(call: Call): Promise<number> {
  const page = await (await connect(call)).audit.show(call.operands[0] ?? '');
  if (call.out.json) {
    call.out.object(page);
  } else {
    page.items.forEach((record, index) => {
      if (index > 0) {
        call.out.line('');
      }
      recordLines(record).forEach((text) => call.out.line(text));
    });
  }
  return page.items.length === 0 ? EXIT.no : EXIT.ok;
}

/** Longer silences are shortened to this. */
const MAX_IDLE_MS = 2_000;

/** Shows what a recorded session showed, with its pauses. */
async function replay(call: Call): Promise<number> {
  const { items } = await (await connect(call)).audit.show(call.operands[0] ?? '');
  const text = castText(items);
  if (text === '') {
    throw new CliError('not_found', EXIT.no, 'nothing was recorded of this action');
  }
  if (flag(call, 'cast') || call.out.json) {
    call.io.stdout.write(text);
    return EXIT.ok;
  }
  const speed = intOption(call, 'speed', 1, 1000) ?? 1;
  let shown = 0;
  for (const event of castEvents(text)) {
    if (event.kind === 'o') {
      const pauseMs = Math.min(((event.seconds - shown) * 1000) / speed, MAX_IDLE_MS);
      shown = event.seconds;
      if (pauseMs > 0) {
        await call.io.sleep(pauseMs);
      }
      call.io.stdout.write(harmless(event.text));
    }
  }
  // Colours end here, whatever the session left behind.
  call.io.stdout.write('\u001b[0m\n');
  return EXIT.ok;
}

/** Columns of a terminal that does not say how many it has, and of everything that is no terminal. */
const COLUMNS = 80;
const MIN_COLUMNS = 40;

async function chain(call: Call): Promise<number> {
  const found = await (await connect(call)).audit.chain(call.operands[0] ?? '');
  if (call.out.json) {
    call.out.object(found);
    return EXIT.ok;
  }
  const columns = Math.max(MIN_COLUMNS, call.io.stdout.columns ?? COLUMNS);
  chainLines(found, columns).forEach((text) => call.out.line(text));
  if (found.cut) {
    call.out.complain('cut: there is more than is told here; audit search has all of it');
  }
  return EXIT.ok;
}

async function exportRecords(call: Call): Promise<number> {
  const format = wordOption(call, 'format', ['jsonl', 'csv']) ?? 'jsonl';
  const bundle = flag(call, 'bundle');
  if (bundle && format === 'csv') {
    throw new CliError('usage', EXIT.usage, 'a bundle is JSON lines: leave --format csv out');
  }
  const client = await connect(call);
  const path = textOption(call, 'out');
  const pieces = client.audit.export(filterOf(call), { format, bundle });
  const target = path === null ? call.io.stdout : createWriteStream(path, { mode: 0o600 });
  if (path !== null) {
    await opened(target, path);
  }
  for await (const piece of pieces) {
    if (!target.write(piece)) {
      await once(target, 'drain');
    }
  }
  if (path !== null) {
    target.end();
    await once(target, 'finish');
    call.out.complain(`written to ${path}`);
  }
  return EXIT.ok;
}

async function opened(target: NodeJS.WritableStream, path: string): Promise<void> {
  try {
    await once(target, 'open');
  } catch (error) {
    throw new CliError('unwritable', EXIT.usage, `cannot write ${path}: ${fileTrouble(error)}`);
  }
}

const verifyVerb: Verb = {
  name: 'verify',
  summary: 'check the hash chain and the signed checkpoints',
  options: [
    ['--from <seq>', 'first record'],
    ['--to <seq>', 'last record'],
    ['--store <path>', 'a database file, or what export --bundle wrote, without a gateway'],
    ['--archive <dir>', 'a folder of sealed segments, without a gateway'],
    ['--public-key <file>', 'checkpoint key to trust instead of the one in the store'],
    ['--checkpoints <file>', 'published checkpoints, which show a truncated log'],
    ...GATEWAY_OPTIONS,
  ],
  act: verify,
};

export const command: Noun = {
  name: 'audit',
  summary: 'read, check and export the log',
  verbs: [
    {
      name: 'tail',
      summary: 'the newest records, and with -f those that follow',
      options: [
        ['-n <n>', 'so many of the past (default 20)'],
        ['-f', 'go on with what happens'],
        ...FILTERS,
        ...GATEWAY_OPTIONS,
      ],
      act: tail,
    },
    {
      name: 'search',
      summary: 'records that fit every filter, newest first',
      options: [
        ...FILTERS,
        ['--limit <n>', 'at most so many (default 100)'],
        ['--cursor <cursor>', 'go on where a page ended'],
        ...GATEWAY_OPTIONS,
      ],
      examples: ['audit search --verdict deny --since 24h', 'audit search --endpoint shop --table logs --json'],
      act: search,
    },
    {
      name: 'show',
      summary: 'every record of an action, or one record',
      operands: [['<id>', 'id of an action (or a prefix of 8 characters or more), or a sequence number']],
      options: GATEWAY_OPTIONS,
      act: show,
    },
    {
      name: 'chain',
      summary: 'what led to what: the tree of an incident, a task, a W3C trace or an action, across agents',
      operands: [
        [
          '<id>',
          'id of an incident, a task, a trace (or its traceparent), or an action (or a prefix of 8 characters or more)',
        ],
      ],
      options: GATEWAY_OPTIONS,
      act: chain,
    },
    {
      name: 'replay',
      summary: 'a recorded interactive session in the terminal',
      operands: [['<id>', 'id of the action that was recorded']],
      options: [
        ['--speed <n>', 'so many times as fast (default 1)'],
        ['--cast', 'print the recording itself, asciicast version 2'],
        ...GATEWAY_OPTIONS,
      ],
      act: replay,
    },
    verifyVerb,
    {
      name: 'export',
      summary: 'records as JSON lines or CSV',
      options: [
        ...FILTERS,
        ['--format <format>', 'jsonl (default) or csv'],
        ['--out <file>', 'write to a file (0600) instead of standard output'],
        ['--bundle', 'with checkpoints and public key, so that it can be verified elsewhere'],
        ...GATEWAY_OPTIONS,
      ],
      examples: [
        'audit export --since 720h --format csv --out november.csv',
        'audit export --bundle --out incident.jsonl    # then, anywhere: audit verify --store incident.jsonl',
      ],
      act: exportRecords,
    },
  ],
};

/** Runs the verb. */
export function run(args: readonly string[], io: Io): Promise<number> {
  return runCommand(command, args, io);
}
