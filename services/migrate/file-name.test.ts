import fc from 'fast-check';
import { expect, test } from 'vitest';
import { compareReleases, compareVersions, parseMigrationName, parseRelease } from './file-name.js';

test.each([
  ['20251026211500_v0_7_0_baseline.sql', { version: '20251026211500', release: '0.7.0', description: 'baseline' }],
  ['20251026211500_v0_10_2_more_tables.sql', { release: '0.10.2', description: 'more tables' }],
  ['20251026211500_baseline.sql', { version: '20251026211500', release: undefined, description: 'baseline' }],
  ['001_initial_schema.sql', { version: '001', release: undefined, description: 'initial schema' }],
  ['012_v2_api.sql', { version: '012', release: undefined, description: 'v2 api' }],
])('%s', (file, parts) => {
  expect(parseMigrationName(file)).toMatchObject({ file, ...parts });
});

test.each(['README.md', 'baseline.sql', '001.sql', '001_x.down.sql', '20251026213000_rollback.sql', '1a_x.sql'])(
  '%s is no migration',
  (file) => {
    expect(parseMigrationName(file)).toBeUndefined();
  },
);

test('versions sort by their number, whatever zeros stand before', () => {
  expect(['10', '009', '20251026211500', '2'].sort(compareVersions)).toEqual(['2', '009', '10', '20251026211500']);
  const digits = fc.bigInt({ min: 0n, max: 10n ** 20n });
  fc.assert(
    fc.property(digits, digits, (a, b) => {
      expect(Math.sign(compareVersions(`00${a}`, `${b}`))).toBe(a < b ? -1 : a > b ? 1 : 0);
    }),
  );
});

test('releases compare part by part', () => {
  expect(compareReleases('0.9.0', '0.10.0')).toBeLessThan(0);
  expect(compareReleases('1.0.0', '0.99.99')).toBeGreaterThan(0);
  expect(compareReleases('1.2.3', '1.2.3')).toBe(0);
  expect(['v0.7.0', '0.7.0', 'v0_7_0', '0.7', 'v0.7.0-rc1'].map(parseRelease)).toEqual([
    '0.7.0',
    '0.7.0',
    '0.7.0',
    undefined,
    undefined,
  ]);
});
