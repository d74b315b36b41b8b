import { setTimeout as sleep } from 'node:timers/promises';
import { type ErrorCode, toFerryError } from '../../core/errors.js';
import { partitionName, partitionsOf } from '../../core/topics.js';
import type { PartitionWork, ShareSpec, TopicPartition } from './port.js';

/** What a process meets that goes on working where another has taken over: it begins again if it still may. */
const TAKEN_OVER: ReadonlySet<ErrorCode> = new Set(['checkpoint-fenced', 'log-regressed']);
const AGAIN_AFTER_MS = 500;

interface Grant {
  readonly at: TopicPartition;
  readonly stop: AbortController;
}

/** Runs the work of the partitions that this process is given, and ends that of those it loses. */
export class GrantedWork {
  readonly #work: PartitionWork;
  readonly #grants = new Map<string, Grant>();
  /** By partition: resolves once the work of the last grant has ended. */
  readonly #ended = new Map<string, Promise<void>>();
  #fail!: (error: unknown) => void;
  /** Rejects with the first error of a work. */
  readonly failed: Promise<never>;

  constructor(work: PartitionWork) {
    this.#work = work;
    this.failed = new Promise((_, reject) => {
      this.#fail = reject;
    });
    this.failed.catch(() => {});
  }

  /** From now on these partitions are ours, and no others. */
  assign(partitions: readonly TopicPartition[]): void {
    const names = new Set(partitions.map(partitionName));
    for (const [name, { stop }] of this.#grants) {
      if (names.has(name)) continue;
      stop.abort();
      this.#grants.delete(name);
    }
    for (const at of partitions) {
      const name = partitionName(at);
      if (this.#grants.has(name)) continue;
      const grant = { at, stop: new AbortController() };
      this.#grants.set(name, grant);
      const before = this.#ended.get(name) ?? Promise.resolve();
      this.#ended.set(
        name,
        before.then(() => this.#run(grant)),
      );
    }
  }

  /** Resolves once all work has ended. */
  async stop(): Promise<void> {
    this.assign([]);
    await Promise.all(this.#ended.values());
  }

  async #run({ at, stop: { signal } }: Grant): Promise<void> {
    while (!signal.aborted) {
      try {
        await this.#work(at, signal);
        return;
      } catch (error) {
        if (signal.aborted) return;
        if (!TAKEN_OVER.has(toFerryError(error).code)) return this.#fail(error);
        await sleep(AGAIN_AFTER_MS, undefined, { signal }).catch(() => {});
      }
    }
  }
}

/** Works on all partitions of the topics: for a log, or a topic, that is not shared. */
export async function workOnAll(
  { topics, signal }: Pick<ShareSpec, 'topics' | 'signal'>,
  work: PartitionWork,
): Promise<void> {
  const stop = new AbortController();
  const granted = AbortSignal.any([signal, stop.signal]);
  const all = topics.flatMap(({ topic, partitions }) => partitionsOf([topic], partitions));
  const outcomes = await Promise.allSettled(
    all.map((at) =>
      work(at, granted).catch((error: unknown) => {
        stop.abort();
        throw error;
      }),
    ),
  );
  const failed = outcomes.find((outcome) => outcome.status === 'rejected');
  if (failed) throw failed.reason;
}
