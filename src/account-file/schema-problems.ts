import type * as z from 'zod/mini';
import { shortened } from '../account/bulk/key-rows.ts';
import { isObject } from '../domain/json.ts';
import { nearest } from '../domain/nearest.ts';
import { shown } from './shown.ts';
import type { Tree } from './yaml-tree.ts';

type Issue = z.core.$ZodIssue;
type Report = (offset: number, problem: string) => void;

/** Reports where and how a file doesn't match its schema. The messages of the issues are phrases for what is expected. */
export function reportIssues(issues: readonly Issue[], root: Tree, report: Report): void {
  for (const issue of issues) reportIssue(issue, issue.path, root, report);
}

function reportIssue(issue: Issue, path: readonly PropertyKey[], root: Tree, report: Report): void {
  const { found, offset } = lookUp(root, path);
  if (issue.code === 'unrecognized_keys') {
    for (const name of issue.keys) {
      const at = found?.fields?.get(name)?.nameOffset ?? offset;
      const known = issue.message.split(/, | and /);
      report(at, `field "${shown(name)}" isn't known; ${suggestion(name, known) ?? `the fields are ${issue.message}`}`);
    }
    return;
  }
  if (issue.code === 'invalid_union' && found) {
    const chosen = chosenOption(issue.errors, found.value);
    if (chosen) {
      for (const inner of chosen) reportIssue(inner, [...path, ...inner.path], root, report);
      return;
    }
  }
  report(offset, problemOf(issue, labelOf(path), found));
}

/** Returns the issues with the option of a union that is meant; undefined if none is. */
function chosenOption(options: readonly (readonly Issue[])[], value: unknown): readonly Issue[] | undefined {
  const isOtherKind = ({ code, path }: Issue) =>
    path.length === 0 && (code === 'invalid_type' || code === 'invalid_value' || code === 'invalid_union');
  const close = options.filter((issues) => !issues.some(isOtherKind));
  if (!isObject(value) || 'from' in value) return close.at(-1);
  // A key and a table are both maps.
  return close.find((issues) => !issues.some(({ path }) => path[0] === 'from'));
}

interface Found {
  /** Undefined if there is no value. */
  readonly found: Tree | undefined;
  /** Where the value is, or else what should have it. */
  readonly offset: number;
}

function lookUp(root: Tree, path: readonly PropertyKey[]): Found {
  let [parent, found]: [Tree, Tree | undefined] = [root, root];
  for (const step of path) {
    parent = found ?? parent;
    found = typeof step === 'number' ? found?.items?.[step] : found?.fields?.get(String(step));
  }
  return { found, offset: found?.offset ?? parent.offset };
}

/** Returns how a sentence names a value. */
function labelOf(path: readonly PropertyKey[]): string {
  const last = path.at(-1);
  if (last === undefined) return 'the file';
  return typeof last === 'number' ? `entry ${last + 1} of ${String(path.at(-2) ?? 'the file')}` : String(last);
}

function problemOf(issue: Issue, label: string, found: Tree | undefined): string {
  const { message } = issue;
  if (!found) return `${label} is missing; it should be ${message}`;
  const { value, source = '', items, fields } = found;
  if (value === null) return `${label} has no value; it should be ${message}`;
  if (value === '' || items?.length === 0) return `${label} is empty; it should be ${message}`;
  if (items) return `${label} is a list, but should be ${message}`;
  if (fields) return `${label} is a map of fields, but should be ${message}`;
  if (typeof value !== 'string') {
    const isText = issue.code === 'invalid_type' && issue.expected === 'string';
    if (!isText) return `${label} ${shown(source)} isn't ${message}`;
    return `${label} ${shown(source)} ${typeof value === 'number' ? 'is a number' : "isn't text"}; write it in quotes: "${shown(source)}"`;
  }
  if (isWithoutQuotes(issue, value))
    return `${label} "${shown(value)}" is text; write it without quotes: ${shown(value)}`;
  const known = issue.code === 'invalid_value' ? issue.values.map(String) : [];
  const advice =
    /^\w+:\S/.test(value) && expectsMap(issue) ? 'write a space after the colon' : suggestion(value, known);
  return `${label} "${shown(value)}" isn't ${message}${advice === undefined ? '' : `; ${advice}`}`;
}

/** Returns whether a text would be what is expected if it weren't in quotes. */
function isWithoutQuotes(issue: Issue, value: string): boolean {
  if (issue.code === 'invalid_value')
    return issue.values.some((each) => typeof each === 'number' && String(each) === value);
  if (issue.code !== 'invalid_type') return false;
  if (issue.expected === 'boolean') return value === 'true' || value === 'false';
  return (issue.expected === 'number' || issue.expected === 'int') && /^\d{1,15}(?:\.\d+)?$/.test(value);
}

function expectsMap({ code, message }: Issue): boolean {
  return (code === 'invalid_type' || code === 'invalid_union') && message.startsWith('a map of fields');
}

function suggestion(word: string, known: readonly string[]): string | undefined {
  const [similar] = nearest(shortened(word), known);
  return similar === undefined ? undefined : `did you mean "${similar}"?`;
}
