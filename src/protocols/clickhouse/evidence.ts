// The exact bytes behind a query that is judged: its text and what it comes with.
import { createHash } from 'node:crypto';
import type { Evidence } from '../../rules/action.ts';

export interface EvidenceParts {
  readonly text: string;
  /** What the text comes with, for people: settings, parameters, temporary tables. */
  readonly extras: readonly string[];
  /** Everything that is forwarded on the strength of the verdict. */
  readonly bytes: readonly Buffer[];
  /** False where `text` is a prefix. */
  readonly complete: boolean;
}

/** The text of a query and what it comes with, as they will be forwarded. */
export class QueryEvidence implements Evidence {
  readonly text: string;
  readonly parameters: readonly string[];
  readonly complete: boolean;
  readonly sizeBytes: number;
  readonly #bytes: readonly Buffer[];
  #digest = '';

  constructor({ text, extras, bytes, complete }: EvidenceParts) {
    this.text = text;
    this.parameters = extras;
    this.complete = complete;
    this.sizeBytes = bytes.reduce((sum, part) => sum + part.length, 0);
    this.#bytes = bytes;
  }

  digest(): string {
    if (this.#digest === '') {
      const digest = createHash('sha256');
      for (const part of this.#bytes) {
        digest.update(part);
      }
      this.#digest = digest.digest('hex');
    }
    return this.#digest;
  }
}
