// clawpatrol test: replays fixtures against a configuration, with the code of the live path.
import { readFile, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { judgeOffline } from '../gateway/judging/offline.ts';
import type { OfflineParts } from '../gateway/judging/offline.ts';
import { BadSample, parseFixture } from '../gateway/judging/sample.ts';
import type { Expectation } from '../gateway/judging/sample.ts';
import { fileTrouble, messageOf } from '../lib/errors.ts';
import { visible } from '../lib/text.ts';
import { protocols } from '../protocols/all.ts';
import { CliError, EXIT, flag, runCommand } from './command.ts';
import type { Call, Verb } from './command.ts';
import type { Io } from './io.ts';
import { judgementJson, whyText } from './judgement.ts';
import { loadForUse } from './load.ts';

/** A fixture is a description of one action; one that is larger is a mistake. */
const MAX_FIXTURE_BYTES = 16 * 1024 * 1024;

/** What is compared, by key; a key that a fixture leaves out is left out of both sides, except the first three. */
type Outcome = Readonly<Record<string, string | null | readonly string[]>>;

interface Result {
  readonly path: string;
  readonly ok: boolean;
  readonly want: Outcome | null;
  readonly got: Outcome | null;
  /** What decided. */
  readonly reason: string | null;
  /** Why the fixture could not be replayed. */
  readonly error: string | null;
}

async function test(call: Call): Promise<number> {
  const [configPath = '', fixturesPath = ''] = call.operands;
  const paths = await listFixtures(fixturesPath, flag(call, 'r'));
  const { config, policy } = await loadForUse(call, configPath);
  const parts: OfflineParts = { config, policy, protocols };
  const results: Result[] = [];
  for (const path of paths) {
    results.push(await replay(parts, path));
  }
  const mismatches = results.filter((result) => !result.ok).length;
  if (call.out.json) {
    call.out.object({ checked: results.length, mismatches, results });
  } else {
    results.filter((result) => !result.ok || !flag(call, 'q')).forEach((result) => print(call, result));
    call.out.line(`${results.length} action(s) checked, ${mismatches} mismatch(es)`);
  }
  return mismatches === 0 ? EXIT.ok : EXIT.no;
}

/** The file, or the `*.json` of a folder by name. */
async function listFixtures(path: string, recursive: boolean): Promise<string[]> {
  let paths: string[];
  try {
    if ((await stat(path)).isDirectory()) {
      const names = await readdir(path, { recursive });
      paths = names
        .filter((name) => name.endsWith('.json'))
        .toSorted()
        .map((name) => join(path, name));
    } else {
      paths = [path];
    }
  } catch (error) {
    throw new CliError('fixtures', EXIT.usage, `fixtures cannot be read: ${path}: ${fileTrouble(error)}`);
  }
  if (paths.length === 0) {
    throw new CliError(
      'fixtures',
      EXIT.usage,
      `${path} holds no *.json fixture${recursive ? '' : '; -r also looks below it'}`,
    );
  }
  return paths;
}

async function replay(parts: OfflineParts, path: string): Promise<Result> {
  try {
    const text = await readFile(path, 'utf8');
    if (text.length > MAX_FIXTURE_BYTES) {
      throw new BadSample('the file is too large for a fixture', 'too-long');
    }
    const { action, match } = parseFixture(text);
    const judged = await judgeOffline(parts, action);
    const { verdict, rule, endpoint, risk, approvers, unknown } = judgementJson(judged);
    const found: Outcome = { verdict, rule, endpoint, risk, approvers, unknown };
    const want = wanted(parts, match);
    const keys = new Set(['verdict', 'rule', 'endpoint', ...Object.keys(want)]);
    const got = Object.fromEntries(Object.entries(found).filter(([key]) => keys.has(key)));
    return { path, ok: agrees(want, got), want, got, reason: whyText(judged), error: null };
  } catch (error) {
    return { path, ok: false, want: null, got: null, reason: null, error: messageOf(error) };
  }
}

function wanted({ config }: OfflineParts, match: Expectation): Outcome {
  const { verdict, rule, risk, approvers, unknown } = match;
  const named = config.endpoints.find(({ ref, name }) => ref === match.endpoint || name === match.endpoint);
  return {
    verdict,
    rule,
    ...(match.endpoint === null ? {} : { endpoint: named?.ref ?? match.endpoint }),
    ...(risk === null ? {} : { risk }),
    ...(approvers === null ? {} : { approvers }),
    ...(unknown === null ? {} : { unknown: unknown.toSorted() }),
  };
}

function agrees(want: Outcome, got: Outcome): boolean {
  return Object.entries(want).every(
    ([key, value]) => (key === 'rule' && value === '*') || JSON.stringify(value) === JSON.stringify(got[key]),
  );
}

function print(call: Call, result: Result): void {
  const { out } = call;
  if (result.ok) {
    out.line(`${out.paint('green', 'ok')}   ${result.path}`);
    return;
  }
  const failed = out.paint('red', 'FAIL');
  if (result.want === null || result.got === null) {
    out.line(`${failed} ${result.path}: ${visible(result.error ?? '')}`);
    return;
  }
  out.line(`${failed} ${result.path}`);
  out.line(`  want ${outcomeText(result.want)}`);
  out.line(`  got  ${outcomeText(result.got)}`);
  out.line(`  why  ${visible(result.reason ?? '')}`);
}

function outcomeText(outcome: Outcome): string {
  return Object.entries(outcome)
    .map(([key, value]) => `${key}=${typeof value === 'string' ? value : (value ?? []).join(',')}`)
    .join(' ');
}

export const command: Verb = {
  name: 'test',
  summary: 'replay fixtures against a configuration',
  operands: [
    ['<config>', 'a file, or a folder of *.hcl files'],
    ['<fixtures>', 'a fixture, or a folder of *.json fixtures'],
  ],
  options: [
    ['-r', 'look for fixtures in folders below, too'],
    ['-q', 'print only failures and the closing line'],
  ],
  examples: ['test gateway.hcl fixtures', 'test examples/quickstart examples/quickstart/fixtures/drop-orders.json'],
  act: test,
};

/** Runs the verb. */
export function run(args: readonly string[], io: Io): Promise<number> {
  return runCommand(command, args, io);
}
