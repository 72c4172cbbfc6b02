// How a run that could not begin says so.

/** A run that could not begin, with what to do. */
export class RunError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'RunError';
  }
}
