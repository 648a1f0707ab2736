import { describe, expect, test } from 'vitest';
import { DocumentError } from '../../src/documents/document.ts';
import { markedLines, markedLinesFormat } from '../../src/documents/marked-lines.ts';
import { isThere, withoutChanges, withSettings } from '../../src/documents/settings.ts';

const setting = { path: markedLines, value: ['provider add x', 'model large "y"'] };
const block = '# >>> CheapestInference >>>\nprovider add x\nmodel large "y"\n# <<< CheapestInference <<<\n';
const crlf = (text: string) => text.replaceAll('\n', '\r\n');

const set = (text: string, value = setting.value) => withSettings(markedLinesFormat, text, [{ ...setting, value }]);
const unset = (text: string, changes: ReturnType<typeof set>['changes']) =>
  withoutChanges(markedLinesFormat, text, changes);

describe('lines between two comments', () => {
  test.each([
    ['', block],
    ['option theme dark\n', `option theme dark\n${block}`],
    ['option theme dark', `option theme dark\n${block}`],
    ['\n\n', `\n\n${block}`],
    ['# mine\r\nx\r\n', `# mine\r\nx\r\n${crlf(block)}`],
    ['x\r\ny', `x\r\ny\r\n${crlf(block)}`],
  ])('are added at the end of %j, and removed again', (before, after) => {
    const { text, changes } = set(before);
    expect(text).toBe(after);
    expect(isThere(markedLinesFormat.parse(text), setting)).toBe(true);
    expect(unset(text, changes)).toBe(before);
  });

  test('are there already the second time', () => {
    const { text } = set('x\n');
    expect(set(text)).toEqual({ text, changes: [] });
  });

  test('are replaced where they are, and given back', () => {
    const before = `x\n${block}y\n`;
    const { text, changes } = set(before, ['other']);
    expect(text).toBe('x\n# >>> CheapestInference >>>\nother\n# <<< CheapestInference <<<\ny\n');
    expect(unset(text, changes)).toBe(before);
  });

  test.each([
    ['above', (text: string) => `# new\n${text}`, '# new\nx\n'],
    ['below', (text: string) => `${text}# new\n`, 'x\n# new\n'],
    ['below, without a line end', (text: string) => `${text}# new`, 'x\n# new'],
    ['inside', (text: string) => text.replace('provider', 'my provider'), 'x\n'],
  ])('are removed after an edit %s', (_where, edit, rest) => {
    const { text, changes } = set('x\n');
    expect(unset(edit(text), changes)).toBe(rest);
  });

  test('keep a line that was added below a last line without an end apart', () => {
    const { text, changes } = set('x');
    expect(unset(`${text}y\n`, changes)).toBe('x\ny\n');
  });

  test('leave a text alone from which they were removed', () => {
    const { changes } = set('x\n');
    expect(unset('x\ny\n', changes)).toBe('x\ny\n');
  });

  test('are found with spaces after the comments', () => {
    const text = block.replaceAll('>>>\n', '>>>  \n');
    expect(set(text)).toEqual({ text, changes: [] });
  });

  test('are refused without their end', () => {
    expect(() => set('# >>> CheapestInference >>>\nx\n')).toThrow(
      new DocumentError('it has the line "# >>> CheapestInference >>>" but not "# <<< CheapestInference <<<"'),
    );
  });
});
