import type { IResourceConfigEntry, ITopicConfig } from 'kafkajs';
import { topicsOf } from '../../../core/topics.js';
import type { TopicSpec } from '../port.js';

/** Keys of the control topic are few and the newest value counts; compaction may begin a minute after a value is old. */
const CONTROL: Readonly<Record<string, string>> = {
  'cleanup.policy': 'compact',
  'segment.ms': '60000',
  'min.cleanable.dirty.ratio': '0.1',
};

/** The log is the history that a rebuild replays: nothing of it expires. */
const HISTORY: Readonly<Record<string, string>> = {
  'cleanup.policy': 'delete',
  'retention.ms': '-1',
  'retention.bytes': '-1',
};

/**
 * What the topic is created with.
 * @param replicationFactor the broker's default when undefined.
 */
export function topicConfig(pipeline: string, spec: TopicSpec, replicationFactor: number | undefined): ITopicConfig {
  const settings = spec.topic === topicsOf(pipeline).control ? CONTROL : HISTORY;
  return {
    topic: spec.topic,
    numPartitions: spec.partitions,
    replicationFactor: replicationFactor ?? -1,
    configEntries: entries(settings, replicationFactor),
  };
}

function entries(settings: Readonly<Record<string, string>>, replicationFactor = 1): IResourceConfigEntry[] {
  // With three replicas an acknowledgement must outlive the loss of a broker, and appending must too: two in sync.
  const durable = replicationFactor >= 3 ? { 'min.insync.replicas': '2' } : {};
  return Object.entries({ ...settings, ...durable }).map(([name, value]) => ({ name, value }));
}
