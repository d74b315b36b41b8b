/**
 * Kafka elects new leaders once it holds a broker for dead: after `broker.session.timeout.ms`, 9 s, and 3 s more where
 * that broker led the controllers. Who waits that long goes on within a moment of the election.
 */
const ELECTION_MS = 15_000;

/** Where no broker answers at all, there is no election to wait for. */
const UNREACHABLE_MS = 5_000;

/** The pause between two tries: a client that is new each time costs the brokers little. */
export const TRY_AGAIN_MS = { minTimeout: 50, maxTimeout: 250 };

/** How long something may fail before it is reported; the service above then waits, and says so. */
export class Patience {
  readonly #now: () => number;
  readonly #since: number;
  #reachedAt: number;

  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
    this.#since = now();
    this.#reachedAt = this.#since;
  }

  /** A broker has answered, if only to say that it cannot serve this. */
  reached(): void {
    this.#reachedAt = this.#now();
  }

  get isOver(): boolean {
    const now = this.#now();
    return now - this.#since > ELECTION_MS || now - this.#reachedAt > UNREACHABLE_MS;
  }
}
