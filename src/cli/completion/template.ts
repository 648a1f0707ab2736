/**
 * A script with its places filled in: `#{name}`, alone on a line, stands for lines that take its indentation.
 *
 * @throws RangeError for a place that nothing fills, and for lines that no place takes
 */
export function filled(template: string, places: Readonly<Record<string, readonly string[]>>): string {
  const left = new Set(Object.keys(places));
  const script = template.replace(/^( *)#\{(\w+)\}\n/gm, (_line, indentation: string, name: string) => {
    const lines = places[name];
    if (!lines) throw new RangeError(`nothing fills ${name}`);
    left.delete(name);
    return lines.map((line) => `${indentation}${line}\n`).join('');
  });
  if (left.size > 0) throw new RangeError(`there is no place for ${[...left].join(', ')}`);
  return script;
}
