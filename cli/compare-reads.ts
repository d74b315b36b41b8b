import { readFile } from 'node:fs/promises';
import { Command } from 'commander';
import { parseReadQueries, type ReadQuery } from '../core/config/read-queries.js';
import { FerryError, POLICY } from '../core/errors.js';
import { loadPipeline } from '../platform/load-pipeline.js';
import { connect, type Side } from '../platform/postgres.js';
import {
  type CompareReadsReport,
  compareReads,
  type Latency,
  type QueryReport,
} from '../services/control/compare-reads/compare-reads.js';
import type { RowDifference } from '../services/control/compare-reads/compare-rows.js';
import { READING } from '../services/control/compare-reads/reading-side.js';
import { readServing } from '../services/control/cutover/journal.js';
import { appliedProbe } from '../services/control/verify/applied-probe.js';
import { refuseUncopied } from '../services/control/verify/copied-tables.js';
import { printJson, printLine, printTable } from './output.js';
import { recordAct } from './record-act.js';
import { parseWholeNumber } from './whole-number.js';

const EXAMPLE = `
Example:
  $ ferry compare-reads -c config/mine --queries config/mine/reads.yaml --samples 50

reads.yaml:
  queries:
    orders of a user:
      source: SELECT id, total FROM public.orders WHERE user_id = $1
      target: SELECT id, total FROM growth.orders WHERE user_id = $1
      parameters: SELECT id FROM public.users ORDER BY random()

An answer that differs is asked for again once the target has applied what the source had: only then is it a difference.
Exit code: 0 all equal, 3 answers differ, change too often to be judged, or nothing was sampled, 2 configuration, 1 failed.`;

interface CompareReadsFlags {
  readonly config: string;
  readonly queries: string;
  readonly samples: number;
  readonly json?: true;
}

export function compareReadsCommand(): Command {
  return new Command('compare-reads')
    .description(
      'ask both projects the same queries, and compare answers and times, before users read from the new one',
    )
    .requiredOption('-c, --config <dir>', 'directory that holds pipeline.yaml')
    .requiredOption('--queries <file>', 'the queries, as YAML')
    .option('--samples <n>', 'of each query, at most', parseWholeNumber, 100)
    .option('--json', 'print one JSON object: ok, queries')
    .addHelpText('after', EXAMPLE)
    .action(runCompareReads);
}

async function runCompareReads({ config, queries: file, samples, json }: CompareReadsFlags): Promise<void> {
  const pipeline = await loadPipeline(config);
  const queries = await readQueries(file);
  const stop = new AbortController();
  process.once('SIGINT', () => stop.abort(interrupted()));
  const applicationName = 'ferry compare-reads';
  const open = (side: Side) => connect(side, pipeline[side].url, { applicationName, settings: READING });
  const control = await connect('target', pipeline.target.url, { applicationName });
  try {
    const { name, mappingVersion, tables, log } = pipeline;
    const chosen = { pipeline: name, mappingVersion, tables, partitions: log.partitions };
    await refuseUncopied(control, chosen);
    if ((await readServing(control, name)) === 'target') throw nothingToCompare();
    const source = await open('source');
    try {
      const target = await open('target');
      try {
        const report = await compareReads({
          queries,
          samples,
          source,
          target,
          applied: appliedProbe(control, chosen),
          signal: stop.signal,
          onQuery: (query) => process.stderr.write(`${query.name}: ${query.samples} samples\n`),
        });
        await recordAct(control, name, { act: 'compare-reads', detail: summary(report) });
        if (json) printJson(report);
        else printReport(report);
        if (!report.ok) process.exitCode = POLICY.mismatch.exit;
      } finally {
        await target.end().catch(() => {});
      }
    } finally {
      await source.end().catch(() => {});
    }
  } finally {
    await control.end().catch(() => {});
  }
}

function interrupted(): FerryError {
  return new FerryError('not-ready', 'the comparison was interrupted', { remedy: 'Run it again when it suits.' });
}

async function readQueries(file: string): Promise<readonly ReadQuery[]> {
  const text = await readFile(file, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    throw new FerryError('config-invalid', `cannot read ${file}: ${cause.code}`, {
      remedy: 'Name the file with --queries; `ferry compare-reads --help` shows one.',
      cause,
    });
  });
  return parseReadQueries(file, text, process.env);
}

function nothingToCompare(): FerryError {
  return new FerryError('not-ready', 'the new project serves: the old one does not get its changes', {
    remedy: 'Compare before the cutover only.',
  });
}

function summary({ ok, queries }: CompareReadsReport): object {
  const sum = (of: (query: QueryReport) => number) => queries.reduce((total, query) => total + of(query), 0);
  return {
    ok,
    queries: queries.length,
    samples: sum(({ samples }) => samples),
    different: sum(({ different }) => different),
    unsettled: sum(({ unsettled }) => unsettled),
  };
}

function printReport({ queries }: CompareReadsReport): void {
  printTable(
    ['query', 'samples', 'equal', 'late', 'different', 'unsettled', 'source p50/p95 ms', 'target p50/p95 ms'],
    queries.map((query) => [
      query.name,
      ...[query.samples, query.equal, query.late, query.different, query.unsettled].map(String),
      latencyCell(query.source),
      latencyCell(query.target),
    ]),
  );
  for (const query of queries) printDifferences(query);
}

function latencyCell(latency: Latency | null): string {
  return latency ? `${latency.p50Ms} / ${latency.p95Ms}` : '-';
}

function printDifferences({ name, samples, different, unsettled, differences }: QueryReport): void {
  if (samples === 0) printLine(`${name}: its parameters gave no row, so nothing was compared`);
  if (unsettled > 0)
    printLine(`${name}: ${unsettled} samples changed each time they were looked at; compare again later`);
  for (const { parameters, rows, rowsTotal } of differences) {
    printLine(`${name} (${parameters.map((value) => JSON.stringify(value)).join(', ')}): ${rowsTotal} differ`);
    for (const row of rows) printLine(`  ${inWords(row)}`);
  }
  if (different > differences.length) printLine(`${name}: ${different - differences.length} more samples differ`);
}

function inWords(difference: RowDifference): string {
  if (difference.kind === 'order') {
    const { at, source, target } = difference;
    return `row ${at} is ${JSON.stringify(source)} in the source, ${JSON.stringify(target)} in the target`;
  }
  const { kind, row } = difference;
  return `${kind === 'missing' ? 'in the source only' : 'in the target only'}: ${JSON.stringify(row)}`;
}
