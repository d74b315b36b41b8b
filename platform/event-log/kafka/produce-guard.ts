import type { RecordMetadata } from 'kafkajs';
import { FerryError } from '../../../core/errors.js';
import type { TopicPartition } from '../port.js';

/** What was sent in one request. */
export interface Sent extends TopicPartition {
  readonly count: number;
  /** The offset that the first message must have got; undefined where others append to the topic too. */
  readonly expectedOffset: number | undefined;
}

/**
 * Believes an acknowledgement only when it names what was sent. kafkajs 2.2.4 resolves sends whose messages were
 * never written: after a leader change the partition is missing in the answer, and after a lost answer to one of
 * several sends the base offset does not follow.
 * @returns the offset behind what was sent.
 * @throws FerryError `log-unreachable` when it was not acknowledged, `log-regressed` when somebody else appended.
 */
export function checkAcknowledged(response: readonly RecordMetadata[], sent: Sent): number {
  const { topic, partition, count, expectedOffset } = sent;
  const answer = response[0];
  const details = { topic, partition, records: count };
  if (response.length !== 1 || answer?.topicName !== topic || answer.partition !== partition) {
    throw new FerryError(
      'log-unreachable',
      `append to ${topic}/${partition}: the answer does not name this partition`,
      {
        details,
      },
    );
  }
  const baseOffset = Number(answer.baseOffset ?? -1);
  if (answer.errorCode !== 0 || !Number.isSafeInteger(baseOffset) || baseOffset < 0) {
    throw new FerryError(
      'log-unreachable',
      `append to ${topic}/${partition}: not acknowledged, error ${answer.errorCode}, base offset ${answer.baseOffset}`,
      { details: { ...details, kafkaErrorCode: answer.errorCode } },
    );
  }
  if (expectedOffset !== undefined && baseOffset !== expectedOffset) {
    throw new FerryError(
      'log-regressed',
      `append to ${topic}/${partition}: the records got offset ${baseOffset}, not ${expectedOffset} where this process left the end`,
      { details: { ...details, expectedOffset, baseOffset } },
    );
  }
  return baseOffset + count;
}
