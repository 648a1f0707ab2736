/**
 * Returns a function that makes a value when it is first called, and keeps it. There are many schemas, each takes a good part of a
 * millisecond to make, and a command needs one or two.
 */
export function lazy<Value extends object>(make: () => Value): () => Value {
  let made: Value | undefined;
  return () => {
    made ??= make();
    return made;
  };
}
