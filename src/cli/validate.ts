// clawpatrol validate: loads a configuration as the daemon does and prints what it finds.
import type { DiagnosticJson } from '../client/control-shapes.ts';
import type { Config } from '../config/config.ts';
import { loadConfig } from '../config/load.ts';
import { CliError, EXIT, flag, runCommand } from './command.ts';
import type { Call, Verb } from './command.ts';
import { diagnosticJson } from '../dashboard/shapes.ts';
import { diagnosticText } from './diagnostics.ts';
import type { Io } from './io.ts';
import { findMissingSecrets } from './secret-sources.ts';

async function validate(call: Call): Promise<number> {
  const path = call.operands[0] ?? '';
  const { config, diagnostics, unreadable } = await loadConfig(path, { skipFiles: flag(call, 'skipFiles') });
  if (unreadable !== null) {
    throw new CliError('unreadable', EXIT.usage, unreadable);
  }
  const secrets = flag(call, 'secrets') && config !== null ? await findMissingSecrets(config, call.io.env) : [];
  return reportFindings(call, {
    path,
    config,
    diagnostics: [...diagnostics, ...secrets].map(diagnosticJson),
    strict: flag(call, 'strict'),
  });
}

/** Prints diagnostics and the closing line, for `validate` and `lint`; the exit code says whether there was a finding. */
export function reportFindings(
  call: Call,
  parts: {
    readonly path: string;
    readonly config: Config | null;
    readonly diagnostics: readonly DiagnosticJson[];
    /** Warnings count as findings. */
    readonly strict: boolean;
  },
): number {
  const { path, config, diagnostics, strict } = parts;
  const errors = diagnostics.filter((diagnostic) => diagnostic.severity === 'error').length;
  const warnings = diagnostics.length - errors;
  const ok = config !== null && errors === 0 && !(strict && warnings > 0);
  if (call.out.json) {
    const schemaVersion = config?.schemaVersion ?? null;
    call.out.object({ ok, path, schema_version: schemaVersion, counts: countBlocks(config), diagnostics });
  } else {
    diagnostics.forEach((diagnostic) => call.out.line(diagnosticText(diagnostic)));
    call.out.line(closingLine({ path, config: ok ? config : null, errors, warnings }));
  }
  return ok ? EXIT.ok : EXIT.no;
}

function closingLine(parts: {
  readonly path: string;
  readonly config: Config | null;
  readonly errors: number;
  readonly warnings: number;
}): string {
  const { path, config, errors, warnings } = parts;
  if (config === null) {
    return `${path}: ${errors} error(s), ${warnings} warning(s)`;
  }
  const { endpoints, rules, profiles } = config;
  const counts = `${endpoints.length} endpoint(s), ${rules.length} rule(s), ${profiles.length} profile(s)`;
  return `ok: ${path}: ${counts}, ${warnings} warning(s)`;
}

function countBlocks(config: Config | null): Readonly<Record<string, number>> | null {
  return config === null
    ? null
    : {
        endpoints: config.endpoints.length,
        credentials: config.credentials.length,
        rules: config.rules.length,
        profiles: config.profiles.length,
        approvers: config.approvers.length,
      };
}

export const command: Verb = {
  name: 'validate',
  summary: 'check a configuration as the daemon would load it',
  operands: [['<path>', 'a file, or a folder of *.hcl files']],
  options: [
    ['--strict', 'warnings count as findings'],
    ['--secrets', 'also check that environment and file sources of secrets exist'],
    ['--skip-files', 'do not read <<file:…>> markers'],
  ],
  act: validate,
};

/** Runs the verb. */
export function run(args: readonly string[], io: Io): Promise<number> {
  return runCommand(command, args, io);
}
