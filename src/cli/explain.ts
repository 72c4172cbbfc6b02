// clawpatrol explain: one action, and why it is decided so; with --jsonl a coprocess that judges a line at a time.
import { judgeOffline } from '../gateway/judging/offline.ts';
import type { Judged, OfflineParts, Unclaimed } from '../gateway/judging/offline.ts';
import { BadSample, parseAction } from '../gateway/judging/sample.ts';
import { protocols } from '../protocols/all.ts';
import { DECISION_KINDS } from '../rules/decision.ts';
import { CliError, EXIT, flag, runCommand, wordOption } from './command.ts';
import type { Call, Verb } from './command.ts';
import { explainBatch } from './explain-batch.ts';
import { explainLines } from './explain-text.ts';
import { describeAction } from './explain-flags.ts';
import type { Io } from './io.ts';
import { judgementJson, rulesJson } from './judgement.ts';
import { loadForUse } from './load.ts';

async function explain(call: Call): Promise<number> {
  const expected = wordOption(call, 'expect', DECISION_KINDS);
  if (flag(call, 'jsonl')) {
    refuseBesideLines(call);
    const parts = await loadParts(call);
    return explainBatch(call, parts);
  }
  const described = await describeAction(call);
  const judged = await judge(await loadParts(call), described);
  const found = judgementJson(judged);
  if (call.out.json) {
    const rules = judged.kind === 'judged' ? rulesJson(judged.trace) : [];
    call.out.object({ id: 1, ...found, rules });
  } else {
    explainLines(judged, call.out).forEach((text) => call.out.line(text));
  }
  if (expected !== null && expected !== found.verdict) {
    call.out.complain(`expected ${expected}, got ${found.verdict}`);
    return EXIT.no;
  }
  return EXIT.ok;
}

/** Each line says all of its action; a flag that changed nothing would be a surprise. */
function refuseBesideLines({ options }: Call): void {
  const ignored = Object.entries(options).find(
    ([name, value]) =>
      !['jsonl', 'json', 'color'].includes(name) && (Array.isArray(value) ? value.length > 0 : value !== undefined),
  );
  if (ignored !== undefined) {
    const flags = ignored[0].replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
    throw new CliError('usage', EXIT.usage, `--${flags} does nothing beside --jsonl: each line says what is judged`);
  }
}

async function loadParts(call: Call): Promise<OfflineParts> {
  const { config, policy } = await loadForUse(call, call.operands[0] ?? '');
  return { config, policy, protocols };
}

async function judge(parts: OfflineParts, described: Readonly<Record<string, unknown>>): Promise<Judged | Unclaimed> {
  try {
    return await judgeOffline(parts, parseAction(described, true));
  } catch (error) {
    throw error instanceof BadSample ? new CliError(error.code, EXIT.usage, error.message) : error;
  }
}

export const command: Verb = {
  name: 'explain',
  summary: 'judge one described action and say why; --jsonl judges a stream of them',
  operands: [['<config>', 'a file, or a folder of *.hcl files']],
  options: [
    ['--endpoint <endpoint>', 'endpoint, typed or bare'],
    ['--host <host>', 'host or host:port instead of the endpoint'],
    ['--sql <text>', 'a SQL text; - reads it from standard input'],
    ['--http <request>', "'METHOD URL'"],
    ['--k8s <request>', "'METHOD /path?query'"],
    ['--ssh <verb>', 'exec, shell, subsystem, forward, …'],
    ['--database <name>', 'database of the connection, with --sql'],
    ['--header <name:value>', 'a header, repeatable, with --http and --k8s'],
    ['--body <file>', 'request body from a file, or - for standard input'],
    ['--command <text>', 'with --ssh'],
    ['--subsystem <name>', 'with --ssh'],
    ['--forward <host:port>', 'with --ssh'],
    ['--user <name>', 'with --ssh'],
    ['--stdin <file>', 'what is piped into the command, from a file or -, with --ssh'],
    ['--profile <profile>', 'profile of the agent (default: the only one that reaches the endpoint)'],
    ['--credential <credential>', 'credential that was dispatched (default: the only candidate)'],
    ['--agent-ip <ip>', 'source address (default: unknown)'],
    ['--expect <verdict>', 'allow, deny or approve: exit 1 when it is something else'],
    ['--jsonl', 'read one action object a line on standard input, write one answer a line'],
  ],
  repeatable: ['header'],
  examples: [
    `explain gateway.hcl --endpoint postgres.shop --sql "DELETE FROM logs"`,
    `explain gateway.hcl --http 'POST https://api.example.com/v1/refunds' --header 'content-type: application/json' --body refund.json`,
    `explain gateway.hcl --endpoint cluster --k8s 'DELETE /api/v1/namespaces/shop/pods/web-0'`,
    `explain gateway.hcl --endpoint bastion --ssh exec --command 'df -h' --expect allow`,
  ],
  act: explain,
};

/** Runs the verb. */
export function run(args: readonly string[], io: Io): Promise<number> {
  return runCommand(command, args, io);
}
