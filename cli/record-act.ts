import type { ClientBase } from 'pg';
import { toFerryError } from '../core/errors.js';
import { ensureControlSchema } from '../platform/control-schema.js';
import { type Act, insertAct } from '../services/control/history/acts.js';

/** For `ferry history`. What was done is done: that it could not be written down is said, and no more. */
export async function recordAct(target: ClientBase, pipeline: string, act: Act): Promise<void> {
  try {
    await ensureControlSchema(target);
    await insertAct(target, pipeline, act);
  } catch (error) {
    process.stderr.write(`not recorded in the history: ${toFerryError(error).message}\n`);
  }
}
