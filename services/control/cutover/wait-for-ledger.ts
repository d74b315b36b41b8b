import { setTimeout as sleep } from 'node:timers/promises';
import type { ClientBase } from 'pg';
import { FerryError } from '../../../core/errors.js';
import { ledgerAddsUp } from '../../../core/ledger.js';
import type { EventLog } from '../../../platform/event-log/port.js';
import type { LoadedPipeline } from '../../../platform/load-pipeline.js';
import { readLedger } from '../status/read-ledger.js';
import type { Settings } from './settings.js';

/** Transform puts down what it filtered as soon as it has the marker, and each second in partitions that have none. */
const WITHIN_MS = 3_000;
const AGAIN_MS = 25;

/**
 * Waits until the ledger of a pipeline that is drained adds up, with no dead letters.
 * @param forced gates that are passed by force: what they would refuse is only told.
 * @throws FerryError `mismatch` naming the tables that do not.
 */
export async function waitForLedger(
  pipeline: LoadedPipeline,
  sides: { readonly log: EventLog; readonly target: ClientBase },
  forced: Settings['forced'],
): Promise<string> {
  const read = () => readLedger(pipeline, sides.log, sides.target);
  const deadline = performance.now() + WITHIN_MS;
  let ledger = await read();
  while (!ledger.addsUp && performance.now() < deadline) {
    await sleep(AGAIN_MS);
    ledger = await read();
  }
  const wrong = ledger.tables.filter(
    (table) =>
      (!ledgerAddsUp(table) && forced.ledger === undefined) ||
      (table.deadLettered && forced['dead-letters'] === undefined),
  );
  if (wrong.length === 0) return ledger.addsUp && ledger.deadLettered === 0 ? 'adds up' : 'does not add up: forced';
  throw new FerryError('mismatch', `the ledger does not add up for ${wrong.map(({ table }) => table).join(', ')}`, {
    remedy: 'Look at `ferry status --json`, .ledger: it says at which stage rows are missing.',
  });
}
