import type { ClientBase } from 'pg';
import { FerryError } from '../../../core/errors.js';
import type { LoadedPipeline } from '../../../platform/load-pipeline.js';
import { mappingDigest } from '../../../platform/mapping-digest.js';
import type { PipelineStatus } from '../status/pipeline-status.js';
import { readVerifications } from '../verify/record.js';
import { type RolloutFinding, rolloutFindings } from './gates.js';
import { type Rollout, readRollout, setRollout } from './rollout.js';
import type { UsersFinding } from './users/gates.js';

/** What more users want. */
export interface RolloutLimits {
  readonly maxLagSeconds: number;
  /** How old each table's last verification may be, in ms. */
  readonly verifiedWithinMs: number;
}

export interface RolloutStep extends RolloutLimits {
  readonly percent: number;
}

export interface RolloutSides {
  readonly pipeline: LoadedPipeline;
  readonly target: ClientBase;
  readonly readStatus: () => Promise<PipelineStatus>;
}

type AnyFinding = RolloutFinding | UsersFinding;

/** More users may not be led to the target now. */
export class RolloutRefused extends FerryError {
  readonly gates: readonly AnyFinding[];

  constructor(percent: number, gates: readonly AnyFinding[]) {
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
  const before = await readOpenRollout(target, pipeline.name);
  const gates =
    percent <= before.percent
      ? []
      : await lookForReaders({ pipeline, target, readStatus }, { maxLagSeconds, verifiedWithinMs });
  if (gates.some(({ isOpen }) => !isOpen)) throw new RolloutRefused(percent, gates);
  const after = await setRollout(target, { pipeline: pipeline.name, seen: before, percent });
  return { before, after, gates };
}

/** What readers in the target would notice. */
export async function lookForReaders(
  { pipeline, target, readStatus }: RolloutSides,
  { maxLagSeconds, verifiedWithinMs }: RolloutLimits,
): Promise<RolloutFinding[]> {
  return rolloutFindings({
    status: await readStatus(),
    verifications: await readVerifications(target, pipeline),
    wanted: { tables: pipeline.tables, mapping: mappingDigest(pipeline), withinMs: verifiedWithinMs },
    maxLagSeconds,
  });
}

/** @throws FerryError `not-ready` once the target serves. */
export async function readOpenRollout(target: ClientBase, pipeline: string): Promise<Rollout> {
  const rollout = await readRollout(target, pipeline);
  if (rollout.serving === 'source') return rollout;
  throw new FerryError('not-ready', 'the new project serves: all users read and write there', {
    remedy: 'There is nothing to roll out any more; `ferry status` shows the flag.',
  });
}
