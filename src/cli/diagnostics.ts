// Findings about a configuration, printed (config reference 0.2). Their JSON form is the operator API's.
import type { DiagnosticJson } from '../client/control-shapes.ts';
import { visible } from '../lib/text.ts';

/** The printed form: one line, and a second one when there is a fix. */
export function diagnosticText(diagnostic: DiagnosticJson): string {
  const { file, line, col, severity, message, code, fix } = diagnostic;
  const head = `${file}:${line}:${col}: ${severity}: ${message} [${code}]`;
  return visible(fix === '' ? head : `${head}\n  fix: ${fix}`, true);
}
