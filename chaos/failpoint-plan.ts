import type { ServiceName } from '../core/service-report.js';
import { FAILPOINT_SAID, FAILPOINTS, type Failpoint } from '../platform/failpoint.js';
import type { Random } from '../test/support/random.js';

/**
 * A process dies at the place whose turn it is within this time of beginning its work, at the next one within twice that:
 * of the service with the most places the soonest.
 */
const TURN_MS = { capture: 1_500, transform: 4_000, apply: 4_000 } as const;
/** Long enough for what stands in the window to be met by kills, other processes and whatever is sent each second. */
const PAUSE_MS = [200, 3_000] as const;
/** A death behind a pause: whatever the process has begun to send is gone out by then. */
const LAST_BREATH_MS = [1_100, 2_500] as const;

/**
 * Who dies and who stands still where: each process of a service is told to die at the place where fewest have died so
 * far, and so on, so that none is left to chance; and to pause at some.
 */
export class FailpointPlan {
  readonly #random: Random;
  readonly #places: readonly Failpoint[];
  readonly #deaths = new Map<Failpoint, number>();
  readonly #pauses = new Map<Failpoint, number>();
  #isOver = false;

  /** @param options.cutsRecords whether records are larger than what the log takes at once. */
  constructor(random: Random, { cutsRecords }: { cutsRecords: boolean }) {
    this.#random = random;
    this.#places = FAILPOINTS.filter((place) => cutsRecords || place !== 'log.part-appended');
  }

  /**
   * The environment of a process that is about to start.
   * @param options.isRival another one does the same work: what this one takes over from it is what matters.
   */
  next(service: ServiceName, { isRival }: { isRival: boolean }): NodeJS.ProcessEnv {
    if (this.#isOver) return {};
    const own = this.#random.shuffled(this.#places.filter((place) => isPassedBy(service, place)));
    const turnMs = TURN_MS[service as keyof typeof TURN_MS];
    const deaths = [...own].sort((a, b) => this.#count(a) - this.#count(b));
    const plans = deaths.map((place, i) => {
      const standsMs = this.#random.next() < 0.25 ? 0 : this.#random.int(...LAST_BREATH_MS);
      const fromMs = this.#isDueAtOnce(place, i) ? 0 : this.#random.int(i * turnMs, (i + 1) * turnMs);
      return `${place}=die:${standsMs}@${fromMs}`;
    });
    const pauses = own
      .slice(0, 2)
      .map((place) => `${place}=pause:${this.#random.int(...PAUSE_MS)}@${this.#random.int(0, turnMs)}`);
    const first = isRival && service === 'apply' ? [`apply.claimed=pause:${this.#random.int(...PAUSE_MS)}@0`] : [];
    return { FERRY_FAILPOINTS: [...first, ...plans, ...pauses].join() };
  }

  /** @param stderr what a process has said since it was heard last. */
  heard(stderr: string): void {
    for (const line of stderr.split('\n')) {
      if (!line.startsWith(FAILPOINT_SAID)) continue;
      const [action, place] = line.slice(FAILPOINT_SAID.length).trim().split(' ') as ['die' | 'pause', Failpoint];
      const counts = action === 'die' ? this.#deaths : this.#pauses;
      counts.set(place, (counts.get(place) ?? 0) + 1);
    }
  }

  /** Nobody who starts from now on dies. */
  end(): void {
    this.#isOver = true;
  }

  /** Where nobody has died yet. */
  get missing(): readonly Failpoint[] {
    return this.#places.filter((place) => !this.#deaths.has(place));
  }

  /** How often what was done. */
  get done(): Readonly<Record<string, number>> {
    const named = (what: string, counts: ReadonlyMap<Failpoint, number>) =>
      this.#places.flatMap((place) => (counts.has(place) ? [[`${what} ${place}`, counts.get(place)!] as const] : []));
    return Object.fromEntries([...named('die at', this.#deaths), ...named('pause at', this.#pauses)]);
  }

  /** What a process does not come to again once it is behind it. */
  #isDueAtOnce(place: Failpoint, turn: number): boolean {
    return (place === 'capture.rows-copied' && this.#count(place) < 2) || (place === 'apply.claimed' && turn === 0);
  }

  #count(place: Failpoint): number {
    return this.#deaths.get(place) ?? 0;
  }
}

function isPassedBy(service: ServiceName, place: Failpoint): boolean {
  return place.startsWith(`${service}.`) || (place === 'log.part-appended' && service !== 'apply');
}
