import { expect, test } from 'vitest';
import { MAX_ROW_BYTES } from '../../core/config/schema.js';
import * as pgoutput from '../../test/support/pgoutput-builder.js';
import { relationOf } from '../../test/support/record-builder.js';
import { decode, type RowMessage } from './pgoutput/decode.js';
import { refuseLargerRow } from './row-limit.js';
import type { TablePlan } from './snapshot/chunk.js';

const relation = relationOf(1, 'public.files', ['id', 'part', 'body'], { keyColumns: 2 });
const plan: TablePlan = {
  relation,
  key: ['part', 'id'],
  partitionKey: ['part', 'id'],
  keyTypes: ['text', 'int'].map((sql) => ({ sql, isDomain: false, equal: null, greater: null })),
  columns: ['id', 'part', 'body'],
};
const check = (message: Buffer, maxBytes = MAX_ROW_BYTES) =>
  refuseLargerRow(message, decode(message) as RowMessage, { relation, plan, maxBytes });

test('a row is refused once its text as JSON is above the limit, with its table and its key', () => {
  const control = (bytes: number) => pgoutput.insert(1, ['7', 'a', '\u0001'.repeat(bytes)]);
  expect(() => check(control(MAX_ROW_BYTES / 6 - 1_000))).not.toThrow();
  expect(() => check(control(MAX_ROW_BYTES / 6))).toThrow(
    expect.objectContaining({
      code: 'record-too-large',
      message: expect.stringContaining('the row of public.files with part = a, id = 7 takes'),
    }),
  );
});

test('a key that is large itself is not printed, and a delete is named by its old row', () => {
  const old = [false, 'a'.repeat(101), 'x'.repeat(MAX_ROW_BYTES)] as const;
  const deleted = pgoutput.remove(1, { old: ['7', old[1], old[2]] });
  expect(() => check(deleted)).toThrow('with part = ..., id = 7 takes');
});

test('a limit of the pipeline is named with what raising it takes', () => {
  const message = pgoutput.insert(1, ['7', 'a', 'x'.repeat(1_000)]);
  expect(() => check(message, 2_000)).not.toThrow();
  expect(() => check(message, 500)).toThrow(
    expect.objectContaining({
      message: expect.stringContaining('above the 500 that can be moved'),
      remedy: expect.stringContaining('Raise capture.maxRowBytes'),
    }),
  );
});
