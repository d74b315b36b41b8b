import type { ClientBase } from 'pg';
import { displayName } from '../../../core/relation.js';
import type { LoadedPipeline } from '../../../platform/load-pipeline.js';
import { PAUSE_BEGAN, readServing } from '../cutover/journal.js';
import { readActs } from '../history/acts.js';
import { countDeadLetters } from '../status/count-dead-letters.js';
import { readVerifications } from '../verify/record.js';
import { pairName } from '../verify/table-times.js';
import type { DoneCutover, MigrationFacts } from './migration-report.js';

/** Reads what the target keeps of a migration; the source may be gone. */
export async function readMigrationFacts(target: ClientBase, pipeline: LoadedPipeline): Promise<MigrationFacts> {
  const { name, tables } = pipeline;
  const compared = await readVerifications(target, pipeline);
  return {
    pipeline: name,
    serving: await readServing(target, name),
    mapped: tables.map((one) => pairName({ source: displayName(one.source), target: displayName(one.target) })),
    tables: compared.map(({ finishedAt, report }) => ({
      pair: pairName(report),
      sourceRows: report.rows,
      targetRows: report.targetRows,
      isEqual: report.equal,
      comparedAt: finishedAt,
    })),
    deadLetters: await countDeadLetters(target, name, tables),
    cutover: await readDoneCutover(target, name),
    acts: await readActs(target, name, MOST_ACTS),
  };
}

/** Far more than people do by hand. */
const MOST_ACTS = 1_000;

async function readDoneCutover(target: ClientBase, pipeline: string): Promise<DoneCutover | null> {
  const { rows } = await target.query<Record<'at' | 'by' | 'pause' | 'forced', string>>(
    `SELECT r.finished_at AS at, r.started_by AS by, coalesce(r.settings -> 'forced', '{}') AS forced,
            round(extract(epoch FROM r.finished_at - ${PAUSE_BEGAN}) * 1000) AS pause
       FROM ferry.cutover_run r
      WHERE r.pipeline = $1 AND r.state = 'done' AND r.direction = 'forward' ORDER BY r.finished_at DESC LIMIT 1`,
    [pipeline],
  );
  const row = rows[0];
  return row ? { at: row.at, by: row.by, writePauseMs: Number(row.pause), forced: JSON.parse(row.forced) } : null;
}
