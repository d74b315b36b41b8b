import type { ClientBase } from 'pg';
import { toFerryError } from '../../core/errors.js';
import type { TableMapping } from '../../core/mapping.js';
import { ensureControlSchema } from '../../platform/control-schema.js';
import type { LoadedPipeline } from '../../platform/load-pipeline.js';
import { VerificationRun } from '../../services/control/verify/runs.js';
import { pairOf } from '../../services/control/verify/table-times.js';
import { chooseTables } from './choose-tables.js';

export interface ChosenRun {
  readonly tables: readonly TableMapping[];
  /** Undefined where the target keeps nothing. */
  readonly run: VerificationRun | undefined;
}

/** The verification that is begun, or gone on with. */
export async function openRun(
  target: ClientBase,
  pipeline: LoadedPipeline,
  { table, resume }: { readonly table?: readonly string[]; readonly resume?: true },
): Promise<ChosenRun> {
  const tables = chooseTables(pipeline.tables, table);
  const pairs = tables.map(pairOf);
  if (!resume) return { tables, run: await begin(target, pipeline, pairs) };
  await ensureControlSchema(target);
  const run = await VerificationRun.resume(target, pipeline, table && pairs);
  return { tables: pipeline.tables.filter((mapping) => run.pairs.includes(pairOf(mapping))), run };
}

/** What is found is told in any case; a cutover goes by the record. */
async function begin(
  target: ClientBase,
  pipeline: LoadedPipeline,
  pairs: readonly string[],
): Promise<VerificationRun | undefined> {
  try {
    await ensureControlSchema(target);
    return await VerificationRun.begin(target, pipeline, pairs);
  } catch (error) {
    process.stderr.write(`the verification is not recorded, and cannot be resumed: ${toFerryError(error).message}\n`);
    return undefined;
  }
}
