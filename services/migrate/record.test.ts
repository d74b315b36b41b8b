import { expect, test } from 'vitest';
import { type RecordEntry, withEntry } from './record.js';

const BASELINE: RecordEntry = {
  file: '20251026211500_v0_7_0_baseline.sql',
  release: '0.7.0',
  description: 'baseline',
  status: 'Applied',
  at: '2025-10-26T21:15:00Z',
  environment: 'staging',
  by: 'alan',
  durationMs: 2_340,
  snapshot: 'schemas/v0.7.0_20251026211500.sql',
  rollback: 'rollback/20251026211500_rollback.sql',
  tested: 'passed',
  changes: ['added: 30 tables, 16 policies'],
};

test('an entry is what people are used to', () => {
  expect(withEntry('', BASELINE)).toBe(`# Migration History

## v0.7.0 - baseline (2025-10-26)

### 20251026211500_v0_7_0_baseline.sql
**Status:** Applied
**Date:** 2025-10-26 21:15:00
**Environment:** staging
**Snapshot:** schemas/v0.7.0_20251026211500.sql
**Rollback:** rollback/20251026211500_rollback.sql
**Tested:** passed
**Deployed by:** alan
**Migration time:** 2.3 seconds

**Changes:**
- added: 30 tables, 16 policies

**Issues:** None
`);
});

test('one more of a release stands below it, one of another has a heading of its own', () => {
  const seed = { ...BASELINE, file: '20251026213000_v0_7_0_seed.sql', description: 'seed' };
  const next = { ...BASELINE, file: '20251027140000_v0_8_0_c.sql', release: '0.8.0', description: 'c' };
  const headings = [BASELINE, seed, next]
    .reduce(withEntry, '')
    .split('\n')
    .filter((line) => /^(#|---)/.test(line));
  expect(headings).toEqual([
    '# Migration History',
    '## v0.7.0 - baseline (2025-10-26)',
    `### ${BASELINE.file}`,
    '---',
    `### ${seed.file}`,
    '## v0.8.0 - c (2025-10-26)',
    `### ${next.file}`,
  ]);
});

test('a second run changes the facts, adds its environment, and leaves what people wrote', () => {
  const text = withEntry('', { ...BASELINE, tested: undefined })
    .replace('**Issues:** None', '**Issues:** slow on Mondays')
    .replace('- added: 30 tables, 16 policies', '- FIX P0: slug collision');
  const again = withEntry(`${text}\n---\n\nThe end.\n`, {
    ...BASELINE,
    environment: 'production',
    by: 'bea',
    at: '2025-11-01T02:00:00Z',
  });
  expect(again).toContain('**Environment:** staging, production\n');
  expect(again).toContain('**Deployed by:** bea\n');
  expect(again).toContain('**Date:** 2025-11-01 02:00:00\n');
  expect(again).toContain(
    '**Tested:** passed\n\n**Changes:**\n- FIX P0: slug collision\n\n**Issues:** slow on Mondays\n',
  );
  expect(again).toMatch(/---\n\nThe end\.\n$/);
  expect(withEntry(again, { ...BASELINE, environment: 'production', by: 'bea', at: '2025-11-01T02:00:00Z' })).toBe(
    again,
  );
});
