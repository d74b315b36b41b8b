import type { LoadedPipeline } from '../../platform/load-pipeline.js';
import { runService } from '../../platform/service.js';
import { apply } from './apply.js';

/** Runs apply until SIGTERM. */
export function runApply(pipeline: LoadedPipeline): Promise<void> {
  return runService('apply', pipeline, apply);
}
