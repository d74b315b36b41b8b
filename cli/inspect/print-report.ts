import type { InspectedTable, InspectReport } from '../../services/control/inspect/report.js';
import { counted, listed } from '../../services/control/preflight/finding.js';
import { formatBytes } from '../../services/control/preflight/format-bytes.js';
import { printLine, printTable } from '../output.js';
import { printFindings } from './print-findings.js';

export function printReport(report: InspectReport): void {
  const { database, version, tables, watchedSeconds } = report;
  const bytes = tables.reduce((sum, table) => sum + table.bytes, 0);
  printLine(`${database} on PostgreSQL ${version}: ${counted(tables.length, 'table')}, ${formatBytes(bytes)}`);
  printTable(
    ['table', 'rows', 'size', 'writes/s', 'key', 'refers to', 'proposed'],
    tables.map((table) => [
      table.name,
      rowsOf(table),
      formatBytes(table.bytes),
      writesOf(table),
      table.key?.join(', ') ?? 'none',
      [...new Set(table.references.map(({ to }) => to))].join('\n'),
      table.target ?? 'not moved',
    ]),
  );
  printLine(`writes: seen in ${watchedSeconds.toFixed(1)} s; ~ the average since they are counted`);
  printDomains(report);
  printOutside(report);
  printMerges(report);
  printHardcoded(report);
  printFindings(report.findings);
}

function rowsOf({ rows, more }: InspectedTable): string {
  if (rows === null) return '?';
  return `${more ? 'over ' : ''}${rows.toLocaleString('en')}`;
}

function writesOf({ writesPerSecond, averageWritesPerSecond: average }: InspectedTable): string {
  if (writesPerSecond > 0) return writesPerSecond.toFixed(1);
  if (average === null || average === 0) return '0';
  return average < 0.001 ? '~ 0' : `~ ${average.toPrecision(2)}`;
}

function printDomains({ domains }: InspectReport): void {
  printLine('\nproposed domains:');
  printTable(
    ['schema', 'tables', 'which', 'why'],
    domains.map(({ schema, tables, why }) => [schema, String(tables.length), tables.join(', '), why]),
    { wrap: 2 },
  );
}

function printMerges({ merges }: InspectReport): void {
  if (merges.length === 0) return;
  printLine('\nwhat seems to be there more than once:');
  for (const { into, tables, columns, score, evidence, obstacles, mapping } of merges) {
    printLine(`\n${tables.join(', ')}: one table ${into}? (${Math.round(score * 100)} % sure)`);
    for (const line of [...evidence, ...obstacles, ...(mapping?.remarks ?? [])]) printLine(`  ${line}`);
    printTable(
      [`column of ${into}`, ...tables],
      columns.map(({ name, from }) => [name, ...tables.map((table) => from[table] ?? '')]),
    );
  }
}

function printHardcoded({ hardcoded }: InspectReport): void {
  if (hardcoded.length === 0) return;
  printLine('\nwhat names schemas that tables leave:');
  printTable(
    ['object', 'line', 'text'],
    hardcoded.map(({ kind, object, line, text }) => [`${kind} ${object}`, String(line), shorten(text)]),
    { wrap: 2 },
  );
}

/** Tables that nobody asks to be moved; those that cannot be are among the findings. */
function printOutside({ tables, findings }: InspectReport): void {
  const unfit = new Set(findings.filter(({ check }) => check === 'table').map(({ object }) => object));
  const reasons = new Map<string, string[]>();
  for (const { name, left } of tables) {
    if (left !== null && !unfit.has(name)) reasons.set(left, [...(reasons.get(left) ?? []), name]);
  }
  if (reasons.size === 0) return;
  printLine('\nleft where they are:');
  for (const [reason, names] of reasons) printLine(`  ${listed(names)}: ${reason}`);
}

/** A definition is somebody's text: what could move the cursor is left out, what is long is cut. */
function shorten(text: string): string {
  const plain = text.replaceAll(/\p{Cc}+/gu, ' ');
  return plain.length > LONGEST ? `${plain.slice(0, LONGEST)}…` : plain;
}

const LONGEST = 200;
