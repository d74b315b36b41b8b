import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { FerryError, toFerryError } from '../core/errors.js';
import type { ControlState, EventLog } from './event-log/port.js';
import type { Logger } from './logger.js';

/** In the control state: the `ferry up` that runs the pipeline. */
interface Running {
  readonly id: string;
  readonly host: string;
  readonly pid: number;
  readonly since: string;
  /** Rises while it runs. */
  readonly beat: number;
  readonly hasEnded?: true;
}

const KEY = 'up';

export interface OneUpOptions {
  readonly pipeline: string;
  readonly open: () => Promise<EventLog>;
  readonly logger: Logger;
  readonly pid?: number;
  readonly beatMs?: number;
  /** Who is silent for so long while it is looked at is gone, or stands still and ends once it comes back. */
  readonly goneAfterMs?: number;
}

/**
 * Sees to it that one `ferry up` runs a pipeline, whatever the log: two would take each other's partitions over in turn,
 * each starting again what the other has fenced. Who comes second is refused; who only seemed to be gone ends.
 */
export class OneUp implements AsyncDisposable {
  readonly #options: Required<OneUpOptions>;
  readonly #us: Running;
  readonly #stop = new AbortController();
  readonly #keeping: Promise<void>;
  #beat = 0;
  #isOurs = false;
  #decide!: () => void;
  readonly #decided: Promise<void>;

  constructor(options: OneUpOptions) {
    this.#options = { pid: process.pid, beatMs: 1_000, goneAfterMs: 5_000, ...options };
    const { pid } = this.#options;
    this.#us = { id: randomUUID(), host: hostname(), pid, since: new Date().toISOString(), beat: 0 };
    this.#decided = new Promise((resolve) => {
      this.#decide = resolve;
    });
    this.#keeping = this.#keep();
    this.#keeping.catch(() => {});
  }

  /**
   * Resolves once no other runs the pipeline, and where the log does not say: the services say then what is wrong with it.
   * @throws FerryError `runs-elsewhere`.
   */
  async begun(): Promise<void> {
    const { goneAfterMs, beatMs } = this.#options;
    const waited = sleep(goneAfterMs + 3 * beatMs, undefined, { signal: this.#stop.signal }).catch(() => {});
    await Promise.race([this.#decided, this.#keeping, waited]);
  }

  /**
   * Resolves at the end.
   * @throws FerryError `runs-elsewhere` when another one has taken the pipeline over.
   */
  ended(): Promise<void> {
    return this.#keeping;
  }

  /** Lets the next one begin at once. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#keeping.catch(() => {});
  }

  async #keep(): Promise<void> {
    const { signal } = this.#stop;
    const { open, beatMs, logger } = this.#options;
    let log: EventLog | undefined;
    try {
      while (!signal.aborted) {
        try {
          log ??= await open();
          await this.#say(log.control);
        } catch (error) {
          if (toFerryError(error).code === 'runs-elsewhere') throw error;
          logger.debug({ err: error }, 'the log does not say who runs the pipeline');
        }
        this.#decide();
        await sleep(beatMs, undefined, { signal }).catch(() => {});
      }
      if (log && this.#isOurs) await log.control.put(KEY, { ...this.#us, hasEnded: true }).catch(() => {});
    } finally {
      await log?.[Symbol.asyncDispose]();
    }
  }

  /** Of two that say so at the same time, the one that said it last goes on: the other reads that. */
  async #say(control: ControlState): Promise<void> {
    const found = await this.#other(control);
    if (found && this.#isOurs) throw this.#elsewhere(found, 'now, to which this one seemed to be gone');
    if (found) await this.#refuseLiving(control, found);
    if (this.#stop.signal.aborted) return;
    await control.put(KEY, { ...this.#us, beat: this.#beat++ });
    this.#isOurs = true;
  }

  async #other(control: ControlState): Promise<Running | undefined> {
    const found = (await control.get(KEY)) as Running | undefined;
    return found && found.id !== this.#us.id && !found.hasEnded ? found : undefined;
  }

  async #refuseLiving(control: ControlState, found: Running): Promise<void> {
    const { goneAfterMs, beatMs } = this.#options;
    const giveUpAt = performance.now() + goneAfterMs;
    while (!isDead(found) && performance.now() < giveUpAt && !this.#stop.signal.aborted) {
      await sleep(beatMs / 2, undefined, { signal: this.#stop.signal }).catch(() => {});
      const now = await this.#other(control);
      if (!now) return;
      if (now.id !== found.id || now.beat !== found.beat) throw this.#elsewhere(now, 'already');
    }
  }

  #elsewhere({ host, pid, since }: Running, when: string): FerryError {
    const { pipeline } = this.#options;
    return new FerryError(
      'runs-elsewhere',
      `the pipeline ${pipeline} is run by another ferry up ${when}: process ${pid} on ${host}, since ${since}`,
      { details: { pipeline, host, pid } },
    );
  }
}

/** Known for sure of this machine's processes alone. */
function isDead({ host, pid }: Running): boolean {
  if (host !== hostname()) return false;
  // In a container that was started again we have the number of the one before.
  if (pid === process.pid) return true;
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
}
