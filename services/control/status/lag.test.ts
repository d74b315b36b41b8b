import { describe, expect, test } from 'vitest';
import { parseLsn } from '../../../core/lsn.js';
import { furthestAhead, furthestBehind, lagOf, UNKNOWN_LAG } from './lag.js';

const source = { lsn: parseLsn('0/1000'), time: Date.parse('2026-01-31T12:00:10.500Z') };
const reached = (lsn: string, time: string | null = '2026-01-31T12:00:00.000000Z') => ({
  through: parseLsn(lsn),
  time,
});

describe('lagOf', () => {
  test('is the distance in bytes, and in seconds by the commit time at the source', () => {
    expect(lagOf(source, reached('0/F00'))).toEqual({ bytes: 256, seconds: 10.5 });
  });

  test('is none at the end of the WAL or beyond, however old the last commit is', () => {
    expect(lagOf(source, reached('0/1000'))).toEqual({ bytes: 0, seconds: 0 });
    expect(lagOf(source, reached('0/2000', null))).toEqual({ bytes: 0, seconds: 0 });
  });

  test('reads the commit time as the target spells it', () => {
    expect(lagOf(source, reached('0/F00', '2026-01-31 12:00:00.123456+00')).seconds).toBeCloseTo(10.377, 3);
  });

  test('is never negative when the clocks differ', () => {
    expect(lagOf(source, reached('0/F00', '2026-01-31T12:01:00Z'))).toEqual({ bytes: 256, seconds: 0 });
  });

  test('is unknown, not zero, where one side cannot be asked', () => {
    expect(lagOf(undefined, reached('0/F00'))).toEqual(UNKNOWN_LAG);
    expect(lagOf(source, undefined)).toEqual(UNKNOWN_LAG);
    expect(lagOf(source, reached('0/F00', null))).toEqual({ bytes: 256, seconds: null });
  });
});

describe('of several stages', () => {
  const [early, late] = [reached('0/100'), reached('0/200')];

  test('the one that is furthest behind counts, and is unknown while one of them is', () => {
    expect(furthestBehind([late, early, late])).toBe(early);
    expect(furthestBehind([late, undefined, early])).toBeUndefined();
    expect(furthestBehind([])).toBeUndefined();
  });

  test('the one that is furthest ahead counts, of those that are known', () => {
    expect(furthestAhead([early, undefined, late, early])).toBe(late);
    expect(furthestAhead([undefined])).toBeUndefined();
  });
});
