import { withMappingVersion } from '../../core/config/edit-mapping.js';
import { nextVersion } from '../../core/mapping-version.js';
import type { EventLog } from '../../platform/event-log/port.js';
import { type LoadedPipeline, readPipelineFiles } from '../../platform/load-pipeline.js';
import { createLogger } from '../../platform/logger.js';
import { readVersions } from '../../platform/mapping-version.js';
import type { NewVersion } from '../../services/control/replay/options.js';
import { writeConfigFile } from '../../services/control/tables/mapping-files.js';
import { migrateTarget, readTargetMigrations } from '../target-migrations.js';

/** @returns the pipeline with the version that its mapping is to have; nothing is written yet. */
export async function withNextVersion(pipeline: LoadedPipeline, log: EventLog): Promise<LoadedPipeline> {
  const { mappingVersion, tables } = pipeline;
  return { ...pipeline, mappingVersion: nextVersion(await readVersions(log), mappingVersion, tables) };
}

/** @param pipeline with that version, and the target that is rebuilt. */
export function newVersion(pipeline: LoadedPipeline, log: EventLog): NewVersion {
  return {
    write: async () => {
      const { pipeline: file } = await readPipelineFiles(pipeline.directory);
      const raised = withMappingVersion(file, pipeline.mappingVersion);
      if (raised.text !== file.text) await writeConfigFile(raised);
    },
    onFill: () => {
      process.stderr.write(`version ${pipeline.mappingVersion} of the mapping: transforming the raw topic again\n`);
    },
    // On demand: a replay by the mapping that is does not wait for transform's modules.
    fill: async (signal) => {
      const { transformBeside } = await import('../../services/transform/transform-beside.js');
      await transformBeside({ pipeline, log, logger: createLogger('replay'), signal, passed: () => {} });
    },
    hasPendingMigrations: async () => ((await readTargetMigrations(pipeline))?.before ?? 0) > 0,
    migrate: async () => void (await migrateTarget(pipeline, 'before')),
  };
}
