import type { LoadedPipeline } from '../../platform/load-pipeline.js';
import { runService } from '../../platform/service.js';
import { transform } from './transform.js';

/** Runs transform until SIGTERM. */
export function runTransform(pipeline: LoadedPipeline): Promise<void> {
  return runService('transform', pipeline, transform);
}
