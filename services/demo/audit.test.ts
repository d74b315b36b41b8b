import { describe, expect, test } from 'vitest';
import { judge, type WriteClaim } from './audit.js';
import { newRun, numberOf, requestId } from './request-id.js';

const CLAIM: WriteClaim = {
  run: newRun(),
  last: 5,
  unknown: [4],
  failed: [2],
  credit: { balance: '1000.0000', transfersBefore: 10, transfers: 3, unknownTransfers: 1 },
};
const ONCE = new Map([1, 3, 5].map((number) => [number, 1]));
const CREDIT = { balance: '1000.0000', transfers: 16 };

describe('judge', () => {
  test('every acknowledged transaction once is all right, with the unanswered one or without', () => {
    expect(judge(CLAIM, ONCE, CREDIT)).toMatchObject({ ok: true, acknowledged: 3, found: 3 });
    expect(judge(CLAIM, new Map([...ONCE, [4, 1]]), { ...CREDIT, transfers: 18 }).ok).toBe(true);
  });

  test('names what is lost', () => {
    expect(judge(CLAIM, new Map([[1, 1]]), CREDIT)).toMatchObject({ ok: false, lost: [3, 5] });
  });

  test('names what is there twice', () => {
    expect(judge(CLAIM, new Map([...ONCE, [3, 2]]), CREDIT)).toMatchObject({ ok: false, duplicated: [3] });
  });

  test('names what was given up or never sent, and is there', () => {
    const times = new Map([...ONCE, [2, 1], [6, 1]]);
    expect(judge(CLAIM, times, CREDIT)).toMatchObject({ ok: false, unexpected: [2, 6] });
  });

  test('a balance that is not kept is not all right', () => {
    expect(judge(CLAIM, ONCE, { ...CREDIT, balance: '999.0000' })).toMatchObject({ ok: false, isBalanceKept: false });
  });

  test.each([
    [14, -2],
    [16, 0],
    [18, 0],
    [20, 2],
  ])('%i account rows moved in all are a drift of %i', (transfers, drift) => {
    expect(judge(CLAIM, ONCE, { ...CREDIT, transfers })).toMatchObject({ ok: drift === 0, transferDrift: drift });
  });
});

test('a request id is a uuid that gives its number back', () => {
  const id = requestId(newRun(), 2 ** 40 + 7);
  expect(id).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
  expect(numberOf(id)).toBe(2 ** 40 + 7);
});
