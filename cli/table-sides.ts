import { openLog } from '../platform/event-log/open.js';
import type { LoadedPipeline } from '../platform/load-pipeline.js';
import { silentLogger } from '../platform/logger.js';
import { connect } from '../platform/postgres.js';
import type { Sides } from '../services/control/tables/add-table.js';

/** Long enough for services that run; what does not run comes to an order later. */
export const BEGINS_WITHIN_MS = 15_000;

/** Works with both databases and the log. */
export async function withSides<T>(
  pipeline: LoadedPipeline,
  applicationName: string,
  work: (sides: Sides) => Promise<T>,
): Promise<T> {
  const target = await connect('target', pipeline.target.url, { applicationName });
  try {
    const source = await connect('source', pipeline.source.url, { applicationName });
    try {
      await using log = await openLog(pipeline, `ferry-${pipeline.name}-table`, silentLogger);
      return await work({ source, target, log });
    } finally {
      await source.end().catch(() => {});
    }
  } finally {
    await target.end().catch(() => {});
  }
}
