import type { ITopicConfig } from 'kafkajs';
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
    // Another process that was faster is no error.
    if (missing.length > 0) await admin.createTopics({ topics: missing, waitForLeaders: true });
  } catch (error) {
    throw classifyKafkaError(error, `create the topics ${topics.map(({ topic }) => topic).join(', ')}`);
  } finally {
    session.close();
  }
}
