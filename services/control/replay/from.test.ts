import { expect, test } from 'vitest';
import { parseLsn } from '../../../core/lsn.js';
import { isBeyond, parseStartPlace } from './from.js';

test('a place is an LSN, or a time with its zone', () => {
  expect(parseStartPlace('0/16b3748')).toEqual({ lsn: 0x16b3748n });
  expect(parseStartPlace('2026-03-01T14:00:00Z')).toEqual({ timeMs: Date.UTC(2026, 2, 1, 14) });
  expect(parseStartPlace('2026-03-01 14:00:00.5+02')).toEqual({ timeMs: Date.UTC(2026, 2, 1, 12, 0, 0, 500) });
});

test.each(['yesterday', '2026-03-01', '2026-03-01T14:00:00', '0/', '16B3748', ''])('%j is none', (text) => {
  expect(() => parseStartPlace(text)).toThrow(`--from is neither an LSN nor a time: ${text}`);
});

test('a target is beyond a place that it has passed, not one where it stands', () => {
  const at = { commitEnd: parseLsn('0/200'), commitTime: '2026-03-01 14:00:00.000001+00' };
  expect(['0/1FF', '0/200', '0/201'].map((lsn) => isBeyond(at, { lsn: parseLsn(lsn) }))).toEqual([true, false, false]);
  const beyond = (time: string) => isBeyond(at, { timeMs: Date.parse(time) });
  expect(['2026-03-01T13:59:59Z', '2026-03-01T14:00:01Z'].map(beyond)).toEqual([true, false]);
  expect(isBeyond({ commitEnd: parseLsn('0/0'), commitTime: null }, { timeMs: 0 })).toBe(false);
});
