import { setTimeout as sleep } from 'node:timers/promises';
import { FerryError } from '../../../core/errors.js';
import type { LoadedPipeline } from '../../../platform/load-pipeline.js';
import type { Phase, PipelineStatus } from '../status/pipeline-status.js';
import { readStatus, type StatusSources } from '../status/read-status.js';
import { closedGates } from './plan.js';

/** A gate may be closed for a moment only: a batch in flight, a report on its way. */
const WITHIN_MS = 10_000;
/** Phases that a moment's patience does not end. */
const FAR_OFF: ReadonlySet<Phase> = new Set(['not-started', 'snapshot']);

/**
 * Waits until every gate is open, a little while.
 * @returns the status that opened them.
 * @throws FerryError `not-ready` with every closed gate and what is known of the reasons.
 */
export async function waitForGates(
  pipeline: LoadedPipeline,
  sources: StatusSources,
  signal: AbortSignal,
): Promise<PipelineStatus> {
  const deadline = performance.now() + WITHIN_MS;
  for (;;) {
    const status = await readStatus(pipeline, sources);
    const closed = closedGates(status);
    if (closed.length === 0) return status;
    if (FAR_OFF.has(status.phase) || performance.now() > deadline || signal.aborted) {
      throw new FerryError('not-ready', `not ready to cut over: ${closed.join('; ')}`);
    }
    await sleep(500, undefined, { signal }).catch(() => {});
  }
}
