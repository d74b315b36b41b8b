import { expect, test } from 'vitest';
import { classify } from './postgres.js';

const failure = (code: string, message = 'it failed') => Object.assign(new Error(message), { code });

test.each([
  ['40001', 'transient-sql'],
  ['40P01', 'transient-sql'],
  ['55P03', 'transient-sql'],
  ['57014', 'transient-sql'],
  ['53200', 'transient-sql'],
  ['57P01', 'target-unreachable'],
  ['57P03', 'target-unreachable'],
  ['08006', 'target-unreachable'],
  ['53300', 'target-unreachable'],
  ['ECONNRESET', 'target-unreachable'],
  ['25006', 'server-read-only'],
  ['53100', 'disk-full'],
  ['28P01', 'auth-failed'],
  ['42501', 'privilege-missing'],
  ['23505', 'internal'],
])('%s is %s', (sqlstate, code) => {
  const error = classify('target', failure(sqlstate), 'writing');
  expect([error.code, error.message]).toEqual([code, 'writing: it failed']);
});
