import { randomInt } from 'node:crypto';
import { mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { FerryError } from '../../../core/errors.js';
import { partitionName, partitionsOf } from '../../../core/topics.js';
import { workOnAll } from '../granted-work.js';
import type {
  Batch,
  EventLog,
  LogRecord,
  PartitionWork,
  ReadOptions,
  ShareSpec,
  TopicPartition,
  TopicSpec,
} from '../port.js';
import { refuseOtherPartitions } from '../refuse-other-partitions.js';
import { createWhole } from './create-whole.js';
import { EmbeddedControlState } from './embedded-control-state.js';
import { inLogDirectory } from './log-unusable.js';
import { PartitionFile } from './partition-file.js';

/** The embedded driver: a directory for each topic, a file for each of its partitions. */
export class EmbeddedLog implements EventLog {
  readonly #directory: string;
  readonly #pipeline: string;
  readonly #writer = randomInt(2 ** 32);
  readonly #files = new Map<string, PartitionFile>();
  /** By partition: since when nothing was found to read. */
  readonly #quietSince = new Map<string, number>();
  readonly control: EmbeddedControlState;

  constructor(directory: string, pipeline: string) {
    this.#directory = directory;
    this.#pipeline = pipeline;
    this.control = new EmbeddedControlState(join(directory, 'control'));
  }

  async createTopics(topics: readonly TopicSpec[]): Promise<void> {
    for (const spec of topics) await inLogDirectory(this.#directory, () => this.#createTopic(spec));
  }

  async deleteTopics(topics: readonly string[]): Promise<void> {
    for (const topic of topics) {
      if (this.#isGroup(topic, 'control')) {
        await this.control.clear();
        continue;
      }
      for (const [name, file] of this.#files) {
        if (!name.startsWith(`${topic}/`)) continue;
        file.close();
        this.#files.delete(name);
      }
      await inLogDirectory(this.#directory, () => rm(this.#topicDirectory(topic), { recursive: true, force: true }));
    }
  }

  async takeOver(at: TopicPartition): Promise<number> {
    return inLogDirectory(this.#directory, () => this.#file(at).takeOver());
  }

  async append(batches: readonly Batch[]): Promise<number[]> {
    const outcomes = await Promise.allSettled(
      batches.map((batch) => inLogDirectory(this.#directory, () => this.#append(batch))),
    );
    return outcomes.map((outcome) => {
      if (outcome.status === 'rejected') throw outcome.reason;
      return outcome.value;
    });
  }

  async read(from: TopicPartition & { readonly offset: number }, options: ReadOptions): Promise<LogRecord[]> {
    const deadline = performance.now() + options.waitMs;
    const name = partitionName(from);
    for (;;) {
      const records = await inLogDirectory(this.#directory, () => this.#file(from).read(from.offset, options.maxBytes));
      if (records.length > 0) {
        this.#quietSince.delete(name);
        return records;
      }
      const now = performance.now();
      if (options.signal?.aborted || now >= deadline) return [];
      const since = this.#quietSince.get(name) ?? now;
      this.#quietSince.set(name, since);
      // Another process appends, so there is nothing to wait on but the next look.
      await sleep(Math.min(lookAgainAfter(now - since), deadline - now));
    }
  }

  /** Nobody shortens a file of ours. */
  async startOffset(_at: TopicPartition): Promise<number> {
    return 0;
  }

  async endOffset(at: TopicPartition): Promise<number> {
    return inLogDirectory(this.#directory, () => this.#file(at).endOffset());
  }

  async last(at: TopicPartition): Promise<LogRecord | undefined> {
    const end = await this.endOffset(at);
    return end === 0 ? undefined : inLogDirectory(this.#directory, () => this.#file(at).read(end - 1, 1)[0]);
  }

  share(spec: ShareSpec, work: PartitionWork): Promise<void> {
    return workOnAll(spec, work);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const file of this.#files.values()) file.close();
    this.#files.clear();
  }

  /** Ahead of a topic's records it must be known how many partitions it has. */
  async #createTopic(spec: TopicSpec): Promise<void> {
    const directory = this.#topicDirectory(spec.topic);
    const file = join(directory, 'topic.json');
    await mkdir(directory, { recursive: true });
    await createWhole(file, `${JSON.stringify({ partitions: spec.partitions })}\n`);
    const { partitions } = JSON.parse(await readFile(file, 'utf8')) as TopicSpec;
    refuseOtherPartitions(spec, partitions);
    for (const at of partitionsOf([spec.topic], partitions)) await this.#file(at).seal();
  }

  async #append(batch: Batch): Promise<number> {
    const file = this.#file(batch);
    if (batch.values.length === 0) return file.endOffset();
    for (;;) {
      const end = await file.append(batch.values);
      if (end !== undefined) return end;
      if (!this.#isGroup(batch.topic, 'dead-letter')) throw regressed(batch);
    }
  }

  #file(at: TopicPartition): PartitionFile {
    const name = partitionName(at);
    let file = this.#files.get(name);
    if (!file) {
      file = new PartitionFile(join(this.#topicDirectory(at.topic), `${at.partition}.log`), this.#writer);
      this.#files.set(name, file);
    }
    return file;
  }

  #topicDirectory(topic: string): string {
    return join(this.#directory, 'topics', topic);
  }

  /** The part of a topic's name behind the pipeline's: raw, domain, dead-letter, control. Dead letters have several writers. */
  #isGroup(topic: string, group: string): boolean {
    return topic.slice(this.#pipeline.length + 1).split('.', 1)[0] === group;
  }
}

function regressed({ topic, partition }: Batch): FerryError {
  return new FerryError(
    'log-regressed',
    `${partitionName({ topic, partition })} has records of another writer where this process left its end`,
    { details: { topic, partition } },
  );
}

/** Upper bound of what looking again adds to the way of a change. */
const MAX_LOOK_MS = 10;

/**
 * A fifth of how long it has been quiet: a change under load is found within a moment, and an idle pipeline, which has a
 * reader for each partition, costs next to nothing.
 * @returns ms.
 */
function lookAgainAfter(quietMs: number): number {
  return Math.min(Math.max(quietMs / 5, 1), MAX_LOOK_MS);
}
