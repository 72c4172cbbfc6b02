// Takes injected secrets out of texts that come back: headers of answers, and samples that are kept. Finds a secret as it is, percent
// encoded, as JSON writes it, in hex and in base64 at any offset. Does not look into what streams through to the agent.

/** Gives the text with every known form of the secrets replaced. */
export type Mask = (text: string) => string;

export const MASKED = '[secret]';
/** Shorter texts would be found everywhere. */
const MIN_CHARS = 6;

/** A mask for these values. The forms are made when first needed: most requests never are. */
export function createMask(secrets: readonly string[]): Mask {
  let pattern: RegExp | null = null;
  const long = secrets.filter((secret) => secret.length >= MIN_CHARS);
  if (long.length === 0) {
    return (text) => text;
  }
  return (text) => {
    pattern ??= new RegExp(
      [...new Set(long.flatMap(formsOf))]
        .toSorted((a, b) => b.length - a.length)
        .map((form) => form.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&'))
        .join('|'),
      'g',
    );
    return text.replace(pattern, MASKED);
  };
}

function formsOf(secret: string): readonly string[] {
  const bytes = Buffer.from(secret, 'utf8');
  const percent = encodeURIComponent(secret);
  const hex = bytes.toString('hex');
  return [
    secret,
    // As header fields hold it: one character a byte.
    bytes.toString('latin1'),
    percent,
    percent.replace(/%[0-9A-F]{2}/g, (escape) => escape.toLowerCase()),
    JSON.stringify(secret).slice(1, -1),
    hex,
    hex.toUpperCase(),
    ...[0, 1, 2].flatMap((offset) => base64Forms(bytes, offset)),
  ];
}

/** The characters that stand for the bytes alone, whatever is before and behind them, where `offset` bytes precede. */
function base64Forms(bytes: Buffer, offset: number): readonly string[] {
  const text = Buffer.concat([Buffer.alloc(offset), bytes])
    .toString('base64')
    .replace(/=+$/, '');
  const first = Math.ceil((offset * 8) / 6);
  const last = Math.floor(((offset + bytes.length) * 8) / 6);
  const standard = text.slice(first, last);
  return [standard, standard.replaceAll('+', '-').replaceAll('/', '_')];
}
