import { crc32c } from '@node-rs/crc32';

/** A Produce request as kafkajs asks its protocol for it. */
export interface ProduceArguments {
  readonly acks: number;
  readonly timeout: number;
  readonly compression?: number;
  readonly transactionalId?: string | null;
  /** A 64-bit integer, as kafkajs keeps it. */
  readonly producerId?: { toString(): string };
  readonly producerEpoch?: number;
  readonly topicData: readonly {
    readonly topic: string;
    readonly partitions: readonly {
      readonly partition: number;
      readonly firstSequence?: number;
      readonly messages: readonly ProducedMessage[];
    }[];
  }[];
}

export interface ProducedMessage {
  readonly key?: Buffer | string | null;
  readonly value: Buffer | string | null;
  readonly headers?: Readonly<Record<string, unknown>>;
  readonly timestamp?: unknown;
}

/**
 * Encodes the body of a Produce request, versions 3 to 7, with one RecordBatch a partition, into one buffer of the exact
 * size. kafkajs copies each value eight times into buffers that it clears before: most of what a hop cost.
 * @returns the body, with room for the request's header before it in the same memory; undefined for what only kafkajs's
 *   own encoder knows: compression, transactions, timestamps, headers with several values.
 * @see https://kafka.apache.org/documentation/#recordbatch
 */
export function encodeProduce(request: ProduceArguments, now: number = Date.now()): Buffer | undefined {
  if (request.compression || request.transactionalId) return undefined;
  const topics = request.topicData.map(({ topic, partitions }) => ({
    topic,
    partitions: partitions.map(({ messages, ...partition }) => ({ ...partition, records: messages.map(toRecord) })),
  }));
  let bytes = 2 + 2 + 4 + 4;
  for (const { topic, partitions } of topics) {
    bytes += 2 + Buffer.byteLength(topic) + 4;
    for (const { records } of partitions) {
      if (records.includes(undefined)) return undefined;
      bytes += 4 + 4 + BATCH_HEADER_BYTES;
      for (const record of records) bytes += sizeOfVarInt(record!.bytes) + record!.bytes;
    }
  }
  const out = new Output(bytes);
  out.int16(-1);
  out.int16(request.acks);
  out.int32(request.timeout);
  out.int32(topics.length);
  for (const { topic, partitions } of topics) {
    out.string(topic);
    out.int32(partitions.length);
    for (const { partition, firstSequence = 0, records } of partitions) {
      out.int32(partition);
      writeBatch(out, records as PlainRecord[], { now, firstSequence, ...request });
    }
  }
  return out.buffer;
}

/** A request's length, its fixed fields and a client id are less. */
export const HEADER_ROOM_BYTES = 256;

interface PlainRecord {
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: readonly (readonly [name: Buffer, value: Buffer])[];
  /** Of its body, without the length before it. */
  readonly bytes: number;
}

/** From the first offset to the count of records. */
const BATCH_HEADER_BYTES = 61;
const MAGIC = 2;

function toRecord({ key, value, headers, timestamp }: ProducedMessage, offset: number): PlainRecord | undefined {
  const headerBytes = toHeaders(headers);
  if (timestamp !== undefined || !headerBytes) return undefined;
  const [keyBytes, valueBytes] = [toBytes(key), toBytes(value)];
  // Attributes, and no time since the first, are a byte each.
  let bytes = 2 + sizeOfVarInt(offset) + sizeOfBytes(keyBytes) + sizeOfBytes(valueBytes);
  bytes += sizeOfVarInt(headerBytes.length);
  for (const [name, text] of headerBytes) bytes += sizeOfBytes(name) + sizeOfBytes(text);
  return { key: keyBytes, value: valueBytes, headers: headerBytes, bytes };
}

/** @returns undefined where one is not a text. */
function toHeaders(headers: ProducedMessage['headers'] = {}): PlainRecord['headers'] | undefined {
  const entries = Object.entries(headers);
  if (entries.some(([, value]) => typeof value !== 'string')) return undefined;
  return entries.map(([name, value]) => [Buffer.from(name), Buffer.from(value as string)]);
}

function toBytes(value: Buffer | string | null | undefined): Buffer | null {
  if (value === null || value === undefined) return null;
  return typeof value === 'string' ? Buffer.from(value) : value;
}

function writeBatch(
  out: Output,
  records: readonly PlainRecord[],
  batch: Pick<ProduceArguments, 'producerId' | 'producerEpoch'> & { now: number; firstSequence: number },
): void {
  const size = out.hole(4);
  out.int64(0n);
  const length = out.hole(4);
  out.int32(0);
  out.int8(MAGIC);
  const crc = out.hole(4);
  out.int16(0);
  out.int32(records.length - 1);
  out.int64(BigInt(batch.now));
  out.int64(BigInt(batch.now));
  out.int64(BigInt(batch.producerId?.toString() ?? -1));
  out.int16(batch.producerEpoch ?? 0);
  out.int32(batch.firstSequence);
  out.int32(records.length);
  records.forEach(({ key, value, headers, bytes }, offset) => {
    out.varInt(bytes);
    out.int8(0);
    out.varInt(0);
    out.varInt(offset);
    out.varIntBytes(key);
    out.varIntBytes(value);
    out.varInt(headers.length);
    for (const [name, text] of headers) {
      out.varIntBytes(name);
      out.varIntBytes(text);
    }
  });
  out.buffer.writeInt32BE(out.at - size - 4, size);
  out.buffer.writeInt32BE(out.at - length - 4, length);
  out.buffer.writeUInt32BE(crc32c(out.buffer.subarray(crc + 4, out.at)), crc);
}

/** Zigzag, seven bits a byte. */
function sizeOfVarInt(value: number): number {
  return Math.max(1, Math.ceil((32 - Math.clz32((value << 1) ^ (value >> 31))) / 7));
}

function sizeOfBytes(value: Buffer | null): number {
  return value === null ? 1 : sizeOfVarInt(value.length) + value.length;
}

/** Big-endian numbers into a buffer of known size. */
class Output {
  readonly buffer: Buffer;
  at = 0;

  constructor(bytes: number) {
    this.buffer = Buffer.allocUnsafeSlow(HEADER_ROOM_BYTES + bytes).subarray(HEADER_ROOM_BYTES);
  }

  /** Leaves bytes for later. @returns where they start. */
  hole(bytes: number): number {
    this.at += bytes;
    return this.at - bytes;
  }
  int8(value: number): void {
    this.at = this.buffer.writeInt8(value, this.at);
  }
  int16(value: number): void {
    this.at = this.buffer.writeInt16BE(value, this.at);
  }
  int32(value: number): void {
    this.at = this.buffer.writeInt32BE(value, this.at);
  }
  int64(value: bigint): void {
    this.at = this.buffer.writeBigInt64BE(value, this.at);
  }
  string(value: string): void {
    this.int16(Buffer.byteLength(value));
    this.at += this.buffer.write(value, this.at);
  }
  varInt(value: number): void {
    let rest = ((value << 1) ^ (value >> 31)) >>> 0;
    for (; rest > 0x7f; rest >>>= 7) this.buffer[this.at++] = (rest & 0x7f) | 0x80;
    this.buffer[this.at++] = rest;
  }
  varIntBytes(value: Buffer | null): void {
    this.varInt(value === null ? -1 : value.length);
    if (value !== null) this.at += value.copy(this.buffer, this.at);
  }
}
