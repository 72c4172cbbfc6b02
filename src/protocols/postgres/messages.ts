// Reads the bodies of PostgreSQL messages. Total: a body that does not fit its format is null, never an exception.
// Nothing here decides anything.

/** Index of the NUL that ends the string at `from`, or -1. */
function terminator(body: Buffer, from: number): number {
  return from > body.length ? -1 : body.indexOf(0, from);
}

/** Exact text of a name: one character per byte, so that two names are equal when their bytes are. */
function nameText(body: Buffer, from: number, to: number): string {
  return from === to ? '' : body.toString('latin1', from, to);
}

export interface ParseBody {
  readonly name: string;
  /** Exact bytes of the text. */
  readonly text: Buffer;
  /** Parameter type OIDs that the client stated; 0 = left to the server. */
  readonly oids: readonly number[];
}

/** Body of a Parse. */
export function readParse(body: Buffer): ParseBody | null {
  const nameEnd = terminator(body, 0);
  const textEnd = nameEnd < 0 ? -1 : terminator(body, nameEnd + 1);
  if (textEnd < 0 || textEnd + 3 > body.length) {
    return null;
  }
  const count = body.readUInt16BE(textEnd + 1);
  if (textEnd + 3 + count * 4 !== body.length) {
    return null;
  }
  const oids: number[] = [];
  for (let index = 0; index < count; index += 1) {
    oids.push(body.readUInt32BE(textEnd + 3 + index * 4));
  }
  return { name: nameText(body, 0, nameEnd), text: body.subarray(nameEnd + 1, textEnd), oids };
}

export interface BindBody {
  readonly portal: string;
  readonly statement: string;
  /** Format codes and values as sent: what `readParameters` reads and what the digest covers. Null: not all of it was kept. */
  readonly values: Buffer | null;
  readonly parameters: number;
}

/** Body of a Bind. The whole structure is checked, since the server would reject what does not fit. */
export function readBind(body: Buffer): BindBody | null {
  const names = readBindNames(body);
  if (names === null) {
    return null;
  }
  const { portal, statement, end } = names;
  let at = end;
  if (at + 2 > body.length) {
    return null;
  }
  at += 2 + body.readUInt16BE(at) * 2;
  if (at + 2 > body.length) {
    return null;
  }
  const parameters = body.readUInt16BE(at);
  at += 2;
  for (let index = 0; index < parameters; index += 1) {
    if (at + 4 > body.length) {
      return null;
    }
    const length = body.readInt32BE(at);
    at += 4 + Math.max(0, length);
    if (length < -1) {
      return null;
    }
  }
  if (at + 2 > body.length || at + 2 + body.readUInt16BE(at) * 2 !== body.length) {
    return null;
  }
  return { portal, statement, values: body.subarray(end, at), parameters };
}

/** The two names at the front of a Bind, also when the rest has not arrived. `end` is the offset behind them. */
export function readBindNames(
  body: Buffer,
): { readonly portal: string; readonly statement: string; readonly end: number } | null {
  const portalEnd = terminator(body, 0);
  const statementEnd = portalEnd < 0 ? -1 : terminator(body, portalEnd + 1);
  if (statementEnd < 0) {
    return null;
  }
  return {
    portal: nameText(body, 0, portalEnd),
    statement: nameText(body, portalEnd + 1, statementEnd),
    end: statementEnd + 1,
  };
}

/** A bound parameter as it stands in a Bind. `bytes` null is SQL NULL. */
export interface RawParameter {
  readonly binary: boolean;
  readonly bytes: Buffer | null;
}

/** The parameters of a Bind that `readBind` accepted. */
export function readParameters(values: Buffer): readonly RawParameter[] {
  const formats = values.readUInt16BE(0);
  let at = 2 + formats * 2;
  const count = values.readUInt16BE(at);
  at += 2;
  const parameters: RawParameter[] = [];
  for (let index = 0; index < count; index += 1) {
    // No format codes: all text. One: it holds for all. Else one each.
    const format = formats === 0 ? 0 : values.readUInt16BE(2 + (formats === 1 ? 0 : Math.min(index, formats - 1)) * 2);
    const length = values.readInt32BE(at);
    at += 4;
    parameters.push({ binary: format !== 0, bytes: length < 0 ? null : values.subarray(at, at + length) });
    at += Math.max(0, length);
  }
  return parameters;
}

