import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ClientBase } from 'pg';
import { FerryError } from '../../core/errors.js';
import { openLog } from '../../platform/event-log/open.js';
import type { LoadedPipeline } from '../../platform/load-pipeline.js';
import { silentLogger } from '../../platform/logger.js';
import { readStatus } from '../../services/control/status/read-status.js';
import { refuseHalted } from './refuse-halted.js';

/** @throws FerryError `usage` for a ready pipeline without a way back. */
export function refuseOneWay({ pipeline, config }: { readonly pipeline: string; readonly config: string }): void {
  if (existsSync(join(config, 'back', 'pipeline.yaml'))) return;
  throw new FerryError('usage', `the pipeline ${pipeline} has no way back`, { remedy: 'Leave --roll-back out.' });
}

const POLL_MS = 250;

/**
 * Waits until a way back whose services are starting carries messages from the new project to the old one.
 * @param sides of the pipeline that it leads back.
 * @throws FerryError what has halted a service; the signal's reason.
 */
export async function untilArmed(
  back: LoadedPipeline,
  sides: { readonly source: ClientBase; readonly target: ClientBase },
  signal: AbortSignal,
): Promise<void> {
  await using log = await openLog(back, `ferry-${back.name}-demo`, silentLogger);
  for (;;) {
    signal.throwIfAborted();
    const status = await readStatus(back, { log, source: sides.target, target: sides.source });
    const isCaughtUp = status.lag.seconds !== null && status.lag.seconds < 1;
    if (status.phase === 'streaming' && isCaughtUp) return;
    refuseHalted(status);
    await sleep(POLL_MS);
  }
}
