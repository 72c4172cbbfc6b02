// A finding about a condition, before it is tied to a file.

export interface Issue {
  readonly code: string;
  readonly severity: 'error' | 'warning';
  readonly message: string;
  readonly fix: string;
  /** UTF-16 offset into the condition. */
  readonly at: number;
}
