// What is meant by a condition that does not parse: the slips of people who come from SQL, Python or the shell. The parser only says which
// token it did not expect. It is asked for texts that failed, and never changes what is refused.

export interface SyntaxHint {
  readonly message: string;
  readonly fix: string;
  /** Offset in UTF-16 units. */
  readonly at: number;
}

/** A text with its string literals and comments overwritten (same length), and where a literal or bracket begins that never ends. */
interface Scanned {
  readonly code: string;
  readonly unclosed: { readonly opener: string; readonly at: number } | null;
}

const CLOSERS: Readonly<Record<string, string>> = { '(': ')', '[': ']', '{': '}' };

/** The likely slip, or null. Total. */
export function findSlip(text: string): SyntaxHint | null {
  const { code, unclosed } = scan(text);
  if (unclosed !== null && !Object.hasOwn(CLOSERS, unclosed.opener)) {
    const { opener, at } = unclosed;
    return { message: `the string that begins with ${opener} here has no end`, fix: `write ${opener} behind it`, at };
  }
  const slips = SLIPS.flatMap(({ pattern, message, fix }): SyntaxHint[] => {
    const found = pattern.exec(code);
    return found === null ? [] : [{ message: message(found[0]), fix, at: found.index }];
  });
  const first = slips.toSorted((a, b) => a.at - b.at)[0];
  if (first !== undefined) {
    return first;
  }
  if (unclosed === null) {
    return null;
  }
  const closer = CLOSERS[unclosed.opener] ?? '';
  return { message: `this ${unclosed.opener} is never closed`, fix: `write ${closer} where it ends`, at: unclosed.at };
}

const notCel = (token: string): string => `${token} is not CEL`;

const SLIPS: readonly {
  readonly pattern: RegExp;
  readonly message: (token: string) => string;
  readonly fix: string;
}[] = [
  { pattern: /[=!]==/, message: notCel, fix: 'write == or !=' },
  { pattern: /=~/, message: notCel, fix: "write text.matches('PATTERN')" },
  { pattern: /<>/, message: notCel, fix: 'write !=' },
  { pattern: /(?<![=!<>])=(?![=~])/, message: () => '= does not compare', fix: 'write == for "is equal to"' },
  { pattern: /(?<!&)&(?!&)|(?<![\w.])and(?!\w)/i, message: notCel, fix: 'write && for "and"' },
  { pattern: /(?<!\|)\|(?!\|)|(?<![\w.])or(?!\w)/i, message: notCel, fix: 'write || for "or"' },
  { pattern: /(?<![\w.])not\s+in(?!\w)/i, message: notCel, fix: 'write !(x in list)' },
  { pattern: /(?<![\w.])not(?!\w)/i, message: notCel, fix: 'write ! for "not"' },
  {
    pattern: /(?<![\w.])(?:like|matches|contains)(?=\s+\S)/i,
    message: notCel,
    fix: "write text.contains('…'), or text.matches('PATTERN')",
  },
];

function scan(text: string): Scanned {
  let code = '';
  const open: { opener: string; at: number }[] = [];
  while (code.length < text.length) {
    const at = code.length;
    const comment = /^\/\/[^\n]*/.exec(text.slice(at));
    if (comment !== null) {
      code += ' '.repeat(comment[0].length);
      continue;
    }
    const opener = /^(?:'''|"""|'|")/.exec(text.slice(at))?.[0];
    if (opener === undefined) {
      const character = text.charAt(at);
      if (Object.hasOwn(CLOSERS, character)) {
        open.push({ opener: character, at });
      } else if (CLOSERS[open.at(-1)?.opener ?? ''] === character) {
        open.pop();
      }
      code += character;
      continue;
    }
    const raw = /(?<!\w)(?:r|br|rb)$/i.test(text.slice(Math.max(0, at - 3), at));
    const end = endOfString(text, at, { opener, raw });
    if (end === null) {
      return { code: code + ' '.repeat(text.length - at), unclosed: { opener, at } };
    }
    // Not blanks: what stands before a string stands before something.
    code += '"'.repeat(end - at);
  }
  return { code, unclosed: open.at(-1) ?? null };
}

/** Behind the closing quote; null when there is none before the line's end, or the text's where the quotes are three. */
function endOfString(
  text: string,
  start: number,
  { opener, raw }: { readonly opener: string; readonly raw: boolean },
): number | null {
  for (let at = start + opener.length; at < text.length; at += 1) {
    if (text.startsWith(opener, at)) {
      return at + opener.length;
    }
    const character = text.charAt(at);
    if (character === '\n' && opener.length === 1) {
      return null;
    }
    if (character === '\\' && !raw) {
      at += 1;
    }
  }
  return null;
}
