// Loading a configuration for verbs that then do something with it.
import type { Config } from '../config/config.ts';
import { loadConfig } from '../config/load.ts';
import type { Policy } from '../rules/decision.ts';
import { CliError, EXIT } from './command.ts';
import type { Call } from './command.ts';
import { diagnosticJson } from '../dashboard/shapes.ts';
import { diagnosticText } from './diagnostics.ts';

/** The configuration and its rules. What is wrong with it goes to standard error, and errors end the verb with 2. */
export async function loadForUse(
  call: Call,
  path: string,
): Promise<{ readonly config: Config; readonly policy: Policy }> {
  const { config, policy, diagnostics, unreadable } = await loadConfig(path);
  if (unreadable !== null) {
    throw new CliError('config', EXIT.usage, unreadable);
  }
  const errors = diagnostics.filter((diagnostic) => diagnostic.severity === 'error');
  errors.forEach((diagnostic) => call.out.complain(diagnosticText(diagnosticJson(diagnostic))));
  if (config === null || policy === null) {
    throw new CliError('config', EXIT.usage, `${path}: ${errors.length} error(s); see \`clawpatrol validate ${path}\``);
  }
  return { config, policy };
}
