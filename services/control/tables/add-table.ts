import type { ClientBase } from 'pg';
import { FerryError } from '../../../core/errors.js';
import type { TableMapping } from '../../../core/mapping.js';
import { displayName, formatQualifiedName } from '../../../core/relation.js';
import { CAPTURE_STATE, type CaptureState } from '../../../core/stage-state.js';
import { sourceObjectName } from '../../../core/topics.js';
import type { EventLog } from '../../../platform/event-log/port.js';
import type { LoadedPipeline } from '../../../platform/load-pipeline.js';
import { quoteName } from '../../../platform/postgres.js';
import { readPublishedTables } from '../../../platform/published-tables.js';
import type { Finding } from '../preflight/finding.js';
import { runPreflight } from '../preflight/run-preflight.js';
import { publishTable, waitForWriters } from './publish-table.js';
import { holdUntilSnapshot } from './stop-and-go.js';

export interface Sides {
  readonly source: ClientBase;
  readonly target: ClientBase;
  readonly log: EventLog;
}

const WRITERS_END_WITHIN_MS = 60_000;

/**
 * What stands against adding a table, beside what stands against the pipeline without it.
 * @param after the pipeline with the table.
 */
export async function findObstacles(sides: Sides, after: LoadedPipeline, added: TableMapping): Promise<Finding[]> {
  const others = after.tables.filter((mapping) => mapping.source !== added.source);
  const isPublished = (await readPublishedTables(sides.source, sourceObjectName(after.name))).size > 0;
  const before = new Set((await errorsOf(sides, { ...after, tables: others })).map(({ message }) => message));
  return (await errorsOf(sides, after)).filter(
    // The publication is seen to with the statement that adds the table.
    ({ check, message }) => !before.has(message) && !(isPublished && check === 'publication'),
  );
}

async function errorsOf(sides: Sides, pipeline: LoadedPipeline): Promise<Finding[]> {
  return (await runPreflight(pipeline, sides)).filter(({ level }) => level === 'error');
}

/**
 * Refuses a table that capture knows, which goes on already.
 * @throws FerryError `usage`.
 */
export async function refuseKnown({ log }: Sides, { source, place }: TableMapping): Promise<void> {
  const capture = (await log.control.get(CAPTURE_STATE)) as CaptureState | undefined;
  if (!capture?.tables[displayName(source)]) return;
  const name = formatQualifiedName(source);
  throw new FerryError('usage', `${name} is in the pipeline already, at ${place.file}:${place.line}`, {
    remedy: `To copy it again: ferry table resnapshot ${name}`,
  });
}

/** @throws FerryError `not-ready` when the target's table has rows. */
export async function refuseFilled({ target }: Sides, mapping: TableMapping): Promise<void> {
  const { rows } = await target.query(`SELECT FROM ${quoteName(mapping.target)} LIMIT 1`);
  if (rows.length === 0) return;
  throw new FerryError('not-ready', `the target table ${displayName(mapping.target)} has rows`, {
    remedy: 'Look whose they are. With --empty the copy begins with emptying it.',
  });
}

/** Everything that comes before the mapping has the table: it is published, and apply waits for its copy to begin. */
export async function prepareTable(sides: Sides, pipeline: LoadedPipeline, mapping: TableMapping): Promise<void> {
  await publishTable(sides.source, sourceObjectName(pipeline.name), mapping.source);
  await waitForWriters(sides.source, mapping.source, WRITERS_END_WITHIN_MS);
  await holdUntilSnapshot(sides.target, pipeline, mapping);
}
