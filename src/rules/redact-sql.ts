// Masks literals of SQL that stand for something to log in with: `PASSWORD 'x'`, `IDENTIFIED BY 'x'`, `token = 'x'`, and passwords inside of
// connection strings. Only what is surely one constant is hidden, never a piece of a statement that runs: a text with anything in it that
// servers read in several ways (a backslash, a comment, a dollar quote) stays as it is. Pure; time is linear in the text.
import { MASKED } from './header-name.ts';
import type { Redactor } from './redactor.ts';

/** Where a literal ends may hang on the server's settings. */
const READ_IN_SEVERAL_WAYS = /\\|--|\/\*|#|\$[A-Za-z0-9_]*\$|`/;
/** A quoted name, a literal with its prefix, a word, a number, or one other character. A literal may be cut at the end. */
const TOKEN = /"(?:[^"]|"")*(?:"|$)|(?:\b[EeNnBbXx])?'((?:[^']|'')*)(?:'|$)|[\p{L}_][\p{L}\p{N}_.]*|:=|[^\s]/gu;
/** What may stand between a name and its literal. */
const GLUE: ReadonlySet<string> = new Set(['=', ':=', 'to', 'by', 'is', 'encrypted']);
/** A literal that is a connection string and nothing else: what could be run is never hidden. */
const PAIRS = /^\s*[\w-]+\s*=\s*[\w!%^+.~/:@-]+(?:\s+[\w-]+\s*=\s*[\w!%^+.~/:@-]+)*\s*$/;
const PAIR = /([\w-]+)(\s*=\s*)([\w!%^+.~/:@-]+)/g;
const URL_WITH_PASSWORD = /^([a-z][a-z0-9+]*:\/\/[\w.%+-]*:)[\w!%^+.~-]+(@[\w.,:/?=&%-]*)$/i;

/** Longer literals are no connection strings. */
const MAX_CONNECTION_CHARS = 1_000;

/** The text with such literals masked. */
export function maskSqlText(text: string, redactor: Redactor): string {
  if (!text.includes("'") || READ_IN_SEVERAL_WAYS.test(text)) {
    return text;
  }
  let named = false;
  // IDENTIFIED WITH method BY 'x': the method stands between.
  let identified = false;
  return text.replace(TOKEN, (token: string, literal: string | undefined) => {
    if (literal !== undefined) {
      const masked = named || identified ? maskedLiteral(token) : maskInside(token, redactor);
      named = false;
      identified = false;
      return masked;
    }
    const word = unquoted(token).toLowerCase();
    if (!GLUE.has(word)) {
      named = redactor.key(lastPart(word));
    }
    identified = word === 'identified' || (identified && /^[\w.]+$/.test(word));
    return token;
  });
}

/** `PASSWORD ''` shows that it is empty. */
function maskedLiteral(token: string): string {
  const start = token.indexOf("'");
  return token.length - start <= 2 ? token : `${token.slice(0, start)}'${MASKED}'`;
}

function maskInside(token: string, redactor: Redactor): string {
  const start = token.indexOf("'") + 1;
  const end = token.endsWith("'") && token.length > start ? -1 : undefined;
  const literal = token.slice(start, end);
  if (literal.length > MAX_CONNECTION_CHARS) {
    return token;
  }
  const masked = PAIRS.test(literal)
    ? literal.replace(PAIR, (pair: string, name: string, between: string) =>
        redactor.key(name) ? `${name}${between}${MASKED}` : pair,
      )
    : literal.replace(URL_WITH_PASSWORD, `$1${MASKED}$2`);
  return masked === literal ? token : `${token.slice(0, start)}${masked}${end === undefined ? '' : "'"}`;
}

function unquoted(token: string): string {
  return token.startsWith('"') ? token.slice(1, token.endsWith('"') ? -1 : undefined).replaceAll('""', '"') : token;
}

function lastPart(name: string): string {
  return name.slice(name.lastIndexOf('.') + 1);
}
