import type { LoadedPipeline } from '../../platform/load-pipeline.js';
import { runService } from '../../platform/service.js';
import { capture } from './capture.js';

/** Runs capture until SIGTERM. */
export function runCapture(pipeline: LoadedPipeline): Promise<void> {
  return runService('capture', pipeline, capture);
}
