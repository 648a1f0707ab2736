/**
 * What is made when it is first used, and then kept: the schemas are many, each takes a good part of a millisecond to make, and a
 * command needs one or two.
 */
export function once<Value extends object>(make: () => Value): () => Value {
  let made: Value | undefined;
  return () => {
    made ??= make();
    return made;
  };
}
