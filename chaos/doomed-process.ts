import { ServiceProcess } from '../test/support/service-process.js';
import type { FailpointPlan } from './failpoint-plan.js';

/** A service whose processes die and stand still as planned. */
export class DoomedProcess extends ServiceProcess {
  readonly #plan: FailpointPlan;
  readonly #isRival: boolean;
  #heard = 0;

  /** @param isRival it works beside another one. */
  constructor(plan: FailpointPlan, isRival: boolean, ...rest: ConstructorParameters<typeof ServiceProcess>) {
    super(...rest);
    this.#plan = plan;
    this.#isRival = isRival;
  }

  override start(): void {
    super.start(this.#plan.next(this.service, { isRival: this.#isRival }));
    void this.ended.then(() => this.hear());
  }

  /** Tells the plan what it has said. */
  async hear(): Promise<void> {
    const said = await this.stderr();
    this.#plan.heard(said.slice(this.#heard));
    this.#heard = Math.max(this.#heard, said.length);
  }

  /** The last error that it reported. */
  async complaint(): Promise<string | undefined> {
    const complaints = (await this.stderr()).split('\n').filter((line) => /"level":[45]0/.test(line));
    const last = complaints.at(-1);
    return last === undefined ? undefined : (JSON.parse(last) as { msg: string }).msg;
  }
}
