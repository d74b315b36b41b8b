import type { ClientBase } from 'pg';
import { displayName } from '../../../core/relation.js';
import type { LoadedPipeline } from '../../../platform/load-pipeline.js';
import { mappingDigest } from '../../../platform/mapping-digest.js';
import type { TableReport } from './report.js';

/** A table's report with how long it took. */
export type TimedReport = TableReport & { readonly ms: number };

/** A table as it was compared last. */
export interface RecordedVerification {
  /** Digest of the mapping that it was compared through. */
  readonly mapping: string;
  /** How long ago that was, in ms, by the target's clock; of one that was interrupted, how long ago it began. */
  readonly ageMs: number;
  readonly finishedAt: string;
  /** Without the rows that differed. */
  readonly report: TimedReport;
}

/**
 * Writes into the target what was compared, one row a table.
 * @param resumedSince of tables whose comparison was interrupted: when it began.
 */
export async function recordVerification(
  target: ClientBase,
  pipeline: Pick<LoadedPipeline, 'name' | 'tables'>,
  reports: readonly TimedReport[],
  resumedSince?: string,
): Promise<void> {
  const mapping = mappingDigest(pipeline);
  for (const report of reports) {
    await target.query(
      `INSERT INTO ferry.verification (pipeline, mapping, source_table, target_table, source_rows, target_rows,
         source_checksum, target_checksum, equal, differences, unsettled, duration_ms, resumed_since)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`,
      [
        pipeline.name,
        mapping,
        report.source,
        report.target,
        report.rows,
        report.targetRows,
        report.checksum.source,
        report.checksum.target,
        report.equal,
        report.differencesTotal,
        report.unsettled,
        report.ms,
        resumedSince ?? null,
      ],
    );
  }
}

/** The last verification of each mapped table; one that was never compared is absent. */
export async function readVerifications(
  target: ClientBase,
  { name, tables }: Pick<LoadedPipeline, 'name' | 'tables'>,
): Promise<RecordedVerification[]> {
  const { rows } = await target.query<Record<string, string>>(
    `SELECT DISTINCT ON (target_table, source_table) *,
            round(extract(epoch FROM clock_timestamp() - coalesce(resumed_since, finished_at)) * 1000) AS age_ms
       FROM ferry.verification WHERE pipeline = $1 AND target_table = ANY ($2) ORDER BY target_table, source_table, id DESC`,
    [name, tables.map((table) => displayName(table.target))],
  );
  return rows.map((row) => ({
    mapping: row.mapping!,
    ageMs: Number(row.age_ms),
    finishedAt: row.finished_at!,
    report: {
      source: row.source_table!,
      target: row.target_table!,
      rows: Number(row.source_rows),
      targetRows: Number(row.target_rows),
      checksum: { source: row.source_checksum!, target: row.target_checksum! },
      equal: row.equal === 't',
      differences: [],
      differencesTotal: Number(row.differences),
      unsettled: Number(row.unsettled),
      ms: Number(row.duration_ms),
    },
  }));
}
