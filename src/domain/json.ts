/** Maximum nesting of objects and arrays. The responses of the API have six levels. */
const mostLevels = 100;

type Container = unknown[] | Record<string, unknown>;

/**
 * Describes what makes a JSON value too large to process: deep nesting overflows the stack of any code that walks it, and
 * formatting or escaping a huge text runs out of memory. Walks level by level, without recursion, and visits each member once.
 *
 * @param longestText - in characters
 * @returns the description; undefined if the value is within the limits
 */
export function excessOf(json: unknown, longestText = Number.POSITIVE_INFINITY): string | undefined {
  let level: Container[] = [[json]];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > mostLevels) return `is nested more than ${mostLevels} levels deep`;
    const next: Container[] = [];
    // On 10,000 keys this takes 6 ms. Object.values or a function call per member takes two to four times as long.
    for (const container of level) {
      if (Array.isArray(container)) {
        for (const member of container) {
          if (typeof member === 'string' && member.length > longestText) return tooLong(member);
          if (isContainer(member)) next.push(member);
        }
      } else {
        for (const name in container) {
          const member = container[name];
          if (typeof member === 'string' && member.length > longestText) return tooLong(member);
          if (isContainer(member)) next.push(member);
        }
      }
    }
    level = next;
  }
  return undefined;
}

function tooLong(text: string): string {
  return `contains a string of ${text.length} characters`;
}

function isContainer(value: unknown): value is Container {
  return typeof value === 'object' && value !== null;
}

/** Returns whether a JSON value is an object, and not an array. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Returns whether each of the known members of an object is missing or valid. It may have others. */
export function hasValidMembers(
  value: Readonly<Record<string, unknown>>,
  members: Readonly<Record<string, (value: unknown) => boolean>>,
): boolean {
  return Object.entries(members).every(([name, isValid]) => value[name] === undefined || isValid(value[name]));
}

/** Parses JSON; undefined if it isn't valid, or exceeds the limits of {@link excessOf}. */
export function parsedJson(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    return excessOf(value) === undefined ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Returns a member of an object or array; undefined if it is missing, or if the value is neither. */
export function memberOf(value: unknown, name: PropertyKey): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
}
