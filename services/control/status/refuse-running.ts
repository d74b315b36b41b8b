import { FerryError } from '../../../core/errors.js';
import type { EventLog } from '../../../platform/event-log/port.js';
import { readWorking } from './read-reports.js';

/**
 * @param pipeline as it is called.
 * @throws FerryError `not-ready` while a service of the pipeline is at work.
 */
export async function refuseRunning(log: EventLog, pipeline = 'this pipeline'): Promise<void> {
  const working = await readWorking(log);
  if (working.size === 0) return;
  throw new FerryError('not-ready', `${[...working].join(', ')} of ${pipeline} still run`, {
    remedy: 'Stop `ferry up` and every service of the pipeline, then run it again.',
  });
}
