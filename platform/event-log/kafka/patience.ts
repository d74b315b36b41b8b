import { FerryError } from '../../../core/errors.js';

/**
 * Kafka elects new leaders once it holds a broker for dead: after `broker.session.timeout.ms`, 9 s, and 3 s more where
 * that broker led the controllers. Who waits that long goes on within a moment of the election.
 */
const ELECTION_MS = 15_000;

/** Where no broker answers at all, there is no election to wait for. */
const UNREACHABLE_MS = 5_000;

/**
 * Who has been sent to a broker that takes connections and never answers, a process that stands still, hears of it after
 * this: kafkajs itself would ask the same one again for ten minutes, and no other while it holds it for the leader.
 */
const SILENT_MS = 20_000;

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

/** @throws FerryError `log-unreachable` when a broker has not answered within the time of an election; what it does then is unknown. */
export async function untilAnswered<T>(request: Promise<T>, subject: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const silence = new Promise<never>((_, reject) => {
    const silent = () => reject(new FerryError('log-unreachable', `${subject}: no answer for ${SILENT_MS / 1_000} s`));
    timer = setTimeout(silent, SILENT_MS);
  });
  try {
    return await Promise.race([request, silence]);
  } finally {
    clearTimeout(timer);
  }
}
