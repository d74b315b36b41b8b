import type { RowsLine } from '../../core/record.js';

/**
 * COPY text without the columns that go nowhere, and with the names that the target has.
 * @param names source name -> target name, undefined for a column that goes nowhere.
 */
export function fitRows(
  names: ReadonlyMap<string, string | undefined>,
  line: RowsLine,
  text: Buffer,
): { line: RowsLine; text: Buffer } {
  const now = line.columns.map((column) => (names.has(column) ? names.get(column) : column));
  const columns = now.filter((name): name is string => name !== undefined);
  if (columns.length === now.length) return { line: { ...line, columns }, text };
  const lines = text.toString('utf8').split('\n');
  lines.pop();
  const fitted = lines.map((row) =>
    row
      .split('\t')
      .filter((_, i) => now[i] !== undefined)
      .join('\t'),
  );
  const body = Buffer.from(fitted.map((row) => `${row}\n`).join(''), 'utf8');
  return { line: { ...line, columns, bytes: body.length }, text: body };
}
