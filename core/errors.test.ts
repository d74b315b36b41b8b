import { describe, expect, test } from 'vitest';
import { assertNever, FerryError, POLICY, type Policy, reactionTo, toFerryError } from './errors.js';

const policies = Object.entries(POLICY) as [string, Policy][];

describe('the policy table', () => {
  test.each(policies)('%s says what happens and what the operator does', (code, policy) => {
    expect(code).toMatch(/^[a-z]+(-[a-z]+)*$/);
    expect(['retry', 'halt']).toContain(policy.react);
    expect([1, 2, 3]).toContain(policy.exit);
    expect(policy.remedy).toMatch(/^[A-Z].{8,}[^\s.]\.$/s);
  });

  test('retries nothing that waiting cannot cure', () => {
    const retried = policies.filter(([, policy]) => policy.react === 'retry').map(([code]) => code);
    expect(retried.sort()).toEqual([
      'connection-lost',
      'disk-full',
      'log-full',
      'log-unreachable',
      'schema-changed',
      'server-read-only',
      'slot-active',
      'source-unreachable',
      'target-unreachable',
      'transient-sql',
    ]);
    for (const [, policy] of policies) if (policy.react === 'retry') expect(policy.exit).toBe(1);
  });
});

describe('FerryError', () => {
  test('takes the remedy of its code, or a closer one', () => {
    expect(new FerryError('slot-active', 'taken').remedy).toBe(POLICY['slot-active'].remedy);
    expect(new FerryError('slot-active', 'taken', { remedy: 'End process 7.' }).remedy).toBe('End process 7.');
  });

  test('keeps code, message, details, cause and policy', () => {
    const cause = new Error('below');
    const error = new FerryError('target-unfit', 'no table', { details: { table: 'public.t' }, cause });
    expect(error).toMatchObject({ name: 'FerryError', code: 'target-unfit', details: { table: 'public.t' }, cause });
    expect(error.message).toBe('no table');
    expect(error.policy).toBe(POLICY['target-unfit']);
    expect(new FerryError('usage', 'x').details).toEqual({});
  });
});

describe('toFerryError', () => {
  test('leaves a FerryError as it is', () => {
    const error = new FerryError('usage', 'x');
    expect(toFerryError(error)).toBe(error);
  });

  test.each([
    ['an error', new TypeError('broken'), 'broken'],
    ['a thrown text', 'broken', 'broken'],
    ['nothing', undefined, 'undefined'],
  ])('wraps %s', (_, thrown, message) => {
    const error = toFerryError(thrown);
    expect(error).toMatchObject({ code: 'internal', message, cause: thrown });
  });
});

test('assertNever names the value', () => {
  expect(() => assertNever('surprise' as never)).toThrow('unexpected value "surprise"');
});

test('a password that is refused is tried again by who has worked with it', () => {
  const refused = new FerryError('auth-failed', 'm');
  expect([reactionTo(refused, false), reactionTo(refused, true)]).toEqual(['halt', 'retry']);
  expect(reactionTo(new FerryError('apply-failed', 'm'), true)).toBe('halt');
  expect(reactionTo(new FerryError('transient-sql', 'm'), false)).toBe('retry');
});
