// A recorded terminal session, shown again (`audit replay`), or given as the asciicast file that players read. What is shown was written by
// an agent's programs: only what moves, colours and clears reaches the operator's terminal.
/* oxlint-disable no-control-regex -- control characters are what this is about */
import type { RecordJson } from '../client/control-shapes.ts';
import { isObject } from '../lib/fields.ts';

/** One thing that happened: seconds since the beginning, `o` shown, `i` typed, `r` resized. */
export interface CastEvent {
  readonly seconds: number;
  readonly kind: string;
  readonly text: string;
}

/** The asciicast text in the records of an action, in the order of its parts; "" when nothing was recorded. */
export function castText(records: readonly RecordJson[]): string {
  return records
    .flatMap(({ type, data }) => {
      const { part, cast } = isObject(data) ? data : {};
      return type === 'action.recorded' && typeof part === 'number' && typeof cast === 'string' ? [{ part, cast }] : [];
    })
    .toSorted((a, b) => a.part - b.part)
    .map(({ cast }) => cast)
    .join('');
}

/** The events of an asciicast; lines that are none are left out. */
export function castEvents(text: string): readonly CastEvent[] {
  return text.split('\n').flatMap((line) => {
    const event = line.startsWith('[') ? parse(line) : null;
    if (!Array.isArray(event)) {
      return [];
    }
    const [seconds, kind, shown]: unknown[] = event;
    return typeof seconds === 'number' && typeof kind === 'string' && typeof shown === 'string'
      ? [{ seconds, kind, text: shown }]
      : [];
  });
}

/**
 * Terminal output without what could do more than show: questions to the terminal, titles, clipboards, links, key definitions. Sequences
 * of colour, of the cursor and of clearing stay.
 */
export function harmless(text: string): string {
  return text
    .replaceAll(
      /\u001b[\]PX^_][\s\S]*?(?:\u0007|\u001b\\|$)|[\u0090\u0098\u009d-\u009f][\s\S]*?(?:\u009c|\u0007|$)/g,
      '',
    )
    .replaceAll(/(?:\u001b\[|\u009b)([0-?]*)([ -/]*)([@-~])/g, (_, parameters: string, middle: string, final: string) =>
      middle === '' && SHOWS.test(final) && /^\??[0-9;:]*$/.test(parameters) ? `\u001b[${parameters}${final}` : '',
    )
    .replaceAll(/\u001b(?!\[)[\s\S]?|[\u0000-\u0007\u000e-\u001a\u001c-\u001f\u007f-\u009f]/g, '');
}

/** Final bytes of sequences that move, colour, clear, scroll, or set a mode. */
const SHOWS = /^[A-HJKLMPSTXdfghlmr@]$/;

function parse(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return null;
  }
}
