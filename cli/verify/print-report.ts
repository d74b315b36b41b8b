import type { Difference, TableReport, VerifyReport } from '../../services/control/verify/report.js';
import { printLine, printTable } from '../output.js';

/** A line for a table that is compared. */
export function finished(report: TableReport): string {
  const { lineage } = report;
  const behind = lineage && lineage.behind > 0 ? `${lineage.behind} behind others, ` : '';
  return `${report.source} -> ${report.target}: ${report.rows} rows, ${behind}${verdict(report)}`;
}

function verdict(report: TableReport): string {
  const repaired = report.repaired ? `${report.repaired} repaired` : '';
  if (report.equal) return repaired === '' ? 'equal' : `equal, ${repaired}`;
  const parts: string[] = repaired === '' ? [] : [repaired];
  if (report.differencesTotal > 0) parts.push(`${report.differencesTotal} different`);
  if (report.unsettled > 0) parts.push(`${report.unsettled} unsettled`);
  return parts.join(', ');
}

/** For people. */
export function printReport(report: VerifyReport): void {
  printTable(
    ['table', 'rows', 'source checksum', 'target checksum', 'equal'],
    report.tables.map((table) => [
      `${table.source} -> ${table.target}`,
      table.rows === table.targetRows ? String(table.rows) : `${table.rows} / ${table.targetRows}`,
      table.checksum.source,
      table.checksum.target,
      table.equal ? (table.repaired ? `yes, ${table.repaired} repaired` : 'yes') : `no: ${verdict(table)}`,
    ]),
  );
  for (const table of report.tables) printDifferences(table);
  const equal = report.tables.filter((table) => table.equal).length;
  printLine(`${equal} of ${report.tables.length} tables equal, ${(report.durationMs / 1000).toFixed(1)} s`);
}

/** The rows that differ, by name. */
export function printDifferences(table: TableReport): void {
  for (const difference of table.differences) {
    const of = difference.isStanding ? table.target : table.source;
    printLine(`${of} (${difference.key.map(keyValue).join(', ')}): ${explain(difference)}`);
  }
  const unnamed = table.differencesTotal - table.differences.length;
  if (unnamed > 0) printLine(`${table.source}: ${unnamed} more rows differ`);
  if (table.unsettled > 0) {
    printLine(`${table.source}: ${table.unsettled} rows changed each time they were looked at; verify again later`);
  }
}

/** What a repair could not make right. */
export function printUnrepaired({ tables }: VerifyReport): void {
  for (const { source, differencesTotal } of tables) {
    if (differencesTotal === 0) continue;
    printLine(
      `${source}: ${differencesTotal} rows are not repaired; capture's log may say why: ferry table resnapshot ${source}`,
    );
  }
}

/** Keys are data: what could move the cursor or be misread is quoted. */
function keyValue(value: string): string {
  return /^[\w.:@+-]+$/.test(value) ? value : JSON.stringify(value);
}

function explain(difference: Difference): string {
  switch (difference.kind) {
    case 'missing':
      return 'missing from the target';
    case 'extra':
      return 'in the target only';
    case 'different':
      return `differs in ${difference.columns?.join(', ')}`;
  }
}
