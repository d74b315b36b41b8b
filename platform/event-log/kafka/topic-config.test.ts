import { expect, test } from 'vitest';
import { topicConfig } from './topic-config.js';

const settingsOf = (topic: string, replicationFactor?: number) => {
  const config = topicConfig('shop', { topic, partitions: 2 }, replicationFactor);
  const settings = Object.fromEntries(config.configEntries!.map(({ name, value }) => [name, value]));
  return { ...config, settings };
};

test('the history never expires', () => {
  expect(settingsOf('shop.domain.growth')).toMatchObject({
    numPartitions: 2,
    replicationFactor: -1,
    settings: {
      'cleanup.policy': 'delete',
      'retention.ms': '-1',
      'retention.bytes': '-1',
    },
  });
});

test('only the control topic is compacted', () => {
  expect(settingsOf('shop.control').settings['cleanup.policy']).toBe('compact');
  expect(settingsOf('shop.raw').settings['cleanup.policy']).toBe('delete');
});

test('with three replicas two must have a record before it counts', () => {
  expect(settingsOf('shop.raw', 2).settings).not.toHaveProperty('min.insync.replicas');
  expect(settingsOf('shop.raw', 3)).toMatchObject({ replicationFactor: 3, settings: { 'min.insync.replicas': '2' } });
});
