import { expect, test } from 'vitest';
import { joinsFinding, partitionsFinding, skewFinding, timestampsFinding } from './gates.js';

const mapping = (source: string, join?: 'rows' | 'part') => ({
  source: { schema: 'growth', table: source },
  target: { schema: 'public', table: 'users' },
  rename: new Map(),
  ...(join ? { join } : {}),
  place: { file: 'mapping/public.yaml', line: 1, column: 1 },
  columnPlaces: new Map(),
});

test.each([
  [joinsFinding([mapping('users')]), true, 'from one'],
  [
    joinsFinding([mapping('profiles', 'rows'), mapping('logins', 'part'), mapping('posts')]),
    false,
    'the way back joins growth.profiles into public.users, growth.logins into public.users:',
  ],
  [timestampsFinding({ old: 'on', new: 'on' }), true, 'keep commit times'],
  [timestampsFinding({ old: 'on', new: 'off' }), false, 'the new project keeps no commit times'],
  [timestampsFinding({ old: 'off', new: 'off' }), false, 'the old and the new project keeps no commit times'],
  [skewFinding(1_000), true, '1000 ms apart'],
  [skewFinding(1_001), false, '1001 ms apart, above 1000 ms'],
  [partitionsFinding([1, 1]), true, 'one partition'],
  [partitionsFinding([1, 4]), false, '1 and 4 partitions'],
])('%# says what it found, and what opens it', (finding, isOpen, figure) => {
  expect(finding).toMatchObject({ isOpen, figure: expect.stringContaining(figure) });
  expect(finding.remedy === undefined).toBe(isOpen);
});
