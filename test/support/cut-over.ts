import { runCutover } from '../../cli/cutover.js';
import { loadPipeline } from '../../platform/load-pipeline.js';
import type { CutoverReport } from '../../services/control/cutover/report.js';
import type { Settings } from '../../services/control/cutover/settings.js';
import type { Intent } from '../../services/control/cutover/step.js';
import type { MovingPair } from './moving-pair.js';

/** What `ferry cutover` runs, in this process: a command costs more than the cutover does. */
export async function cutOver(
  pair: MovingPair,
  intent: Intent,
  settings: Partial<Settings> = {},
): Promise<CutoverReport> {
  const pipeline = await loadPipeline(pair.config, pair.env);
  return runCutover(pipeline, { intent, settings, onStep: () => {} });
}
