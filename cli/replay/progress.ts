import { SingleBar } from 'cli-progress';
import type { ReplayProgress } from '../../services/control/replay/progress.js';

/** Of a file or a pipe, where a bar cannot be drawn again. */
const STEP_PERCENT = 10;

/** Shows on standard error how far a replay is: a bar for a person, a line for each tenth otherwise. */
export class ProgressView implements Disposable {
  readonly #bar = process.stderr.isTTY
    ? new SingleBar({ format: 'replaying {bar} {percentage}% | {value}/{total} records | {eta_formatted} left' })
    : undefined;
  #said = -1;

  show({ done, total }: ReplayProgress): void {
    if (this.#bar) {
      if (!this.#bar.isActive) this.#bar.start(total, done);
      this.#bar.update(done);
      return;
    }
    const percent = total === 0 ? 100 : Math.floor((100 * done) / total);
    const step = percent - (percent % STEP_PERCENT);
    if (step <= this.#said) return;
    this.#said = step;
    process.stderr.write(`replaying: ${percent} % (${done} of ${total} records)\n`);
  }

  [Symbol.dispose](): void {
    this.#bar?.stop();
  }
}
