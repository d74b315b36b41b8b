import { expect, test } from 'vitest';
import { pipelineName } from './pipeline-name.js';

test.each([
  ['config/mine', 'mine'],
  ['config/My Project (2)', 'my-project-2'],
  ['/data/2024_split', 'split'],
  ['/data/____', 'pipeline'],
  [`/data/${'a'.repeat(60)}`, 'a'.repeat(41)],
])('the directory %s gives the name %s', (directory, name) => {
  expect(pipelineName(directory, undefined)).toBe(name);
});

test('a name that is given must be one', () => {
  expect(pipelineName('config/mine', 'growth-split')).toBe('growth-split');
  expect(() => pipelineName('config/mine', 'Growth')).toThrow(expect.objectContaining({ code: 'usage' }));
});
