/**
 * Returns a function that creates a value on its first call and returns the same value afterward. Creating a schema takes a good
 * part of a millisecond, and a command needs only one or two of many.
 */
export function lazy<Value extends object>(create: () => Value): () => Value {
  let value: Value | undefined;
  return () => {
    value ??= create();
    return value;
  };
}
