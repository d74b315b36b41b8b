import { describe, expect, test } from 'vitest';
import type { TableReport } from '../verify/report.js';
import { tablesForPause } from './pause-plan.js';

describe('tablesForPause', () => {
  const report = (target: string, ms: number) => ({ source: 'public', target, ms }) as TableReport & { ms: number };

  const pairs = (...targets: string[]) => new Set(targets.map((target) => `public -> ${target}`));

  test('takes the quickest, two at a time, for no more than a twentieth of the pause', () => {
    const reports = [report('slow', 9_000), report('c', 3_000), report('a', 1_000), report('b', 2_000)];
    // (1 + 2 + 3) / 2 s are within a twentieth of 60 s; another 9 s are not.
    expect(tablesForPause(reports, 60_000)).toEqual(pairs('a', 'b', 'c'));
    expect(tablesForPause(reports, 59_999)).toEqual(pairs('a', 'b'));
    expect(tablesForPause(reports, 150_000)).toEqual(pairs('a', 'b', 'c', 'slow'));
    expect(reports[0]!.target).toBe('slow');
  });

  test('takes none when there is no time', () => {
    expect(tablesForPause([report('a', 10)], 0)).toEqual(new Set());
    expect(tablesForPause([], 10_000)).toEqual(new Set());
  });
});
