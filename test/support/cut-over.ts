import { runCutover } from '../../cli/cutover.js';
import { loadPipeline, loadWayBack } from '../../platform/load-pipeline.js';
import type { Direction } from '../../services/control/cutover/direction.js';
import type { CutoverReport } from '../../services/control/cutover/report.js';
import type { Settings } from '../../services/control/cutover/settings.js';
import type { Intent } from '../../services/control/cutover/step.js';
import type { MovingPair } from './moving-pair.js';

/** What `ferry cutover` or `ferry rollback` runs, in this process: a command costs more than the move does. */
export async function cutOver(
  pair: MovingPair,
  intent: Intent,
  settings: Partial<Settings> = {},
  direction: Direction = 'forward',
): Promise<CutoverReport> {
  const pipeline = await loadPipeline(pair.config, pair.env);
  return runCutover(
    { pipeline, back: await loadWayBack(pipeline, pair.env) },
    { direction, intent, settings, onStep: () => {} },
  );
}
