import type { LoadedPipeline } from '../../platform/load-pipeline.js';
import { runService } from '../../platform/service.js';
import { control } from './control.js';

/** Runs control until SIGTERM. */
export function runControl(pipeline: LoadedPipeline): Promise<void> {
  return runService('control', pipeline, control);
}
