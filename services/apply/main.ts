import type { LoadedPipeline } from '../../platform/load-pipeline.js';
import { runService } from '../../platform/service.js';
import { apply, type PrepareTarget } from './apply.js';

/** Runs apply until SIGTERM. @param prepareTarget brings the target's schema to where rows can be written. */
export function runApply(pipeline: LoadedPipeline, prepareTarget: PrepareTarget): Promise<void> {
  return runService('apply', pipeline, (context) => apply(context, prepareTarget));
}
