// A promise that is settled from outside. Node 20 has no Promise.withResolvers.

export interface Deferred<T> {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
}

/** A promise with the function that fulfils it. */
export function createDeferred<T>(): Deferred<T> {
  let fulfil: ((value: T) => void) | null = null;
  const promise = new Promise<T>((resolve) => {
    fulfil = resolve;
  });
  return { promise, resolve: (value) => fulfil?.(value) };
}
