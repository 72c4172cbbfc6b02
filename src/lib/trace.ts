// W3C Trace Context: the id of the trace that a request says it belongs to. It is a hint, and whoever sends it may write anything.

const TRACEPARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(-.*)?$/;

/** The trace id of a traceparent (W3C Trace Context, section 3.2); "" when it is malformed. */
export function traceOf(traceparent: string): string {
  const [, version, trace = '', span = '', rest] = TRACEPARENT.exec(traceparent) ?? [];
  // Version ff is invalid, and 00 has nothing behind the flags; later versions may.
  const fits = version !== undefined && version !== 'ff' && (version !== '00' || rest === undefined);
  return fits && /[^0]/.test(trace) && /[^0]/.test(span) ? trace : '';
}

/** sqlcommenter puts its comment behind the statement. */
const MAX_TAIL_CHARS = 2_000;
const MIN_CHARS = "/*traceparent='00-'*/".length;
const COMMENT = /\/\*(?:(?!\*\/)[^])*?\btraceparent='([0-9a-f-]{55,200})'(?:(?!\*\/)[^])*\*\/[\s;]*$/;

/** The trace id in the comment that ends a statement, as sqlcommenter writes it; "" when there is none. */
export function traceOfSql(text: string): string {
  if (text.length < MIN_CHARS || !endsWithComment(text)) {
    return '';
  }
  return traceOf(COMMENT.exec(text.slice(-MAX_TAIL_CHARS))?.[1] ?? '');
}

/** Looked at for every statement: mostly the last character tells. */
function endsWithComment(text: string): boolean {
  let end = text.length - 1;
  while (end > text.length - 16 && /[\s;]/.test(text[end] ?? '')) {
    end -= 1;
  }
  return text[end] === '/' && text[end - 1] === '*';
}
