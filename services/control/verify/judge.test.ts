import { describe, expect, test } from 'vitest';
import { judge, type Observation, type RowState } from './judge.js';

const row = (hash: number, version = `v${hash}`): RowState => ({ hash: BigInt(hash), rows: 1, version });
const look = (source?: RowState, target?: RowState, sampled: (number | undefined)[] = []): Observation => ({
  key: ['1'],
  source,
  target,
  sampled: new Set(sampled.map((hash) => (hash === undefined ? undefined : BigInt(hash)))),
});

describe('a single look', () => {
  test('is enough to be equal', () => {
    expect(judge(undefined, look(row(1), row(1, 'other')))).toBe('equal');
    expect(judge(undefined, look(undefined, undefined))).toBe('equal');
  });

  test('is equal when the target shows what the source showed meanwhile, or lacks what it lacked', () => {
    expect(judge(undefined, look(row(1), row(3), [2, 3]))).toBe('equal');
    expect(judge(undefined, look(row(1), undefined, [undefined]))).toBe('equal');
    expect(judge(undefined, look(undefined, row(2), [2]))).toBe('equal');
  });

  test('is never enough to be different', () => {
    expect(judge(undefined, look(row(1), row(2)))).toBe('again');
    expect(judge(undefined, look(row(1), undefined))).toBe('again');
    expect(judge(undefined, look(undefined, row(1)))).toBe('again');
  });
});

describe('two looks', () => {
  test('are different when nobody wrote the row from one to the next', () => {
    const altered = look(row(1), row(2));
    expect(judge(altered, altered)).toBe('different');
    const missing = look(row(1), undefined);
    expect(judge(missing, missing)).toBe('different');
    const extra = look(undefined, row(1));
    expect(judge(extra, extra)).toBe('different');
  });

  test('are equal when the source has come to what the target showed at the first', () => {
    expect(judge(look(row(1), row(2)), look(row(2), row(3)))).toBe('equal');
    expect(judge(look(row(1), undefined), look(undefined, row(3)))).toBe('equal');
  });

  test('say nothing about a row that was written in between, even back to its old value', () => {
    expect(judge(look(row(1, 'a'), row(2)), look(row(1, 'b'), row(2)))).toBe('again');
    expect(judge(look(row(1), row(2, 'a')), look(row(1), row(2, 'b')))).toBe('again');
  });

  test('say nothing about a row that the source has for a moment now and then', () => {
    // Inserted and deleted between two reads of the source, twice; the target was read in between each time.
    expect(judge(look(undefined, row(1, 'a')), look(undefined, row(1, 'b')))).toBe('again');
  });
});
