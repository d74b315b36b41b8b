import { expect, test } from 'vitest';
import type { TextRow } from '../verify/session.js';
import { settleSample } from './settle-sample.js';

const rows = (value: string): TextRow[] => [[value]];

/** Answers in their order; the last one stays. */
function sides(script: { source: readonly string[]; target: readonly string[] }) {
  const calls: string[] = [];
  const next = (side: 'source' | 'target') => {
    const answers = [...script[side]];
    return async () => {
      calls.push(side);
      return rows(answers.length > 1 ? answers.shift()! : answers[0]!);
    };
  };
  const caughtUp = async () => void calls.push('caught up');
  return { calls, source: next('source'), target: next('target'), caughtUp };
}

async function settle(script: { source: readonly string[]; target: readonly string[] }) {
  const reads = sides(script);
  const first = { source: await reads.source(), target: await reads.target() };
  return { ...(await settleSample(reads, first, { ordered: false })), calls: reads.calls.slice(2) };
}

test('equal answers are not asked for again', async () => {
  expect(await settle({ source: ['1'], target: ['1'] })).toMatchObject({ verdict: 'equal', calls: [] });
});

test('a target that says the same once it has caught up was late', async () => {
  const settled = await settle({ source: ['2'], target: ['1', '2'] });
  expect(settled).toEqual({ verdict: 'late', differences: [], calls: ['caught up', 'target', 'source'] });
});

test('a target that is ahead of the first answer, by a change in between, was late', async () => {
  expect(await settle({ source: ['1', '2'], target: ['0', '2'] })).toMatchObject({ verdict: 'late' });
});

test('a source that changes at every look is late, as long as the target says what it says', async () => {
  const numbers = Array.from({ length: 40 }, (_, i) => String(i + 1));
  expect(await settle({ source: numbers, target: ['0', ...numbers.slice(1)] })).toMatchObject({
    verdict: 'late',
    calls: ['caught up', 'target', 'source'],
  });
});

test('a source that went to and fro between two looks was late, not different', async () => {
  expect(await settle({ source: ['1'], target: ['0', '2', '1'] })).toMatchObject({ verdict: 'late' });
});

test('what both sides say twice on end is different', async () => {
  expect(await settle({ source: ['1'], target: ['wrong'] })).toMatchObject({
    verdict: 'different',
    differences: [
      { kind: 'missing', row: ['1'] },
      { kind: 'extra', row: ['wrong'] },
    ],
  });
});

test('a row that changes, and settles wrong, is different', async () => {
  expect(await settle({ source: ['1', '2', '3'], target: ['wrong'] })).toMatchObject({ verdict: 'different' });
});

test('answers that change at every look are unsettled, not different', async () => {
  const source = Array.from({ length: 40 }, (_, i) => `source ${i}`);
  const target = Array.from({ length: 40 }, (_, i) => `target ${i}`);
  expect(await settle({ source, target })).toMatchObject({ verdict: 'unsettled', differences: [] });
});
