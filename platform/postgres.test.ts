import pg from 'pg';
import { expect, test } from 'vitest';
import { FerryError } from '../core/errors.js';
import { classify, classifyUnnamed } from './postgres.js';

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

test('an error that no place has named is of a database, or stays what it is', () => {
  const codeOf = (error: unknown) => classifyUnnamed(error).code;
  const ofServer = (code: string) => Object.assign(new pg.DatabaseError('it failed', 9, 'error'), { code });
  expect(codeOf(new Error('Connection terminated unexpectedly'))).toBe('connection-lost');
  expect(codeOf(failure('ECONNRESET'))).toBe('connection-lost');
  expect(codeOf(ofServer('57P01'))).toBe('connection-lost');
  expect(codeOf(ofServer('42501'))).toBe('privilege-missing');
  expect(codeOf(ofServer('40001'))).toBe('transient-sql');
  expect(codeOf(failure('42501'))).toBe('internal');
  expect(codeOf(new TypeError('broken'))).toBe('internal');
  expect(codeOf('thrown')).toBe('internal');
  expect(codeOf(new FerryError('usage', 'x'))).toBe('usage');
});
