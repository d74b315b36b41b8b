import { setTimeout as sleep } from 'node:timers/promises';
import { crc32 } from 'node:zlib';
import type { Database, RootDatabase } from 'lmdb';
import { FerryError } from '../../../core/errors.js';
import { partitionName } from '../../../core/topics.js';
import { workOnAll } from '../granted-work.js';
import type {
  Batch,
  ControlState,
  EventLog,
  LogRecord,
  PartitionWork,
  ReadOptions,
  ShareSpec,
  TopicPartition,
  TopicSpec,
} from '../port.js';
import { refuseOtherPartitions } from '../refuse-other-partitions.js';
import { EmbeddedControlState } from './embedded-control-state.js';
import { type Key, openEnvironment, seeNewest, writeFailed } from './environment.js';

/** Topics that several processes append to; the others belong to one writer, which notices a second one. */
const SHARED_GROUPS = new Set(['control', 'dead-letter']);

/**
 * The embedded driver, on lmdb: a record is a value with a CRC before it, under the key (topic, partition, offset).
 * Topics with one writer share an environment, so that an append to all domain topics is one durable commit, and
 * writers of different services never wait for each other's lock.
 */
export class EmbeddedLog implements EventLog {
  readonly #directory: string;
  readonly #pipeline: string;
  readonly #environments = new Map<string, RootDatabase<Buffer, Key>>();
  /** Next offset by topic partition, of those that this process has appended to. */
  readonly #ownEnds = new Map<string, number>();
  /** Bytes read by group since its environment was opened. */
  readonly #readBytes = new Map<string, number>();
  readonly control: ControlState;

  constructor(directory: string, pipeline: string) {
    this.#directory = directory;
    this.#pipeline = pipeline;
    this.control = new EmbeddedControlState(directory);
  }

