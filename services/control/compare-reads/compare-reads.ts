import type pg from 'pg';
import type { ReadQuery } from '../../../core/config/read-queries.js';
import { FerryError } from '../../../core/errors.js';
import { parseLsn } from '../../../core/lsn.js';
import { formatPlace } from '../../../core/mapping.js';
import type { Side } from '../../../platform/postgres.js';
import type { AppliedProbe } from '../verify/applied-probe.js';
import type { TextRow } from '../verify/session.js';
import type { RowDifference } from './compare-rows.js';
import { percentile } from './percentile.js';
import { ask, sampleRows } from './reading-side.js';
import { settleSample } from './settle-sample.js';

export interface CompareReadsOptions {
  readonly queries: readonly ReadQuery[];
  /** Of each query, at most. */
  readonly samples: number;
  readonly source: pg.ClientBase;
  readonly target: pg.ClientBase;
  readonly applied: AppliedProbe;
  readonly signal: AbortSignal;
  readonly onQuery: (report: QueryReport) => void;
}

/** What `ferry compare-reads --json` prints. */
export interface CompareReadsReport {
  /** Every query was sampled, and every sample was equal, at the latest once the target had caught up. */
  readonly ok: boolean;
  readonly queries: readonly QueryReport[];
}

export interface QueryReport {
  readonly name: string;
  readonly samples: number;
  readonly equal: number;
  readonly late: number;
  readonly different: number;
  readonly unsettled: number;
  /** Of the first answers; null without a sample. */
  readonly source: Latency | null;
  readonly target: Latency | null;
  /** The first samples that differ, with their first rows. */
  readonly differences: readonly SampleDifference[];
}

export interface Latency {
  readonly p50Ms: number;
  readonly p95Ms: number;
}

export interface SampleDifference {
  readonly parameters: TextRow;
  readonly rows: readonly RowDifference[];
  /** Of the sample, those that are not among `rows` included. */
  readonly rowsTotal: number;
}

const MAX_NAMED_SAMPLES = 5;
const MAX_NAMED_ROWS = 5;

/** Asks both sides the same, one question at a time. */
export async function compareReads(options: CompareReadsOptions): Promise<CompareReadsReport> {
  const queries: QueryReport[] = [];
  for (const query of options.queries) {
    const report = await compareQuery(query, options);
    options.onQuery(report);
    queries.push(report);
  }
  return { ok: queries.every(({ samples, equal, late }) => samples > 0 && equal + late === samples), queries };
}

async function compareQuery(query: ReadQuery, options: CompareReadsOptions): Promise<QueryReport> {
  const { name, place, parameters } = query;
  const samples =
    parameters === undefined
      ? [[]]
      : await sampleRows(options.source, { sql: parameters, values: [], name, place }, options.samples);
  const counts = { equal: 0, late: 0, different: 0, unsettled: 0 };
  const took: Record<Side, number[]> = { source: [], target: [] };
  const differences: SampleDifference[] = [];
  for (const values of samples) {
    options.signal.throwIfAborted();
    const on = (side: Side) => ask(side, options[side], { sql: query[side], values, name, place });
    const first = { source: await on('source'), target: await on('target') };
    refuseOtherColumns(query, first.source.columns, first.target.columns);
    took.source.push(first.source.ms);
    took.target.push(first.target.ms);
    const { verdict, differences: rows } = await settleSample(
      {
        source: async () => (await on('source')).rows,
        target: async () => (await on('target')).rows,
        caughtUp: () => caughtUp(options),
      },
      { source: first.source.rows, target: first.target.rows },
      query,
    );
    counts[verdict] += 1;
    if (verdict === 'different' && differences.length < MAX_NAMED_SAMPLES) {
      differences.push({ parameters: values, rows: rows.slice(0, MAX_NAMED_ROWS), rowsTotal: rows.length });
    }
  }
  return {
    name,
    samples: samples.length,
    ...counts,
    source: latencyOf(took.source),
    target: latencyOf(took.target),
    differences,
  };
}

async function caughtUp({ source, applied, signal }: CompareReadsOptions): Promise<void> {
  const { rows } = await source.query<{ lsn: string }>('SELECT pg_catalog.pg_current_wal_insert_lsn() AS lsn');
  await applied.waitUntilApplied(parseLsn(rows[0]!.lsn), signal);
}

function refuseOtherColumns({ name, place }: ReadQuery, source: number, target: number): void {
  if (source === target) return;
  throw new FerryError(
    'config-invalid',
    `${formatPlace(place)}: the query ${name} has ${source} columns on the source and ${target} on the target`,
    { remedy: 'Both must give the same columns, in the same order; their names do not count.' },
  );
}

function latencyOf(took: readonly number[]): Latency | null {
  if (took.length === 0) return null;
  return { p50Ms: rounded(percentile(took, 50)), p95Ms: rounded(percentile(took, 95)) };
}

const rounded = (ms: number): number => Math.round(ms * 100) / 100;
