// The text of `explain`: the action, where it goes, what is known about it, how risky it is, every rule that was
// walked, and the word (config reference 6.6, in that order).
import type { Judged, Unclaimed } from '../gateway/judging/offline.ts';
import { shorten, visible } from '../lib/text.ts';
import type { RuleTrace } from '../rules/decision.ts';
import { factTable } from './judgement.ts';
import { align } from './printer.ts';
import type { Colour, Printer } from './printer.ts';

const COLOURS: Readonly<Record<string, Colour>> = {
  allow: 'green',
  deny: 'red',
  approve: 'yellow',
  safe: 'green',
  suspicious: 'yellow',
  destructive: 'red',
};

const RESULTS: Readonly<Record<RuleTrace['result'], string>> = {
  yes: 'yes',
  no: 'no',
  'cannot-tell': 'cannot tell',
  disabled: 'disabled',
  'other-credential': 'pinned to another credential',
};

/** Lines for people. */
export function explainLines(judged: Judged | Unclaimed, out: Printer): string[] {
  if (judged.kind === 'unclaimed') {
    return [`host      ${visible(judged.host)}`, `verdict   ${judged.verdict}`, `reason    ${visible(judged.reason)}`];
  }
  const paint = (word: string): string => out.paint(COLOURS[word] ?? 'bold', word);
  const { action, decision, endpoint } = judged;
  const credential = judged.credential === null ? 'no credential' : `credential ${judged.credential}`;
  const profile = judged.profile === '' ? 'profile unknown' : `profile ${judged.profile}`;
  return [
    `action    ${visible(action.summary)}`,
    `endpoint  ${endpoint.ref} (${endpoint.family}), ${profile}, ${credential}`,
    ...factLines(judged),
    ...riskLines(judged, paint),
    ...ruleLines(judged, out),
    `verdict   ${paint(decision.kind)}${decision.by === 'cannot-tell' ? ' (cannot tell)' : ''}`,
    ...(decision.approvers.length === 0 ? [] : [`approvers ${decision.approvers.join(', ')}`]),
    ...(decision.reason === '' ? [] : [`reason    ${visible(decision.reason)}`]),
  ];
}

/** Which statement of several a line is about; nothing when there is one. */
function statementTitle(judged: Judged, index: number): string {
  const text = judged.units[index]?.unit.facts.get('sql.statement');
  const shown = typeof text === 'string' ? `: ${shorten(visible(text), 60)}` : '';
  return judged.units.length < 2 ? '' : ` ${index + 1} of ${judged.units.length}${shown}`;
}

function factLines(judged: Judged): string[] {
  return judged.units.flatMap(({ unit }, index) => {
    const { rows, empty } = factTable(unit, judged.action.family);
    return [
      `facts${statementTitle(judged, index)}`,
      ...align(rows).map((line) => `  ${visible(line)}`),
      ...(empty === 0 ? [] : [`  (${empty} more are empty; --json has all)`]),
    ];
  });
}

function riskLines(judged: Judged, paint: (word: string) => string): string[] {
  return judged.units.map(({ unit }, index) => {
    const why = unit.riskReason === '' ? '' : `: ${visible(unit.riskReason)}`;
    return `risk${statementTitle(judged, index).replace(/:.*$/s, '')}`.padEnd(9) + ` ${paint(unit.risk)}${why}`;
  });
}

function ruleLines(judged: Judged, out: Printer): string[] {
  if (judged.trace.length === 0) {
    return ['rules     none for this endpoint'];
  }
  const rows = judged.trace.map((step) => {
    const cause = step.cause === '' ? '' : ` (${step.cause})`;
    const statement = judged.units.length < 2 ? [] : [`#${step.unit + 1}`];
    return [
      ...statement,
      String(step.priority),
      step.rule,
      `${step.file}:${step.line}`,
      `${RESULTS[step.result]}${cause}`,
    ];
  });
  return [
    'rules',
    ...align(rows).map((line, index) => {
      const text = `  ${visible(line)}`;
      return judged.trace[index]?.result === 'no' ? out.paint('dim', text) : text;
    }),
  ];
}
