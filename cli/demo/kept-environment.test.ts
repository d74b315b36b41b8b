import { expect, test } from 'vitest';
import { keptEnvironment } from './kept-environment.js';

const env = {
  SOURCE_URL: 'postgres://me:hunter2@db.example:5432/demo_source?sslmode=verify-full',
  TARGET_URL: 'postgres://me@db.example/demo_target?password=hunter2',
  KAFKA_BROKERS: '',
  KAFKA_SASL_PASSWORD: 'hunter3',
  KAFKA_SASL_USERNAME: 'me',
  FERRY_LOG_DIR: '/tmp/log',
  OTHER: 'hunter4',
};

test('what was given is shown without its secrets, which are named instead', () => {
  expect(keptEnvironment(env, { source: true, target: true })).toEqual({
    variables: [
      ['SOURCE_URL', 'postgres://me@db.example:5432/demo_source?sslmode=verify-full'],
      ['TARGET_URL', 'postgres://me@db.example/demo_target'],
      ['KAFKA_BROKERS', ''],
      ['KAFKA_SASL_USERNAME', 'me'],
      ['FERRY_LOG_DIR', '/tmp/log'],
    ],
    secretsLeftOut: ['PGPASSWORD', 'KAFKA_SASL_PASSWORD'],
  });
});

test('servers of our own are shown whole, for nobody else has their password', () => {
  const { variables, secretsLeftOut } = keptEnvironment(
    { ...env, KAFKA_SASL_PASSWORD: '' },
    { source: false, target: false },
  );
  expect(variables.slice(0, 2).map(([, value]) => value)).toEqual([env.SOURCE_URL, env.TARGET_URL]);
  expect(secretsLeftOut).toEqual([]);
});
