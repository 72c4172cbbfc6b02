// clawpatrol lint: validate, and then what a reviewer would ask.
import type { Config } from '../config/config.ts';
import { lintConfig } from '../config/lint.ts';
import { loadConfig } from '../config/load.ts';
import { lintPolicy } from '../rules/lint.ts';
import { factSchemas } from '../rules/schemas.ts';
import { CliError, EXIT, runCommand, textOption } from './command.ts';
import type { Call, Verb } from './command.ts';
import { diagnosticJson } from '../dashboard/shapes.ts';
import { nearest, orKnown } from '../lib/text.ts';
import type { Io } from './io.ts';
import { reportFindings } from './validate.ts';

async function lint(call: Call): Promise<number> {
  const path = call.operands[0] ?? '';
  const only = codes(call, 'only');
  const except = codes(call, 'except');
  const { config, diagnostics, unreadable } = await loadConfig(path);
  if (unreadable !== null) {
    throw new CliError('unreadable', EXIT.usage, unreadable);
  }
  const found =
    config === null
      ? []
      : [...lintPolicy(asMetBy(config, textOption(call, 'profile')), factSchemas), ...lintConfig(config)];
  const shown = [...diagnostics, ...found]
    .filter(
      ({ code, severity }) => severity === 'error' || ((only === null || only.has(code)) && except?.has(code) !== true),
    )
    .map(diagnosticJson);
  return reportFindings(call, { path, config, diagnostics: shown, strict: true });
}

/** The configuration with only the rules, each only on the endpoints, that agents of the profile meet. */
function asMetBy(config: Config, profile: string | null): Config {
  if (profile === null) {
    return config;
  }
  const wanted = profile.replace(/^profile\./, '');
  const names = config.profiles.map(({ name }) => name);
  const held = config.profiles.find(({ name }) => name === wanted)?.credentials;
  if (held === undefined) {
    throw new CliError('usage', EXIT.usage, `there is no profile "${wanted}"${orKnown(wanted, names)}`);
  }
  const credentials = new Set(held.map((entry) => entry.credential));
  const reached = new Set(
    config.credentials.filter(({ ref }) => credentials.has(ref)).flatMap(({ endpoints }) => endpoints),
  );
  const rules = config.rules
    .filter(({ credential }) => credential === null || credentials.has(credential))
    .map((rule) => ({ ...rule, endpoints: rule.endpoints.filter((ref) => reached.has(ref)) }))
    .filter(({ endpoints }) => endpoints.length > 0);
  return { ...config, rules };
}

/** Codes of findings that can be left out: lint's own, and the warnings of every load. Errors are always told. */
export const WARNING_CODES: readonly string[] = [
  'agent-chosen',
  'agent-family-unknown',
  'awkward-name',
  'break-glass-open',
  'break-glass-unused',
  'buffer-below-storage',
  'case-table',
  'channel-unused',
  'claims-nothing',
  'contradictory-tie',
  'dead-combination',
  'dead-credential-pin',
  'destructive-allowed',
  'duplicate-approver',
  'empty-profile',
  'host-key-unpinned',
  'include-empty',
  'internal-url',
  'literal-secret',
  'mcp-undeclared',
  'never-allows',
  'no-catch-all',
  'no-schema-version',
  'no-telemetry',
  'not-available',
  'open-dashboard',
  'public-subnet',
  'regexp-backspace',
  'secret-env-clash',
  'shadowed-rule',
  'shared-domain-wildcard',
  'sslmode-weak',
  'text-regexp',
  'unguarded-field',
  'unused',
  'weak-review',
];

function codes(call: Call, option: 'only' | 'except'): ReadonlySet<string> | null {
  const text = textOption(call, option);
  if (text === null) {
    return null;
  }
  const named = text.split(',').map((code) => code.trim());
  // A misspelt code would hide every finding, or none, and say nothing of it.
  const unknown = named.find((code) => !WARNING_CODES.includes(code));
  if (unknown !== undefined) {
    const near = nearest(unknown, WARNING_CODES);
    const known = near === null ? `the codes are: ${WARNING_CODES.join(', ')}` : `did you mean ${near}?`;
    throw new CliError('usage', EXIT.usage, `--${option} takes codes of warnings, and "${unknown}" is none; ${known}`);
  }
  return new Set(named);
}

export const command: Verb = {
  name: 'lint',
  summary: 'validate, then find rules that can never fire, ties, weak reviews, what nothing uses',
  operands: [['<path>', 'a file, or a folder of *.hcl files']],
  options: [
    ['--only <codes>', 'only findings with these codes, separated by commas'],
    ['--except <codes>', 'all findings but those with these codes'],
    ['--profile <profile>', 'as an agent of this profile meets the rules'],
  ],
  examples: ['lint gateway.hcl', 'lint gateway.hcl --except unused,awkward-name'],
  act: lint,
};

/** Runs the verb. */
export function run(args: readonly string[], io: Io): Promise<number> {
  return runCommand(command, args, io);
}
