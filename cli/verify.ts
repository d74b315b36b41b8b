import { MultiBar, Presets, type SingleBar } from 'cli-progress';
import { Command } from 'commander';
import type { ClientBase } from 'pg';
import { FerryError, POLICY, toFerryError } from '../core/errors.js';
import type { TableMapping } from '../core/mapping.js';
import { displayName, formatQualifiedName } from '../core/relation.js';
import { sourceObjectName } from '../core/topics.js';
import { ensureControlSchema } from '../platform/control-schema.js';
import { type LoadedPipeline, loadPipeline } from '../platform/load-pipeline.js';
import { connect } from '../platform/postgres.js';
import { ruleKitOf } from '../platform/rule-kit.js';
import { countDeadLetters } from '../services/control/status/count-dead-letters.js';
import { appliedProbe } from '../services/control/verify/applied-probe.js';
import { refuseUncopied } from '../services/control/verify/copied-tables.js';
import { recordVerification, type TimedReport } from '../services/control/verify/record.js';
import type { Difference, TableReport, VerifyReport } from '../services/control/verify/report.js';
import { TableTimes } from '../services/control/verify/table-times.js';
import { type VerifyProgress, verifyTables } from '../services/control/verify/verify-tables.js';
import { printJson, printLine, printTable } from './output.js';
import { recordAct } from './record-act.js';

const EXAMPLE = `
Example:
  $ ferry verify -c config/mine --table public.users

A row counts as different only when it is neither late nor being written.
Exit code: 0 all equal, 3 rows differ, change too often to be judged, are not copied yet or stand in the dead letters, 2 configuration, 1 failed.`;

interface VerifyFlags {
  readonly config: string;
  readonly table?: readonly string[];
  readonly json?: true;
}

/** `ferry verify`: exit 0 when every table is equal, 3 when rows differ or cannot be judged yet. */
export function verifyCommand(): Command {
  return new Command('verify')
    .description('compare source and target by count and checksum of every mapped table, while writes go on')
    .requiredOption('-c, --config <dir>', 'directory that holds pipeline.yaml')
    .option('--table <schema.table...>', 'only these tables, by their name in the source or in the target')
    .option('--json', 'print one JSON object: ok, tables, deadLetters, durationMs')
    .addHelpText('after', EXAMPLE)
    .action(runVerify);
}

async function runVerify(flags: VerifyFlags): Promise<void> {
  const loaded = await loadPipeline(flags.config);
  const { name: pipeline } = loaded;
  const tables = chooseTables(loaded.tables, flags.table);
  const applicationName = 'ferry verify';
  const connectSource = () => connect('source', loaded.source.url, { applicationName });
  const connectTarget = () => connect('target', loaded.target.url, { applicationName });
  const control = await connectTarget();
  try {
    const chosen = { pipeline, tables, partitions: loaded.log.partitions };
    await refuseUncopied(control, chosen);
    const applied = appliedProbe(control, chosen);
    const publication = sourceObjectName(pipeline);
    const kit = await ruleKitOf(loaded);
    const times = new TableTimes();
    const report = await whileShown((show) => {
      const onProgress = (progress: VerifyProgress) => {
        times.saw(progress);
        show(progress);
      };
      return verifyTables({ tables, kit, publication, connectSource, connectTarget, applied, onProgress });
    });
    await record(control, loaded, times.of(report.tables));
    const deadLetters = await countDeadLetters(control, pipeline, tables);
    const ok = report.ok && deadLetters === 0;
    await recordAct(control, pipeline, { act: 'verify', detail: { ok, tables: report.tables.length, deadLetters } });
    if (flags.json) printJson({ ...report, ok, deadLetters });
    else printReport(report);
    if (!flags.json && deadLetters > 0)
      printLine(`${deadLetters} changes stand in the dead letters: ferry dead-letter list`);
    if (!ok) process.exitCode = POLICY.mismatch.exit;
  } finally {
    await control.end();
  }
}

