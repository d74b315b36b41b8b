import type { ClientBase } from 'pg';
import { FerryError } from '../../../core/errors.js';
import type { LoadedPipeline } from '../../../platform/load-pipeline.js';
import { mappingDigest } from '../../../platform/mapping-digest.js';
import type { PipelineStatus } from '../status/pipeline-status.js';
import { readVerifications } from '../verify/record.js';
import { type RolloutFinding, rolloutFindings } from './gates.js';
import { type Rollout, readRollout, setRollout } from './rollout.js';

export interface RolloutStep {
  readonly percent: number;
  readonly maxLagSeconds: number;
  /** How old each table's last verification may be, in ms. */
  readonly verifiedWithinMs: number;
}

export interface RolloutSides {
  readonly pipeline: LoadedPipeline;
  readonly target: ClientBase;
  readonly readStatus: () => Promise<PipelineStatus>;
}

/** More users may not be led to the target now. */
export class RolloutRefused extends FerryError {
  readonly gates: readonly RolloutFinding[];

  constructor(percent: number, gates: readonly RolloutFinding[]) {
    const closed = gates.filter(({ isOpen }) => !isOpen);
    const remedies = [...new Set(closed.flatMap(({ remedy }) => remedy ?? []))];
    super('not-ready', `not ready for ${percent} %: ${closed.map(({ figure }) => figure).join('; ')}`, {
      ...(remedies.length > 0 ? { remedy: remedies.join(' ') } : {}),
    });
    this.gates = gates;
  }
}

/**
 * Leads more users to the target, if all gates are open, or fewer, which nothing stands against.
 * @returns the rollout before and after, and what was looked at.
 * @throws RolloutRefused; FerryError `not-ready` once the target serves.
 */
export async function stepRollout(
  { pipeline, target, readStatus }: RolloutSides,
  { percent, maxLagSeconds, verifiedWithinMs }: RolloutStep,
): Promise<{ before: Rollout; after: Rollout; gates: readonly RolloutFinding[] }> {
  const before = await readRollout(target, pipeline.name);
  if (before.serving === 'target') {
    throw new FerryError('not-ready', 'the new project serves: all users read and write there', {
      remedy: 'There is nothing to roll out any more; `ferry status` shows the flag.',
    });
  }
  const gates =
    percent <= before.percent
      ? []
      : rolloutFindings({
          status: await readStatus(),
          verifications: await readVerifications(target, pipeline),
          wanted: { tables: pipeline.tables, mapping: mappingDigest(pipeline), withinMs: verifiedWithinMs },
          maxLagSeconds,
        });
  if (gates.some(({ isOpen }) => !isOpen)) throw new RolloutRefused(percent, gates);
  const after = await setRollout(target, { pipeline: pipeline.name, seen: before, percent });
  return { before, after, gates };
}
