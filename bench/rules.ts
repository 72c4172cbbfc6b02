// Rules: what 10, 100 and 1,000 of them cost on a statement whose verdict is remembered (the gate), and on one that must be walked.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadConfig } from '../src/config/load.ts';
import { recordFacts } from '../src/rules/facts.ts';
import type { Action } from '../src/rules/action.ts';
import type { RuleSet } from '../src/rules/decision.ts';
import { factSchemas } from '../src/rules/schemas.ts';
import { table } from './parts.ts';
import { benchConfig, benchRules } from './postgres.ts';

/** A select's facts: declared ones are neutral unless said here. */
function selectAction(): Action {
  const neutral = [...(factSchemas.get('sql')?.facts.values() ?? [])].map((fact) => {
    const value = {
      string: '',
      int: 0n,
      double: 0,
      bool: false,
      timestamp: new Date(0),
      dyn: {},
      list: [],
      map: new Map(),
      record: {},
    }[fact.type.kind];
    return [fact.name, value] as const;
  });
  const facts = recordFacts({
    ...Object.fromEntries(neutral),
    'sql.verb': 'select',
    'sql.tables': ['pgbench_accounts', 'public.pgbench_accounts'],
    'sql.functions': [],
    risk: 'safe',
  });
  return {
    id: 'a',
    session: 's',
    agent: { device: 'd', profile: 'bench', run: '', user: '', ip: '127.0.0.1', transport: 'direct' },
    endpoint: { name: 'bench', type: 'postgres', ref: 'postgres.bench', family: 'sql', host: '127.0.0.1' },
    family: 'sql',
    credential: 'postgres_credential.bench',
    units: [{ facts, risk: 'safe', riskCauses: [], riskReason: '', unreadable: false }],
    risk: 'safe',
    summary: '',
    evidence: { text: '', parameters: [], sizeBytes: 0, complete: true, digest: () => '' },
    phase: 'execute',
    refused: null,
    memo: {},
  };
}

async function ruleSetOf(count: number): Promise<RuleSet> {
  const folder = mkdtempSync(join(tmpdir(), 'clawpatrol-bench-'));
  const path = join(folder, 'gateway.hcl');
  writeFileSync(path, benchConfig(5432, benchRules(count)));
  const loaded = await loadConfig(path);
  rmSync(folder, { recursive: true });
  if (loaded.policy === null) {
    throw new Error(JSON.stringify(loaded.diagnostics));
  }
  return loaded.policy.ruleSet('postgres.bench', 'bench', 'postgres_credential.bench');
}

/** Prints microseconds a decision. */
export async function benchRulesScale(count: number): Promise<void> {
  const rows: string[][] = [];
  const action = selectAction();
  const common = { nowMs: 0, incident: '', alert: new Map<string, string>(), reason: '' };
  let tenUs = 0;
  for (const rules of [10, 100, 1000]) {
    const set = await ruleSetOf(rules);
    const time = (rounds: number): number => {
      const startedMs = performance.now();
      for (let index = 0; index < rounds; index += 1) {
        set.decide(action, common);
      }
      return ((performance.now() - startedMs) * 1000) / rounds;
    };
    time(Math.ceil(count / 5));
    const us = time(count);
    tenUs = rules === 10 ? us : tenUs;
    rows.push([String(rules), us.toFixed(2), (us / tenUs).toFixed(2)]);
  }
  process.stdout.write(`${table(['rules', 'µs a walk', '÷ 10 rules'], rows)}\n`);
  process.stdout.write(
    '\nA repeated statement is not walked: its verdict is remembered, whatever the number of rules (see the gate part).\n',
  );
}
