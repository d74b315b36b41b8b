import type { Admin, ITopicConfig } from 'kafkajs';
import { refuseOtherPartitions } from '../refuse-other-partitions.js';
import { classifyKafkaError } from './classify-error.js';
import { type KafkaConnection, openSession } from './client-session.js';

/** Deletes topics; those that do not exist are no error. */
export async function deleteTopics(connection: KafkaConnection, topics: readonly string[]): Promise<void> {
  const session = openSession(connection, { requestTimeoutMs: 10_000, retries: 3 });
  try {
    const admin = session.kafka.admin();
    await admin.connect();
    await admin.deleteTopics({ topics: [...(await findTopics(admin, topics)).keys()] });
  } catch (error) {
    throw classifyKafkaError(error, `delete the topics ${topics.join(', ')}`);
  } finally {
    session.close();
  }
}

/**
 * Creates the topics that do not exist yet. One that exists is not even asked for: whoever made it beforehand may have
 * given us no right to create any. Their leaders are not waited for: kafkajs fails where it asks a broker that has not
 * heard of the topic yet, while reads and appends try again.
 */
export async function createMissingTopics(connection: KafkaConnection, topics: readonly ITopicConfig[]): Promise<void> {
  const session = openSession(connection, { requestTimeoutMs: 10_000, retries: 3 });
  try {
    const admin = session.kafka.admin();
    await admin.connect();
    const names = topics.map(({ topic }) => topic);
    const existing = await findTopics(admin, names);
    for (const { topic, numPartitions: partitions = 1 } of topics) {
      refuseOtherPartitions({ topic, partitions }, existing.get(topic));
    }
    const missing = topics.filter(({ topic }) => !existing.has(topic));
    // Another process that was faster is no error.
    if (missing.length > 0) await admin.createTopics({ topics: missing, waitForLeaders: false });
  } catch (error) {
    throw classifyKafkaError(error, `create the topics ${topics.map(({ topic }) => topic).join(', ')}`);
  } finally {
    session.close();
  }
}

/**
 * One by one: kafkajs cannot list the topics of a cluster while any of them, another user's too, has no leader.
 * @returns each topic that exists with its number of partitions, undefined while one of them has no leader.
 */
async function findTopics(admin: Admin, topics: readonly string[]): Promise<Map<string, number | undefined>> {
  const found = new Map<string, number | undefined>();
  for (const topic of topics) {
    try {
      const answer = await admin.fetchTopicMetadata({ topics: [topic] });
      found.set(topic, answer.topics[0]?.partitions.length);
    } catch (error) {
      const { kafkaError } = classifyKafkaError(error, `ask for the topic ${topic}`).details;
      if (kafkaError === 'LEADER_NOT_AVAILABLE') found.set(topic, undefined);
      else if (kafkaError !== 'UNKNOWN_TOPIC_OR_PARTITION') throw error;
    }
  }
  return found;
}
