import type { ClientBase } from 'pg';
import type { TableMapping } from '../../core/mapping.js';
import { ensureControlSchema } from '../../platform/control-schema.js';
import type { LoadedPipeline } from '../../platform/load-pipeline.js';
import { connect } from '../../platform/postgres.js';
import { lockCoordinator } from '../../services/control/cutover/lock.js';
import { refuseServing } from '../../services/control/tables/resnapshot.js';
import { repairer } from '../../services/control/verify/repair.js';
import type { RepairTable } from '../../services/control/verify/verify-tables.js';

export interface OpenRepair extends AsyncDisposable {
  readonly table: RepairTable;
}

/**
 * Makes the target's session the coordinator: no cutover begins while rows are repaired.
 * @throws FerryError `not-ready` once the target serves, while a cutover runs, or when nobody would read the orders.
 */
export async function openRepair(
  pipeline: LoadedPipeline,
  target: ClientBase,
  tables: readonly TableMapping[],
): Promise<OpenRepair> {
  await ensureControlSchema(target);
  await lockCoordinator(target, pipeline.name, 0);
  for (const mapping of tables) await refuseServing(target, pipeline, mapping);
  const source = await connect('source', pipeline.source.url, { applicationName: 'ferry verify repair' });
  const close = () => source.end().catch(() => {});
  try {
    return { table: await repairer({ pipeline: pipeline.name, source }), [Symbol.asyncDispose]: close };
  } catch (error) {
    await close();
    throw error;
  }
}
