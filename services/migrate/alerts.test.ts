import { expect, test } from 'vitest';
import { findAlerts } from './alerts.js';

const run = (file: string, durationMs: number) => ({ version: '1', file, durationMs, statements: 1, tries: 1 });

test('what took more than 30 s, and what does not hold, is told', () => {
  const assertions = [
    { name: '30 of kind table', ok: false, message: 'there are 29' },
    { name: 'fine', ok: true },
  ];
  expect(
    findAlerts([run('1_a.sql', 30_000), run('2_b.sql', 31_400)], [{ file: 't.sql', ok: false, assertions }]),
  ).toEqual([
    { kind: 'slow', subject: '2_b.sql', message: 'took 31 s, more than 30 s' },
    { kind: 'test', subject: '30 of kind table', message: 'there are 29' },
  ]);
});