  async createTopics(topics: readonly TopicSpec[]): Promise<void> {
    for (const spec of topics) {
      const environment = this.#environment(this.#group(spec.topic));
      seeNewest(environment);
      const key = partitionsKey(spec.topic);
      const found = environment.get(key);
      refuseOtherPartitions(spec, found && Number(found));
      if (found) continue;
      try {
        await environment.put(key, Buffer.from(String(spec.partitions)));
      } catch (cause) {
        throw await writeFailed(this.#directory, cause);
      }
    }
  }

  async deleteTopics(topics: readonly string[]): Promise<void> {
    for (const topic of topics) {
      if (this.#group(topic) === 'control') {
        await (this.control as EmbeddedControlState).clear();
        continue;
      }
      const environment = this.#environment(this.#group(topic));
      seeNewest(environment);
      const keys = [...environment.getKeys({ start: partitionsKey(topic), end: [topic, Number.MAX_SAFE_INTEGER, 0] })];
      await Promise.all(keys.map((key) => environment.remove(key)));
      for (const name of this.#ownEnds.keys()) if (name.startsWith(`${topic}/`)) this.#ownEnds.delete(name);
    }
  }

  async append(batches: readonly Batch[]): Promise<number[]> {
    const filled = batches.filter((batch) => batch.values.length > 0);
    const groups = new Set(filled.map((batch) => this.#group(batch.topic)));
    await Promise.all(
      [...groups].map((group) =>
        this.#appendGroup(
          group,
          filled.filter((batch) => this.#group(batch.topic) === group),
        ),
      ),
    );
    return Promise.all(batches.map(async (batch) => this.#ownEnds.get(partitionName(batch)) ?? this.endOffset(batch)));
  }

  async read(from: TopicPartition & { readonly offset: number }, options: ReadOptions): Promise<LogRecord[]> {
    const deadline = performance.now() + options.waitMs;
    for (let delayMs = 1; ; delayMs = Math.min(delayMs + 0.5, MAX_POLL_MS)) {
      const records = this.#scan(from, options.maxBytes);
      if (records.length > 0) {
        await this.#unmapRead(this.#group(from.topic), records);
        return records;
      }
      if (options.signal?.aborted || performance.now() + delayMs > deadline) return [];
      // Another process appends, so there is nothing to wait on but the next look.
      await sleep(delayMs);
    }
  }

  async endOffset(at: TopicPartition): Promise<number> {
    const environment = this.#environment(this.#group(at.topic));
    seeNewest(environment);
    return this.#endOffset(environment, at);
  }

  async last(at: TopicPartition): Promise<LogRecord | undefined> {
    const end = await this.endOffset(at);
    return end === 0 ? undefined : this.#scan({ ...at, offset: end - 1 }, 1)[0];
  }

  share(spec: ShareSpec, work: PartitionWork): Promise<void> {
    return workOnAll(spec, work);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#environments.values()].map((environment) => environment.close()));
    this.#environments.clear();
    await (this.control as EmbeddedControlState).close();
  }

  async #appendGroup(group: string, batches: readonly Batch[]): Promise<void> {
    const environment = this.#environment(group);
    let isOurs: boolean[];
    try {
      // Conditions and writes of one turn become one transaction, run by a thread beside this one.
      isOurs = await Promise.all(batches.map((batch) => this.#appendPartition(environment, batch)));
      // Committed means visible; flushed means that it survives the machine.
      await environment.flushed;
    } catch (cause) {
      for (const batch of batches) this.#ownEnds.delete(partitionName(batch));
      throw await writeFailed(this.#directory, cause);
    }
    const foreign = batches[isOurs.indexOf(false)];
    if (foreign) throw this.#regressed(foreign);
    for (const batch of batches) {
      this.#ownEnds.set(partitionName(batch), this.#ownEnds.get(partitionName(batch))! + batch.values.length);
    }
  }

  /**
   * Writes behind our own end, if nothing stands there. The end is not read within the transaction: a cursor that lmdb
   * keeps may show an older state there.
   * @returns false when another writer has been there.
   */
  async #appendPartition(environment: RootDatabase<Buffer, Key>, batch: Batch): Promise<boolean> {
    const name = partitionName(batch);
    const isShared = SHARED_GROUPS.has(this.#group(batch.topic));
    for (;;) {
      let end = this.#ownEnds.get(name);
      if (end === undefined) {
        seeNewest(environment);
        end = this.#endOffset(environment, batch);
        this.#ownEnds.set(name, end);
      }
      const isOurs = await putBehind(environment, batch, end);
      if (isOurs || !isShared) return isOurs;
      this.#ownEnds.delete(name);
    }
  }

  #regressed(batch: Batch): FerryError {
    const expected = this.#ownEnds.get(partitionName(batch))!;
    this.#ownEnds.delete(partitionName(batch));
    return new FerryError(
      'log-regressed',
      `${partitionName(batch)} has a record at offset ${expected}, where this process left its end`,
      { details: { topic: batch.topic, partition: batch.partition, expected } },
    );
  }

  #scan(from: TopicPartition & { readonly offset: number }, maxBytes: number): LogRecord[] {
    const records: LogRecord[] = [];
    let bytes = 0;
    const environment = this.#environment(this.#group(from.topic));
    seeNewest(environment);
    const range = environment.getRange({
      start: [from.topic, from.partition, from.offset],
      end: [from.topic, from.partition, Number.MAX_SAFE_INTEGER],
    });
    for (const { key, value } of range) {
      records.push({ offset: key[2], value: checked(value, key) });
      bytes += value.length;
      if (bytes >= maxBytes) break;
    }
    return records;
  }

  /**
   * The pages of what was read stay mapped, and count as this process's memory, for as long as the environment is open:
   * who reads a long history would seem to hold it all. A group that this process appends to stays open.
   */
  async #unmapRead(group: string, records: readonly LogRecord[]): Promise<void> {
    const bytes = records.reduce((sum, { value }) => sum + value.length, this.#readBytes.get(group) ?? 0);
    this.#readBytes.set(group, bytes);
    const isWriter = [...this.#ownEnds.keys()].some((name) => this.#group(name) === group);
    const environment = this.#environments.get(group);
    if (bytes < UNMAP_AFTER_BYTES || isWriter || !environment) return;
    this.#readBytes.delete(group);
    this.#environments.delete(group);
    await environment.close();
  }

  #endOffset(environment: Database<Buffer, Key>, at: TopicPartition): number {
    const range = environment.getKeys({
      start: [at.topic, at.partition, Number.MAX_SAFE_INTEGER],
      end: [at.topic, at.partition, -1],
      reverse: true,
      limit: 1,
    });
    for (const key of range) return key[2] + 1;
    return 0;
  }

  /** The part of a topic's name behind the pipeline's: raw, domain, dead-letter, control. */
  #group(topic: string): string {
    return topic.slice(this.#pipeline.length + 1).split('.', 1)[0]!;
  }

  #environment(group: string): RootDatabase<Buffer, Key> {
    let environment = this.#environments.get(group);
    if (!environment) {
      environment = openEnvironment<Buffer, Key>(this.#directory, group, 'binary');
      this.#environments.set(group, environment);
    }
    return environment;
  }
}

/** Ahead of a topic's records stands how many partitions it has: all that must be known of it before the first one. */
function partitionsKey(topic: string): Key {
  return [topic, -1, 0];
}

function withCrc(value: Buffer): Buffer {
  const stored = Buffer.allocUnsafeSlow(value.length + 4);
  stored.writeUInt32LE(crc32(value), 0);
  value.copy(stored, 4);
  return stored;
}

function checked(stored: Buffer, [topic, partition, offset]: Key): Buffer {
  const value = stored.subarray(4);
  if (stored.length < 4 || crc32(value) !== stored.readUInt32LE(0)) {
    throw new FerryError('log-corrupt', `the record at ${topic}/${partition}@${offset} fails its checksum`, {
      details: { topic, partition, offset },
    });
  }
  return value;
}

function putBehind(environment: RootDatabase<Buffer, Key>, batch: Batch, end: number): Promise<boolean> {
  const { topic, partition, values } = batch;
  return environment.ifNoExists([topic, partition, end], () => {
    values.forEach((value, i) => void environment.put([topic, partition, end + i], withCrc(value)));
  });
}

/** Opening an environment takes a millisecond. */
const UNMAP_AFTER_BYTES = 64 * 1024 * 1024;

/** Upper bound of what polling adds to the way of a change. */
const MAX_POLL_MS = 4;
