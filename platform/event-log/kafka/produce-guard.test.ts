import type { RecordMetadata } from 'kafkajs';
import { describe, expect, test } from 'vitest';
import { checkAcknowledged } from './produce-guard.js';

const SENT = { topic: 'shop.raw', partition: 1, count: 3, expectedOffset: 40 };

function answer(changes: Partial<RecordMetadata> = {}): RecordMetadata {
  return { topicName: 'shop.raw', partition: 1, errorCode: 0, baseOffset: '40', ...changes };
}

describe('an acknowledgement', () => {
  test('that names what was sent gives the next offset', () => {
    expect(checkAcknowledged([answer()], SENT)).toBe(43);
  });

  test.each([
    ['is empty, as after a leader change in the middle of a send', []],
    ['names another partition', [answer({ partition: 0 })]],
    ['names another topic', [answer({ topicName: 'shop.domain.growth' })]],
    ['names more than was sent', [answer(), answer({ partition: 2 })]],
    ['carries an error', [answer({ errorCode: 6 })]],
    ['has no base offset', [answer({ baseOffset: undefined })]],
    ['has the base offset of nothing', [answer({ baseOffset: '-1' })]],
  ])('that %s is none', (_what, response) => {
    expect(() => checkAcknowledged(response, SENT)).toThrow(expect.objectContaining({ code: 'log-unreachable' }));
  });

  test.each([
    ['behind a gap: another writer, or an acknowledged send that came twice', '43'],
    ['before the end we left: a topic made anew', '0'],
  ])('with a base offset %s, is log-regressed', (_what, baseOffset) => {
    expect(() => checkAcknowledged([answer({ baseOffset })], SENT)).toThrow(
      expect.objectContaining({ code: 'log-regressed', details: expect.objectContaining({ expectedOffset: 40 }) }),
    );
  });

  test('of a topic with many writers may have any base offset', () => {
    expect(checkAcknowledged([answer({ baseOffset: '99' })], { ...SENT, expectedOffset: undefined })).toBe(102);
  });
});
