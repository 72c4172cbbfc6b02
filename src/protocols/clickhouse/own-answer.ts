// The answer to a query of the gateway's own: one column of text, without compression. Pure.
import { BlockWalker } from './block.ts';
import { Cursor, SERVER, SINCE, taken, type Taken } from './codec.ts';
import { readException } from './login.ts';
import { readServerPacket } from './server-stream.ts';

/** A tree of a long statement is long. */
export const MAX_ANSWER_BYTES = 32 * 1024 * 1024;
const MAX_TEXT_BYTES = 4 * 1024 * 1024;

/** Takes a whole answer from the front: the values of all its blocks. An exception of the server is malformed, with the server's words. */
export function takeOwnAnswer(bytes: Buffer, revision: number): Taken<readonly string[]> {
  if (bytes.length > MAX_ANSWER_BYTES) {
    return { kind: 'malformed', why: 'an answer that is too long' };
  }
  const values: string[] = [];
  const cursor = new Cursor(bytes);
  while (cursor.trouble === 'none') {
    if (readPacket(cursor, revision, values)) {
      break;
    }
  }
  return taken(cursor, () => values);
}

/** True at the end of the answer. */
function readPacket(cursor: Cursor, revision: number, values: string[]): boolean {
  const type = cursor.varuint();
  if (cursor.trouble !== 'none') {
    return true;
  }
  if (type === SERVER.exception) {
    const { code, message } = readException(cursor);
    cursor.malformed(`code ${code}, ${message}`);
    return true;
  }
  const event = readServerPacket(type, cursor, revision);
  switch (type) {
    case SERVER.data:
      readBlock(cursor, revision, values);
      break;
    case SERVER.log:
    case SERVER.profileEvents:
    case SERVER.totals:
    case SERVER.extremes:
      skipBlock(cursor, revision);
  }
  return event?.kind === 'end';
}

function skipBlock(cursor: Cursor, revision: number): void {
  const block = new BlockWalker(revision);
  const end = block.push(cursor.bytes, cursor.at);
  switch (block.state) {
    case 'done':
      cursor.at = end;
      break;
    case 'reading':
      cursor.take(cursor.bytes.length + 1);
      break;
    case 'malformed':
    case 'unknown-type':
      cursor.malformed(`an answer that cannot be read: ${block.why}`);
  }
}

/** Blocks of other columns are of no answer that is asked for. */
function readBlock(cursor: Cursor, revision: number, values: string[]): void {
  for (let field = cursor.varuint(); field !== 0; field = cursor.varuint()) {
    cursor.take(field === 1 ? 1 : 4);
  }
  const columns = cursor.varuint();
  const rows = cursor.varuint();
  if (columns === 0) {
    return;
  }
  cursor.string();
  const type = cursor.text();
  if (revision >= SINCE.customSerialization) {
    cursor.u8();
  }
  if (cursor.trouble === 'none' && (columns !== 1 || type !== 'String')) {
    cursor.malformed(`an answer of ${columns} columns, the first of type ${type}`);
  }
  for (let row = 0; row < rows && cursor.trouble === 'none'; row += 1) {
    values.push(cursor.text(MAX_TEXT_BYTES));
  }
}
