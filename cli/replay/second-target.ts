import { FerryError } from '../../core/errors.js';
import type { EventLog } from '../../platform/event-log/port.js';
import type { LoadedPipeline } from '../../platform/load-pipeline.js';
import { createLogger } from '../../platform/logger.js';
import { connect } from '../../platform/postgres.js';
import type { SecondTarget } from '../../services/control/replay/options.js';
import { migrateTarget } from '../target-migrations.js';

/**
 * @param variable of the environment: a URL among the arguments would be for everybody on this machine to read.
 * @returns the pipeline with the second target in place of its own.
 */
export function withSecondTarget(
  pipeline: LoadedPipeline,
  variable: string,
  env: NodeJS.ProcessEnv = process.env,
): LoadedPipeline {
  if (!/^[A-Za-z_]\w*$/.test(variable)) {
    throw new FerryError('usage', '--target takes the name of an environment variable, not a URL', {
      remedy: 'export SECOND_URL=postgres://..., then --target SECOND_URL.',
    });
  }
  const url = env[variable];
  if (!url) throw new FerryError('env-missing', `--target: the environment variable ${variable} is not set`);
  return { ...pipeline, target: { ...pipeline.target, url } };
}

/** @param pipeline with the second target. */
export function secondTarget(pipeline: LoadedPipeline, live: LoadedPipeline, log: EventLog): SecondTarget {
  return {
    connectLive: () => connect('target', live.target.url, { applicationName: 'ferry replay' }),
    migrate: async () => void (await migrateTarget(pipeline, 'before')),
    // On demand: who replays into the live target does not wait for apply's modules.
    apply: async (signal) => {
      const { applyBeside } = await import('../../services/apply/apply-beside.js');
      await applyBeside({ pipeline, log, logger: createLogger('replay'), signal });
    },
  };
}
