/**
 * Fills in a template. `#{name}`, alone on a line, is replaced by lines with its indentation.
 *
 * @throws RangeError if a place has no lines, or if lines have no place
 */
export function filled(template: string, places: Readonly<Record<string, readonly string[]>>): string {
  const left = new Set(Object.keys(places));
  const script = template.replace(/^( *)#\{(\w+)\}\n/gm, (_line, indentation: string, name: string) => {
    const lines = places[name];
    if (!lines) throw new RangeError(`No lines for ${name}`);
    left.delete(name);
    return lines.map((line) => `${indentation}${line}\n`).join('');
  });
  if (left.size > 0) throw new RangeError(`No place for ${[...left].join(', ')}`);
  return script;
}
