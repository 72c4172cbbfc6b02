// clawpatrol reviewer eval: a labelled set against a configured reviewer model. It calls the model, and nothing else of the gateway runs.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { evaluate, LABELS, readCases, type Evaluation } from '../approvals/evaluation.ts';
import type { Config, LlmApproverConfig } from '../config/config.ts';
import { createSecretSources } from '../credentials/sources.ts';
import { createDial } from '../gateway/dialling/dial.ts';
import { createReviewers } from '../gateway/reviewers/reviewers.ts';
import { systemClock } from '../lib/clock.ts';
import { messageOf } from '../lib/errors.ts';
import { visible } from '../lib/text.ts';
import { CliError, EXIT, intOption, runCommand } from './command.ts';
import type { Call, Noun } from './command.ts';
import type { Io } from './io.ts';
import { loadForUse } from './load.ts';
import { align } from './printer.ts';

/** The set that comes with the program, from dist/src/cli. */
const OWN_SET = join(import.meta.dirname, '..', '..', '..', 'test', 'corpus', 'reviewer', 'cases.json');

async function evaluateModel(call: Call): Promise<number> {
  const [path = '', name = '', set = OWN_SET] = call.operands;
  const { config } = await loadForUse(call, path);
  const approver = findReviewer(config, name);
  const cases = readCases(readText(set));
  if (cases === null) {
    throw new CliError('usage', EXIT.usage, `${set} is not a list of labelled cases`);
  }
  const min = intOption(call, 'min', 0, 100);
  const sources = createSecretSources({
    clock: systemClock,
    env: () => call.io.env,
    // The encrypted store is the daemon's; here values come from where the configuration names them.
    store: { find: () => null, has: () => false, list: () => [], set: refuse, remove: () => false },
    warn: (message) => call.out.complain(message),
  });
  const reviewer = createReviewers({
    clock: systemClock,
    live: () => ({ config }),
    dial: createDial({ clock: systemClock, resolver: () => config.gateway.resolver, bound: () => [] }),
    sources,
    // Every case is asked, also when it is much like another.
    likeness: ({ summary }) => summary,
  });
  // A set is put to the model as fast as it answers: its place in the queue counts against no case.
  const patient = { ...approver, timeoutMs: approver.timeoutMs * cases.length, cacheTtlMs: 0 };
  const result = await evaluate(cases, patient, { reviewer, each: () => undefined });
  print(call, approver, result);
  if (result.unreached) {
    call.out.complain(`${approver.ref} answered nothing: it could not be reached, or does not take the credential`);
    return EXIT.unreachable;
  }
  return min !== null && result.accuracy * 100 < min ? EXIT.no : EXIT.ok;
}

function refuse(): never {
  throw new CliError('usage', EXIT.usage, 'nothing is stored here');
}

function findReviewer({ approvers }: Config, name: string): LlmApproverConfig {
  const reviewers = approvers.filter((one): one is LlmApproverConfig => one.type === 'llm_approver');
  const found = name === '' && reviewers.length === 1 ? reviewers[0] : undefined;
  const named = found ?? reviewers.find(({ ref, name: own }) => ref === name || own === name);
  if (named === undefined) {
    const known = reviewers.map(({ ref }) => ref).join(', ') || 'none';
    throw new CliError('usage', EXIT.usage, `no reviewer model is ${JSON.stringify(name)}; configured: ${known}`);
  }
  return named;
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new CliError('usage', EXIT.usage, `cannot read ${path}: ${messageOf(error)}`);
  }
}

function print(call: Call, approver: LlmApproverConfig, result: Evaluation): void {
  if (call.out.json) {
    call.out.object({
      approver: approver.ref,
      model: approver.model,
      accuracy: result.accuracy,
      matrix: result.matrix,
      wrongly_allowed: result.wronglyAllowed,
      input_tokens: result.inputTokens,
      output_tokens: result.outputTokens,
      cost: result.cost,
      median_latency_ms: result.medianLatencyMs,
      cases: result.cases.map(({ latencyMs, ...one }) => ({ ...one, latency_ms: latencyMs })),
    });
    return;
  }
  const answers = [...LABELS, 'failed'] as const;
  const rows = [
    ['expected', ...answers],
    ...LABELS.map((label) => [label, ...answers.map((answer) => String(result.matrix[label][answer]))]),
  ];
  call.out.line(`${approver.ref}, ${visible(approver.model)}: ${result.cases.length} cases`);
  call.out.line('');
  align(rows).forEach((line) => call.out.line(line));
  call.out.line('');
  call.out.line(`as expected: ${(result.accuracy * 100).toFixed(1)} %`);
  call.out.line(`wrongly allowed: ${result.wronglyAllowed.length}`);
  result.wronglyAllowed.forEach((name) => call.out.line(`  ${visible(name)}`));
  result.cases
    .filter(({ answered }) => answered === 'failed')
    .slice(0, 5)
    .forEach(({ name, trouble }) => call.out.line(`  no answer: ${visible(name)} (${visible(trouble)})`));
  const cost = result.cost === null ? 'no price configured' : `$${result.cost.toFixed(4)}`;
  call.out.line(
    `${result.inputTokens} tokens in, ${result.outputTokens} out, ${cost}; median ${result.medianLatencyMs} ms`,
  );
}

export const command: Noun = {
  name: 'reviewer',
  summary: 'measure a configured reviewer model',
  verbs: [
    {
      name: 'eval',
      summary: 'put a labelled set to the model and print where it agrees: a confusion matrix, cost, latency',
      operands: [
        ['<config>', 'configuration with the approver'],
        ['[approver]', 'name of the llm_approver; may be left out when there is one'],
        ['[set]', 'file of labelled cases; left out: the set that comes with the program'],
      ],
      options: [['--min <percent>', 'exit with 1 when fewer answers are as expected; 3: the model could not be asked']],
      act: evaluateModel,
    },
  ],
};

/** Runs the verb. */
export function run(args: readonly string[], io: Io): Promise<number> {
  return runCommand(command, args, io);
}
