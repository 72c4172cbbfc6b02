// clawpatrol lint: validate, and then what a reviewer would ask.
import type { Config } from '../config/config.ts';
import { lintConfig } from '../config/lint.ts';
import { loadConfig } from '../config/load.ts';
import { lintPolicy } from '../rules/lint.ts';
import { factSchemas } from '../rules/schemas.ts';
import { CliError, EXIT, runCommand, textOption } from './command.ts';
import type { Call, Verb } from './command.ts';
import { diagnosticJson } from '../dashboard/shapes.ts';
import type { Io } from './io.ts';
import { reportFindings } from './validate.ts';

async function lint(call: Call): Promise<number> {
  const path = call.operands[0] ?? '';
  const { config, diagnostics, unreadable } = await loadConfig(path);
  if (unreadable !== null) {
    throw new CliError('unreadable', EXIT.usage, unreadable);
  }
  const found =
    config === null
      ? []
      : [...lintPolicy(asMetBy(config, textOption(call, 'profile')), factSchemas), ...lintConfig(config)];
  const only = codes(call, 'only');
  const except = codes(call, 'except');
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
  const held = config.profiles.find(({ name }) => name === profile.replace(/^profile\./, ''))?.credentials;
  if (held === undefined) {
    throw new CliError('usage', EXIT.usage, `there is no profile "${profile}"`);
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

function codes(call: Call, option: string): ReadonlySet<string> | null {
  const text = textOption(call, option);
  return text === null ? null : new Set(text.split(',').map((code) => code.trim()));
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
  act: lint,
};

/** Runs the verb. */
export function run(args: readonly string[], io: Io): Promise<number> {
  return runCommand(command, args, io);
}
