import type { Admin, ITopicConfig } from 'kafkajs';
import { FerryError } from '../../../core/errors.js';
import { classifyKafkaError } from './classify-error.js';
import { type KafkaConnection, openSession } from './client-session.js';

/** Deletes topics; those that do not exist are no error. */
export async function deleteTopics(connection: KafkaConnection, topics: readonly string[]): Promise<void> {
  const session = openSession(connection, { requestTimeoutMs: 10_000, retries: 3 });
  try {
    const admin = session.kafka.admin();
    await admin.connect();
    const existing = new Set(await admin.listTopics());
    await admin.deleteTopics({ topics: topics.filter((topic) => existing.has(topic)) });
  } catch (error) {
    throw classifyKafkaError(error, `delete the topics ${topics.join(', ')}`);
  } finally {
    session.close();
  }
}

/** @throws FerryError `config-invalid` when a topic has another number of partitions than the pipeline says. */
async function refuseOtherPartitions(admin: Admin, topics: readonly ITopicConfig[]): Promise<void> {
  if (topics.length === 0) return;
  const { topics: found } = await admin.fetchTopicMetadata({ topics: topics.map(({ topic }) => topic) });
  for (const { topic, numPartitions } of topics) {
    const partitions = found.find(({ name }) => name === topic)?.partitions.length;
    if (partitions === undefined || partitions === numPartitions) continue;
    throw new FerryError('config-invalid', `the topic ${topic} has ${partitions} partitions, not ${numPartitions}`, {
      remedy: `Set log.partitions to ${partitions} in pipeline.yaml: rows are placed by it. Another number needs a new pipeline.`,
    });
  }
}

/**
 * Creates the topics that do not exist yet and waits for their leaders. One that exists is not even asked for: whoever
 * made it beforehand may have given us no right to create any.
 */
export async function createMissingTopics(connection: KafkaConnection, topics: readonly ITopicConfig[]): Promise<void> {
  const session = openSession(connection, { requestTimeoutMs: 10_000, retries: 3 });
  try {
    const admin = session.kafka.admin();
    await admin.connect();
    const existing = new Set(await admin.listTopics());
    const missing = topics.filter(({ topic }) => !existing.has(topic));
    await refuseOtherPartitions(
      admin,
      topics.filter(({ topic }) => existing.has(topic)),
    );
    // Another process that was faster is no error.
    if (missing.length > 0) await admin.createTopics({ topics: missing, waitForLeaders: true });
  } catch (error) {
    throw classifyKafkaError(error, `create the topics ${topics.map(({ topic }) => topic).join(', ')}`);
  } finally {
    session.close();
  }
}
