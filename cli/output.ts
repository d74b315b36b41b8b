import Table from 'cli-table3';

/** What a file or a pipe gets: a line length that fits a report. */
export const PIPED_COLUMNS = 120;

export function printLine(text = ''): void {
  process.stdout.write(`${text}\n`);
}

/** One JSON object on one line; called last, so that a program can read the last line alone. */
export function printJson(value: object): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

/**
 * Prints a table as wide as its content needs.
 * @param options.wrap index of the column that is wrapped when the table would be wider than the terminal.
 */
export function printTable(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  options: { readonly wrap?: number } = {},
): void {
  printLine(renderTable(head, rows, { ...options, columns: process.stdout.columns ?? PIPED_COLUMNS }));
}

/** The table as text, without a newline at its end. */
export function renderTable(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  options: { readonly wrap?: number; readonly columns: number },
): string {
  const table = new Table({
    head: [...head],
    style: { head: [], border: [], compact: true },
    wordWrap: true,
    colWidths: columnWidths(head, rows, options),
  });
  for (const row of rows) table.push([...row]);
  return table.toString();
}

/** cli-table3 counts a cell's two blanks into its width, and wraps nothing unless the column's width is given. */
function columnWidths(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  options: { readonly wrap?: number; readonly columns: number },
): number[] {
  const natural = head.map(
    (title, index) =>
      2 + Math.max(title.length, ...rows.flatMap((row) => (row[index] ?? '').split('\n').map((line) => line.length))),
  );
  if (options.wrap === undefined) return natural;
  const borders = head.length + 1;
  const others = natural.reduce((sum, width, index) => (index === options.wrap ? sum : sum + width), borders);
  // Below this a wrapped column is unreadable, and a terminal's own line break does better.
  const narrowest = 40;
  return natural.map((width, index) =>
    index === options.wrap ? Math.min(width, Math.max(narrowest, options.columns - others)) : width,
  );
}
