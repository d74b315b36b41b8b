import type { Lsn } from '../../core/lsn.js';
import type { Batch, EventLog } from '../../platform/event-log/port.js';
import { failpoint } from '../../platform/failpoint.js';
import type { ReplicationStream } from './ports.js';
import type { RawOutput } from './raw-output.js';

/** Beyond this many bytes that wait, the socket is paused: what bounds capture's memory. */
const PAUSE_ABOVE_BYTES = 8 * 1024 * 1024;
/** A transaction's events are appended before its end once so many bytes wait. */
const FLUSH_ABOVE_BYTES = 1024 * 1024;

export interface Appended {
  /** Everything before this LSN is durable. */
  readonly through: Lsn;
  readonly batches: readonly Batch[];
  /** By batch: the offset behind it. */
  readonly ends: readonly number[];
}

/**
 * Moves what the encoder wrote into the raw topic, one append at a time: while one is on its way the next one grows, so
 * that batches are as small as latency allows and as large as load asks for. Only what the log has is acknowledged.
 */
export class Publisher<T> implements AsyncDisposable {
  readonly #log: EventLog;
  readonly #topic: string;
  readonly #output: RawOutput;
  readonly #committedThrough: () => Lsn;
  /** What belongs to the records just taken; given back once they are durable. */
  readonly #snapshot: () => T;
  readonly #onAppended: (appended: Appended, snapshot: T) => void;
  #stream: ReplicationStream | undefined;
  #isAppending = false;
  #isScheduled = false;
  #isPaused = false;
  #isHeld = false;
  /** After a failure, when nobody knows where the log ends, and after the last flush: nothing more is appended. */
  #isClosed = false;
  #isFailed = false;
  #waiting: (() => void)[] = [];
  #fail!: (error: unknown) => void;
  /** Rejects when an append fails. */
  readonly failed: Promise<never>;

  constructor(options: {
    log: EventLog;
    topic: string;
    output: RawOutput;
    committedThrough: () => Lsn;
    snapshot: () => T;
    onAppended: (appended: Appended, snapshot: T) => void;
  }) {
    this.#log = options.log;
    this.#topic = options.topic;
    this.#output = options.output;
    this.#committedThrough = options.committedThrough;
    this.#snapshot = options.snapshot;
    this.#onAppended = options.onAppended;
    this.failed = new Promise((_, reject) => {
      this.#fail = reject;
    });
    this.failed.catch(() => {});
  }

  attach(stream: ReplicationStream): void {
    this.#stream = stream;
  }

  /** Lets nothing more come while what has come is waited with. */
  hold(): void {
    this.#isHeld = true;
    this.#stream?.pause();
  }

  release(): void {
    this.#isHeld = false;
    if (!this.#isPaused) this.#stream?.resume();
  }

  /** Call after every message that the encoder took. */
  poke(): void {
    if (!this.#isPaused && this.#output.bytes > PAUSE_ABOVE_BYTES) {
      this.#isPaused = true;
      this.#stream?.pause();
    }
    if (this.#isAppending || this.#isScheduled || this.#isClosed) return;
    this.#isScheduled = true;
    // Once the socket's whole chunk is encoded.
    setImmediate(() => {
      this.#isScheduled = false;
      void this.#run();
    });
  }

  /** Resolves once little enough waits for another snapshot chunk; rejects when an append fails. */
  async drained(): Promise<void> {
    while (this.#output.bytes > PAUSE_ABOVE_BYTES / 2 && !this.#isClosed) await this.#woken();
    if (this.#isFailed) await this.failed;
  }

  /**
   * Appends what is left, whole transactions or not, and nothing that comes later.
   * @throws what an append before has failed with: what follows it must not go into the log.
   */
  async flush(): Promise<void> {
    while (this.#isAppending) await this.#woken();
    if (this.#isFailed) await this.failed;
    this.#isClosed = true;
    if (!this.#output.isEmpty) await this.#append();
  }

  /**
   * Nothing more is appended: resolves once what is on its way has arrived, or failed. Who begins anew looks for the end
   * of the log then, and nothing comes behind that.
   */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    while (this.#isAppending) await this.#woken();
  }

  get #isDue(): boolean {
    return !this.#output.isEmpty && (this.#output.isComplete || this.#output.bytes >= FLUSH_ABOVE_BYTES);
  }

  async #run(): Promise<void> {
    if (this.#isAppending || this.#isClosed) return;
    this.#isAppending = true;
    try {
      while (!this.#isClosed && this.#isDue) await this.#append();
      if (this.#output.isEmpty) this.#stream?.acknowledge(this.#committedThrough());
    } catch (error) {
      this.#isFailed = true;
      this.#isClosed = true;
      this.#fail(error);
    } finally {
      this.#isAppending = false;
      this.#wake();
    }
  }

  async #append(): Promise<void> {
    const batches = this.#output.take(this.#topic);
    const through = this.#committedThrough();
    const snapshot = this.#snapshot();
    await failpoint('capture.taken');
    const ends = await this.#log.append(batches);
    await failpoint('capture.appended');
    this.#stream?.acknowledge(through);
    await failpoint('capture.acknowledged');
    this.#onAppended({ through, batches, ends }, snapshot);
    if (this.#isPaused && this.#output.bytes < PAUSE_ABOVE_BYTES / 2) {
      this.#isPaused = false;
      if (!this.#isHeld) this.#stream?.resume();
    }
    this.#wake();
  }

  #woken(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }
}
