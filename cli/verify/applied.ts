import type { ClientBase } from 'pg';
import { type LoadedPipeline, loadWayBack } from '../../platform/load-pipeline.js';
import { connect } from '../../platform/postgres.js';
import { readTwoWay } from '../../services/control/rollout/users/two-way-state.js';
import {
  type AppliedProbe,
  type AppliedProbeOptions,
  appliedProbe,
} from '../../services/control/verify/applied-probe.js';
import { bothApplied } from '../../services/control/verify/both-applied.js';

/** How verification learns what is only on its way: in the rollout's mode users from both directions. */
export async function openApplied(
  pipeline: LoadedPipeline,
  target: ClientBase,
  chosen: AppliedProbeOptions,
): Promise<AsyncDisposable & { readonly probe: AppliedProbe }> {
  const forward = appliedProbe(target, chosen);
  const back = (await readTwoWay(target, pipeline.name)) && (await loadWayBack(pipeline));
  if (!back) return { probe: forward, async [Symbol.asyncDispose]() {} };
  const source = await connect('source', pipeline.source.url, { applicationName: 'ferry verify' });
  const { name, tables, log } = back;
  const theirs = appliedProbe(source, { pipeline: name, tables, partitions: log.partitions });
  return {
    probe: bothApplied({ forward, back: theirs }, target),
    async [Symbol.asyncDispose]() {
      await source.end().catch(() => {});
    },
  };
}
