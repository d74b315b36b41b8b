/** A message as it is sent. */
export interface OutgoingMessage {
  readonly key: string | null;
  readonly value: Buffer;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A send becomes one RecordBatch: it is this large at the most, and smaller where brokers take less. */
const MAX_BATCH_BYTES = 900 * 1024;

/** kafkajs copies the list of a partition once for each message, so its cost grows with the square of this. */
const MAX_BATCH_MESSAGES = 1_000;

/** Lengths, offset, timestamp and headers of a record, at the most. */
export const RECORD_OVERHEAD_BYTES = 40;

/**
 * Cuts messages into sends, in order. A message that is larger than a send may be goes alone.
 * @param limitBytes what brokers take in one send.
 */
export function splitMessages(
  messages: readonly OutgoingMessage[],
  limitBytes = Number.POSITIVE_INFINITY,
): OutgoingMessage[][] {
  const most = Math.min(MAX_BATCH_BYTES, limitBytes);
  const sends: OutgoingMessage[][] = [];
  let bytes = 0;
  for (const message of messages) {
    const size = messageBytes(message);
    const current = sends.at(-1);
    if (current && bytes + size <= most && current.length < MAX_BATCH_MESSAGES) {
      current.push(message);
      bytes += size;
    } else {
      sends.push([message]);
      bytes = size;
    }
  }
  return sends;
}

export function messageBytes({ key, value }: OutgoingMessage): number {
  return value.length + (key === null ? 0 : Buffer.byteLength(key)) + RECORD_OVERHEAD_BYTES;
}
