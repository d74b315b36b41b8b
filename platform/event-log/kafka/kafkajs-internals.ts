import { createRequire } from 'node:module';
import type { ISocketFactory, KafkaConfig, Logger, Producer, ProducerConfig } from 'kafkajs';
import { encodeProduce, HEADER_ROOM_BYTES, type ProduceArguments } from './encode-produce.js';

/**
 * The only file that reaches into kafkajs. Its public consumer knows groups alone: no `assign()`, no read at an offset
 * of one's choice, and our stages find their place by a binary search over offsets. Its own consumer is built on
 * this class, and version 2.2.4 is pinned and no longer developed, so these few members are as steady as its API.
 */
const require = createRequire(import.meta.url);

export interface FetchedMessage {
  /** A 64-bit integer as text. */
  readonly offset: string;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers?: Readonly<Record<string, unknown>>;
  /** A transaction marker, written by the broker. */
  readonly isControlRecord: boolean;
  readonly batchContext: { readonly firstOffset: string; readonly lastOffsetDelta: number };
}

interface FetchRequest {
  /** How long the broker may hold the request while there is nothing, in ms. */
  readonly maxWaitTime: number;
  readonly minBytes: number;
  readonly maxBytes: number;
  readonly topics: readonly {
    readonly topic: string;
    readonly partitions: readonly {
      readonly partition: number;
      readonly fetchOffset: string;
      readonly maxBytes: number;
    }[];
  }[];
}

interface FetchResponse {
  readonly responses: readonly {
    readonly topicName: string;
    readonly partitions: readonly {
      readonly partition: number;
      readonly highWatermark: string;
      readonly messages: readonly FetchedMessage[];
    }[];
  }[];
}

export interface Broker {
  /** The first batch comes whole, whatever its size, and may begin below the offset asked for. */
  fetch(request: FetchRequest): Promise<FetchResponse>;
}

interface PartitionOffsets {
  readonly topic: string;
  readonly partitions: readonly { readonly partition: number; readonly offset: string }[];
}

export interface Cluster {
  connect(): Promise<void>;
  /** Loads the topic's metadata the first time. */
  addTargetTopic(topic: string): Promise<void>;
  refreshMetadataIfNecessary(): Promise<void>;
  /** Node id of the leader -> the partitions asked for that it leads. */
  findLeaderForPartitions(topic: string, partitions: readonly number[]): Record<string, number[]>;
  findBroker(node: { readonly nodeId: string }): Promise<Broker>;
  /** The ends of the partitions, or their beginnings, by ListOffsets. */
  fetchTopicsOffset(
    topics: readonly { topic: string; fromBeginning: boolean; partitions: readonly { partition: number }[] }[],
  ): Promise<readonly PartitionOffsets[]>;
}

type ClusterConstructor = new (
  options: Omit<KafkaConfig, 'logLevel' | 'logCreator'> & {
    readonly logger: Logger;
    readonly metadataMaxAge: number;
    readonly enforceRequestTimeout: boolean;
    readonly allowAutoTopicCreation: boolean;
  },
) => Cluster;

const ClusterClass = require('kafkajs/src/cluster/index.js') as ClusterConstructor;

/** What kafkajs connects with when it is given nothing else: TCP, or TLS where `ssl` is set. */
export const createDefaultSocketFactory = require('kafkajs/src/network/socketFactory.js') as () => ISocketFactory;

export function createCluster(config: KafkaConfig, logger: Logger): Cluster {
  const { logLevel: _level, logCreator: _creator, ...options } = config;
  // Kafka would create a topic that is asked for with its defaults: seven days' retention, in the history we replay.
  const settings = { metadataMaxAge: 300_000, enforceRequestTimeout: true, allowAutoTopicCreation: false };
  return new ClusterClass({ ...options, ...settings, logger });
}

const newProducer = require('kafkajs/src/producer/index.js') as (
  options: ProducerConfig & { readonly cluster: Cluster; readonly logger: Logger },
) => Producer;

/**
 * A producer that has asked for one topic before it connects. One made as usual asks for all topics of the cluster, and
 * fails while any of them has no leader: another user's, with one replica on a broker that is away.
 */
export async function connectProducer(
  cluster: Cluster,
  topic: string,
  options: ProducerConfig & { readonly logger: Logger },
): Promise<Producer> {
  await cluster.connect();
  await cluster.addTargetTopic(topic);
  const producer = newProducer({ ...options, cluster });
  await producer.connect();
  return producer;
}

interface ProduceRequest {
  readonly request: { readonly encode: () => Promise<unknown> };
}

/** Requests by version, as brokers offer it. */
const produceRequests = require('kafkajs/src/protocol/requests/produce/index.js') as {
  protocol: (of: { version: number }) => (request: ProduceArguments) => ProduceRequest;
};

interface Encoded {
  /** What was written. */
  readonly buffer: Buffer;
  /** Free bytes before `buffer` in the same memory. */
  readonly room?: number;
}

interface Encoder extends Encoded {
  buf: Buffer;
  offset: number;
  room?: number;
}

const EncoderClass = require('kafkajs/src/protocol/encoder.js') as {
  readonly prototype: {
    ensureAvailable(this: Encoder, bytes: number): void;
    writeEncoder(this: Encoder, value: Encoded): Encoder;
  };
  nextPowerOfTwo(bytes: number): number;
};

const LARGE_BYTES = 64 * 1024;

/**
 * Has kafkajs send Produce requests as encodeProduce() writes them, put the request's header before the body instead of
 * copying the body behind it, twice, and not clear the buffers that it writes into.
 * Everything else of its producer stays: the idempotent sequence, the leader, what is tried again.
 */
function speedUpProduce(): void {
  const { protocol } = produceRequests;
  produceRequests.protocol = ({ version }) => {
    const make = protocol({ version });
    // Before version 3 there were message sets.
    if (version < 3) return make;
    return (asked) => {
      const made = make(asked);
      const encode = async () => {
        const buffer = encodeProduce(asked);
        return buffer ? { buf: buffer, buffer, room: HEADER_ROOM_BYTES } : made.request.encode();
      };
      return { ...made, request: { ...made.request, encode } };
    };
  };
  EncoderClass.prototype.ensureAvailable = function (bytes) {
    const needed = this.offset + bytes;
    if (needed <= this.buf.length) return;
    const grown = Buffer.allocUnsafeSlow(bytes > LARGE_BYTES ? needed : EncoderClass.nextPowerOfTwo(needed));
    this.buf.copy(grown, 0, 0, this.offset);
    this.buf = grown;
  };
  const { writeEncoder } = EncoderClass.prototype;
  EncoderClass.prototype.writeEncoder = function (value) {
    const { buffer, room = 0 } = value;
    const head = this.offset;
    if (room === 0 || head > room) return writeEncoder.call(this, value);
    const whole = Buffer.from(buffer.buffer, buffer.byteOffset - head, head + buffer.length);
    this.buf.copy(whole, 0, 0, head);
    this.buf = whole;
    this.offset = whole.length;
    this.room = room - head;
    return this;
  };
}

speedUpProduce();