/** Body of a Query: the exact bytes of the text, or null when it does not end in a NUL. The text may still hold others. */
export function readQuery(body: Buffer): Buffer | null {
  return body.length > 0 && body[body.length - 1] === 0 ? body.subarray(0, body.length - 1) : null;
}

/** Portal of an Execute. */
export function readExecute(body: Buffer): string | null {
  const end = terminator(body, 0);
  return end >= 0 && end + 5 === body.length ? nameText(body, 0, end) : null;
}

/** Body of a Describe or Close. */
export function readTarget(body: Buffer): { readonly what: 'statement' | 'portal'; readonly name: string } | null {
  const end = terminator(body, 1);
  if (end < 0 || end + 1 !== body.length || (body[0] !== 0x53 && body[0] !== 0x50)) {
    return null;
  }
  return { what: body[0] === 0x53 ? 'statement' : 'portal', name: nameText(body, 1, end) };
}

/** Name and value of a ParameterStatus. */
export function readParameterStatus(body: Buffer): { readonly name: string; readonly value: string } | null {
  const nameEnd = terminator(body, 0);
  const valueEnd = nameEnd < 0 ? -1 : terminator(body, nameEnd + 1);
  if (valueEnd < 0) {
    return null;
  }
  return { name: body.toString('utf8', 0, nameEnd), value: body.toString('utf8', nameEnd + 1, valueEnd) };
}

/** The command tag of a CommandComplete. */
export function readTag(body: Buffer): string {
  const end = terminator(body, 0);
  return body.toString('latin1', 0, end < 0 ? body.length : end);
}

/** Rows that a command tag counts: the last word of `SELECT 5`, `INSERT 0 1`; null where it counts none. */
export function rowsOfTag(tag: string): number | null {
  const space = tag.lastIndexOf(' ');
  if (space < 0) {
    return null;
  }
  const first = tag.charCodeAt(space + 1);
  const rows = first >= 0x30 && first <= 0x39 ? Number(tag.slice(space + 1)) : Number.NaN;
  return Number.isSafeInteger(rows) ? rows : null;
}

/** Parameter type OIDs of a ParameterDescription. */
export function readParameterTypes(body: Buffer): readonly number[] | null {
  if (body.length < 2 || (body.length - 2) % 4 !== 0) {
    return null;
  }
  const oids: number[] = [];
  for (let at = 2; at < body.length; at += 4) {
    oids.push(body.readUInt32BE(at));
  }
  return oids;
}

/** Fields of an ErrorResponse by their letter, as far as they can be read. `body` may be a prefix. */
export function readErrorFields(body: Buffer): ReadonlyMap<string, string> {
  const fields = new Map<string, string>();
  let at = 0;
  while (at < body.length && body[at] !== 0) {
    const end = terminator(body, at + 1);
    if (end < 0) {
      break;
    }
    fields.set(String.fromCharCode(body[at] ?? 0), body.toString('utf8', at + 1, end));
    at = end + 1;
  }
  return fields;
}

/** Columns of a DataRow in text form. Null for a column that is SQL NULL; null as a whole when malformed. */
export function readDataRow(body: Buffer): readonly (string | null)[] | null {
  if (body.length < 2) {
    return null;
  }
  const count = body.readUInt16BE(0);
  const columns: (string | null)[] = [];
  let at = 2;
  for (let index = 0; index < count; index += 1) {
    const length = at + 4 <= body.length ? body.readInt32BE(at) : -2;
    if (length < -1 || at + 4 + length > body.length) {
      return null;
    }
    columns.push(length < 0 ? null : body.toString('utf8', at + 4, at + 4 + length));
    at += 4 + Math.max(0, length);
  }
  return columns;
}
