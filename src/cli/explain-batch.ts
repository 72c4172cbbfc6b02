// explain --jsonl: one action object a line in, one answer a line out, in order. Serves as a coprocess: each answer is
// written before the next line is waited for, and a line that cannot be judged is answered, too.
import { judgeOffline } from '../gateway/judging/offline.ts';
import type { OfflineParts } from '../gateway/judging/offline.ts';
import { BadSample, parseAction, parseJson } from '../gateway/judging/sample.ts';
import { EXIT } from './command.ts';
import type { Call } from './command.ts';
import { judgementJson } from './judgement.ts';

const MAX_LINE_BYTES = 16 * 1024 * 1024;
const NEWLINE = 0x0a;

type Line = { readonly kind: 'text'; readonly text: string } | { readonly kind: 'too-long' };

/** Judges every line of standard input. */
export async function explainBatch(call: Call, parts: OfflineParts): Promise<number> {
  let number = 0;
  let failed = false;
  for await (const line of lines(call.io.stdin)) {
    number += 1;
    if (line.kind === 'text' && line.text.trim() === '') {
      continue;
    }
    const answer = await judgeLine(parts, line, number);
    failed ||= 'error' in answer;
    call.out.object(answer);
    await call.out.ready();
  }
  return failed ? EXIT.no : EXIT.ok;
}

async function judgeLine(parts: OfflineParts, line: Line, number: number): Promise<object> {
  let id: unknown = number;
  try {
    if (line.kind === 'too-long') {
      throw new BadSample(`the line is longer than ${MAX_LINE_BYTES} bytes`, 'too-long');
    }
    const value = parseJson(line.text);
    id = idOf(value) ?? number;
    return { id, ...judgementJson(await judgeOffline(parts, parseAction(value, true))) };
  } catch (error) {
    if (error instanceof BadSample) {
      return { id, error: { code: error.code, message: error.message } };
    }
    throw error;
  }
}

/** The line's own id when it is a scalar; anything else is a fault of the line, told under its number. */
function idOf(value: unknown): unknown {
  const id: unknown = typeof value === 'object' && value !== null && 'id' in value ? value.id : null;
  if (typeof id === 'object' && id !== null) {
    throw new BadSample('id must be a JSON scalar');
  }
  return id;
}

/** Lines of a stream without their ends; of a line that is too long nothing is kept. */
async function* lines(input: AsyncIterable<Buffer | string>): AsyncGenerator<Line> {
  let held: Buffer[] = [];
  let heldBytes = 0;
  let skipping = false;
  const take = (): Line => {
    const line: Line = skipping ? { kind: 'too-long' } : { kind: 'text', text: Buffer.concat(held).toString('utf8') };
    held = [];
    heldBytes = 0;
    skipping = false;
    return line;
  };
  for await (const chunk of input) {
    let rest = typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
    for (let end = rest.indexOf(NEWLINE); end !== -1 || rest.length > 0; end = rest.indexOf(NEWLINE)) {
      const piece = end === -1 ? rest : rest.subarray(0, end);
      heldBytes += piece.length;
      skipping ||= heldBytes > MAX_LINE_BYTES;
      held = skipping ? [] : [...held, piece];
      if (end === -1) {
        break;
      }
      yield take();
      rest = rest.subarray(end + 1);
    }
  }
  if (heldBytes > 0) {
    yield take();
  }
}
