// Findings about a configuration, printed and as JSON (config reference 0.2 and 6.1).
import type { DiagnosticJson } from '../client/control-shapes.ts';
import type { Diagnostic } from '../config/diagnostic.ts';
import { visible } from '../lib/text.ts';

/** A diagnostic as JSON. */
export function diagnosticJson(diagnostic: Diagnostic): DiagnosticJson {
  const { at, severity, code, message, fix } = diagnostic;
  return {
    file: at.file,
    line: at.line,
    col: at.column,
    end_line: at.endLine,
    end_col: at.endColumn,
    severity,
    code,
    message,
    fix,
  };
}

/** The printed form: one line, and a second one when there is a fix. */
export function diagnosticText(diagnostic: DiagnosticJson): string {
  const { file, line, col, severity, message, code, fix } = diagnostic;
  const head = `${file}:${line}:${col}: ${severity}: ${message} [${code}]`;
  return visible(fix === '' ? head : `${head}\n  fix: ${fix}`, true);
}
