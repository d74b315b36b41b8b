import { expect, test } from 'vitest';
import type { LoadedPipeline } from '../../platform/load-pipeline.js';
import { withSecondTarget } from './second-target.js';

const PIPELINE = { name: 'p', target: { url: 'postgres://live' } } as LoadedPipeline;

test('a second target is named by its variable', () => {
  const found = withSecondTarget(PIPELINE, 'SECOND_URL', { SECOND_URL: 'postgres://second' });
  expect(found).toEqual({ name: 'p', target: { url: 'postgres://second' } });
});

test.each(['postgres://me:secret@db/second', 'second-url', ''])('%j is no name of a variable', (variable) => {
  const naming = () => withSecondTarget(PIPELINE, variable, { [variable]: 'postgres://second' });
  expect(naming).toThrow('--target takes the name of an environment variable, not a URL');
});

test('a variable that is not set is named', () => {
  expect(() => withSecondTarget(PIPELINE, 'SECOND_URL', {})).toThrow('SECOND_URL is not set');
});
