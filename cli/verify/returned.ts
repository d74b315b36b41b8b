import type { ClientBase } from 'pg';
import { type LoadedPipeline, loadWayBack } from '../../platform/load-pipeline.js';
import { connect } from '../../platform/postgres.js';
import { readTwoWay } from '../../services/control/rollout/users/two-way-state.js';
import { type AppliedProbe, appliedProbe } from '../../services/control/verify/applied-probe.js';

/** How verification learns what comes back from the target; undefined while applications write to the source alone. */
export async function openReturned(
  pipeline: LoadedPipeline,
  target: ClientBase,
): Promise<AsyncDisposable & { readonly probe: AppliedProbe | undefined }> {
  const back = (await readTwoWay(target, pipeline.name)) && (await loadWayBack(pipeline));
  if (!back) return { probe: undefined, async [Symbol.asyncDispose]() {} };
  const source = await connect('source', pipeline.source.url, { applicationName: 'ferry verify' });
  const { name, mappingVersion, tables, log } = back;
  return {
    probe: appliedProbe(source, { pipeline: name, mappingVersion, tables, partitions: log.partitions }),
    async [Symbol.asyncDispose]() {
      await source.end().catch(() => {});
    },
  };
}
