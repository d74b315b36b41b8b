import { once } from 'node:events';
import { GrantedWork } from '../granted-work.js';
import type { PartitionWork, ShareSpec } from '../port.js';
import { classifyKafkaError } from './classify-error.js';
import { disconnectWithin, type KafkaConnection, openSession } from './client-session.js';

/** The least that brokers allow by default (`group.min.session.timeout.ms`): after it a dead process's share is others'. */
const SESSION_TIMEOUT_MS = 6_000;
const HEARTBEAT_INTERVAL_MS = 1_000;
const LEAVE_WITHIN_MS = 2_000;

/**
 * Shares partitions through a consumer group: Kafka's coordinator says who has which and notices who is gone. Only for
 * that: the group's consumer reads nothing and commits nothing, because each stage finds its place in its own output.
 */
export async function sharePartitions(
  connection: KafkaConnection,
  { group, topics, signal }: ShareSpec,
  work: PartitionWork,
): Promise<void> {
  const session = openSession(connection, { requestTimeoutMs: 30_000, retries: 5 });
  const consumer = session.kafka.consumer({
    groupId: group,
    sessionTimeout: SESSION_TIMEOUT_MS,
    heartbeatInterval: HEARTBEAT_INTERVAL_MS,
    maxWaitTimeInMs: HEARTBEAT_INTERVAL_MS / 2,
    allowAutoTopicCreation: false,
    // A consumer that fails is reported; the service tries again as a whole.
    retry: { retries: 5, restartOnFailure: async () => false },
  });
  const granted = new GrantedWork(work);
  const names = topics.map(({ topic }) => topic);
  consumer.on(consumer.events.GROUP_JOIN, ({ payload: { memberAssignment } }) => {
    consumer.pause(names.map((topic) => ({ topic })));
    granted.assign(
      Object.entries(memberAssignment).flatMap(([topic, partitions]) =>
        partitions.map((partition) => ({ topic, partition })),
      ),
    );
  });
  const crashed = new Promise<never>((_, reject) => {
    consumer.on(consumer.events.CRASH, ({ payload: { error } }) => reject(error));
  });
  crashed.catch(() => {});
  try {
    await consumer.connect();
    await consumer.subscribe({ topics: names });
    await consumer.run({ autoCommit: false, eachBatch: async () => {} });
    const aborted = signal.aborted ? Promise.resolve() : once(signal, 'abort');
    await Promise.race([aborted, granted.failed, crashed]);
  } catch (error) {
    throw classifyKafkaError(error, `share the partitions of ${names.join(', ')} in the group ${group}`);
  } finally {
    // First the work, then the group: whoever takes over begins when nothing is under way any more.
    await granted.stop();
    await disconnectWithin(consumer, LEAVE_WITHIN_MS);
    session.close();
  }
}