/** A cutover goes by the record. What was found is told in any case. */
async function record(target: ClientBase, pipeline: LoadedPipeline, reports: readonly TimedReport[]): Promise<void> {
  try {
    await ensureControlSchema(target);
    await recordVerification(target, pipeline, reports);
  } catch (error) {
    process.stderr.write(`the verification is not recorded: ${toFerryError(error).message}\n`);
  }
}

/** @throws FerryError `usage` for a name that no table has. */
function chooseTables(tables: readonly TableMapping[], names: readonly string[] | undefined): readonly TableMapping[] {
  if (!names) return tables;
  const isNamed = (table: TableMapping, name: string) =>
    [table.source, table.target].some((side) => displayName(side) === name || formatQualifiedName(side) === name);
  for (const name of names) {
    if (tables.some((table) => isNamed(table, name))) continue;
    throw new FerryError('usage', `--table ${name}: the mapping has no such table on either side`, {
      remedy: `It maps ${tables.map((table) => formatQualifiedName(table.source)).join(', ')}.`,
    });
  }
  return tables.filter((table) => names.some((name) => isNamed(table, name)));
}

interface ProgressDisplay {
  show(progress: VerifyProgress): void;
  close(): void;
}

/** On standard error: the report stays alone on standard output. */
async function whileShown<T>(work: (show: ProgressDisplay['show']) => Promise<T>): Promise<T> {
  const display = process.stderr.isTTY ? progressBars() : progressLines();
  try {
    return await work(display.show);
  } finally {
    display.close();
  }
}

function progressLines(): ProgressDisplay {
  return {
    show: ({ report }) => void (report && process.stderr.write(`${finished(report)}\n`)),
    close: () => {},
  };
}

/** A bar for each table that is being read, and a line for each that is done. */
function progressBars(): ProgressDisplay {
  const bars = new MultiBar(
    {
      format: '{bar} {percentage}% | {value}/{total} rows | {table}',
      barsize: 24,
      clearOnComplete: true,
      gracefulExit: false,
    },
    Presets.shades_classic,
  );
  const running = new Map<string, SingleBar>();
  // The library's own handler would leave the terminal as it was and the command running.
  const onInterrupt = () => {
    bars.stop();
    process.kill(process.pid, 'SIGINT');
  };
  process.once('SIGINT', onInterrupt);
  return {
    show({ source, target, rows, estimatedRows, report }) {
      // Several tables may be merged into one.
      const name = `${source} -> ${target}`;
      const bar = running.get(name) ?? bars.create(estimatedRows ?? 0, 0, { table: target });
      running.set(name, bar);
      // The estimate may be stale, and the table grows.
      bar.setTotal(Math.max(estimatedRows ?? 0, rows, 1));
      bar.update(rows);
      if (!report) return;
      bars.log(`${finished(report)}\n`);
      bars.remove(bar);
    },
    close() {
      process.off('SIGINT', onInterrupt);
      bars.stop();
    },
  };
}

function finished(report: TableReport): string {
  const { lineage } = report;
  const behind = lineage && lineage.behind > 0 ? `${lineage.behind} behind others, ` : '';
  return `${report.source} -> ${report.target}: ${report.rows} rows, ${behind}${verdict(report)}`;
}

function verdict(report: TableReport): string {
  if (report.equal) return 'equal';
  const parts: string[] = [];
  if (report.differencesTotal > 0) parts.push(`${report.differencesTotal} different`);
  if (report.unsettled > 0) parts.push(`${report.unsettled} unsettled`);
  return parts.join(', ');
}

function printReport(report: VerifyReport): void {
  printTable(
    ['table', 'rows', 'source checksum', 'target checksum', 'equal'],
    report.tables.map((table) => [
      `${table.source} -> ${table.target}`,
      table.rows === table.targetRows ? String(table.rows) : `${table.rows} / ${table.targetRows}`,
      table.checksum.source,
      table.checksum.target,
      table.equal ? 'yes' : `no: ${verdict(table)}`,
    ]),
  );
  for (const table of report.tables) printDifferences(table);
  const equal = report.tables.filter((table) => table.equal).length;
  printLine(`${equal} of ${report.tables.length} tables equal, ${(report.durationMs / 1000).toFixed(1)} s`);
}

function printDifferences(table: TableReport): void {
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
