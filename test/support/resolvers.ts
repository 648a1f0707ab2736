/** A promise, and the function that resolves it. */
export interface Resolvers<T> {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
}

/** Returns a promise that a test resolves. Node.js has it as `Promise.withResolvers` since version 22. */
export function withResolvers<T = void>(): Resolvers<T> {
  let resolve: (value: T) => void = () => {};
  const promise = new Promise<T>((resolved) => {
    resolve = resolved;
  });
  return { promise, resolve };
}
