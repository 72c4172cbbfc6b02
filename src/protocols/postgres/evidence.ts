// The exact bytes behind a statement that is judged: its text and the values that are bound to it.
import { hash } from 'node:crypto';
import type { Evidence } from '../../rules/action.ts';
import type { ParameterValue } from '../sql/analysis.ts';
import { readParameters } from './messages.ts';
import { decodeParameter } from './values.ts';

const SEPARATOR = Buffer.from([0]);
const NO_PARAMETERS: readonly (string | null)[] = [];

/** Parameters of one Bind, read when first asked for. */
export class BoundValues {
  /** Format codes and values as sent; null when the Bind was too long to be kept. */
  readonly raw: Buffer | null;
  readonly count: number;
  readonly #oids: readonly number[];
  #decoded: readonly ParameterValue[] | null = null;

  constructor(raw: Buffer | null, count: number, oids: readonly number[]) {
    this.raw = raw;
    this.count = count;
    this.#oids = oids;
  }

  get decoded(): readonly ParameterValue[] {
    if (this.#decoded === null) {
      const { raw, count } = this;
      this.#decoded =
        raw === null
          ? Array.from({ length: count }, (): ParameterValue => ({ kind: 'opaque' }))
          : readParameters(raw).map((parameter, index) => decodeParameter(parameter, this.#oids[index] ?? 0));
    }
    return this.#decoded;
  }

  /** For people and the record: text, null for SQL NULL, hexadecimal for what cannot be read. */
  get texts(): readonly (string | null)[] {
    return this.decoded.map((value, index) => {
      switch (value.kind) {
        case 'text':
          return value.text;
        case 'null':
          return null;
        case 'opaque':
          // Rare: what is sent in a format that the gateway does not read.
          return `\\x${this.#hexOf(index)}`;
      }
    });
  }

  #hexOf(index: number): string {
    const parameters = this.raw === null ? [] : readParameters(this.raw);
    return parameters[index]?.bytes?.toString('hex') ?? '';
  }
}

/** The text of a statement and its parameters, as they will be forwarded. */
export class SqlEvidence implements Evidence {
  readonly text: string;
  readonly complete: boolean;
  readonly sizeBytes: number;
  readonly #bytes: Buffer;
  readonly #values: BoundValues | null;
  #digest = '';

  /** `bytes`: the exact bytes that `text` was read from; the analysis leaves out a text that it did not read. */
  constructor(text: string, bytes: Buffer, values: BoundValues | null, complete: boolean) {
    this.text = text === '' && bytes.length > 0 ? bytes.toString('utf8') : text;
    this.#bytes = bytes;
    this.#values = values === null || values.count === 0 ? null : values;
    this.complete = complete && (this.#values === null || this.#values.raw !== null);
    this.sizeBytes = bytes.length + (this.#values?.raw?.length ?? 0);
  }

  get parameters(): readonly (string | null)[] {
    return this.#values === null ? NO_PARAMETERS : this.#values.texts;
  }

  digest(): string {
    if (this.#digest === '') {
      const raw = this.#values?.raw ?? null;
      // The one-shot form costs a third of a Hash object, and every statement has a digest.
      this.#digest = hash('sha256', raw === null ? this.#bytes : Buffer.concat([this.#bytes, SEPARATOR, raw]), 'hex');
    }
    return this.#digest;
  }
}
