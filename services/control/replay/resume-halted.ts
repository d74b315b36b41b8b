import type { ClientBase } from 'pg';
import { routeName } from '../../../core/mapping.js';
import { readStoppedTables } from '../../../platform/control-schema.js';
import type { LoadedPipeline } from '../../../platform/load-pipeline.js';
import { resumeTable } from '../tables/stop-and-go.js';

/** Who runs a replay into a second target again has seen to what it stood at: no other command reaches that database. */
export async function resumeHalted(second: ClientBase, pipeline: LoadedPipeline): Promise<void> {
  const stopped = await readStoppedTables(second, pipeline.name);
  const halted = new Set(stopped.filter(({ state }) => state === 'halted').map(({ source }) => source));
  for (const mapping of pipeline.tables) {
    if (halted.has(routeName(mapping))) await resumeTable(second, pipeline, mapping);
  }
}
