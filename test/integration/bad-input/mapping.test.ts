import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Finding } from '../../../services/control/preflight/finding.js';
import { MovingPair } from '../../support/moving-pair.js';
import { describeWithPostgres, testServers } from '../../support/servers.js';
import { MAPPINGS } from '../../support/small-tables.js';

describeWithPostgres('a mapping that names what is not there', () => {
  let pair: MovingPair;

  beforeEach(async () => {
    pair = await MovingPair.configured({ servers: testServers() });
  });

  afterEach(async () => {
    await pair?.close();
  });

  const places = (text: string) => text.replaceAll(pair.config, 'DIR');

  async function checkErrors(): Promise<string[]> {
    const { code, json } = await pair.run('check', '--json');
    expect(code).toBe(3);
    const { findings } = json<{ findings: Finding[] }>();
    return findings.filter(({ level }) => level === 'error').map(({ message }) => places(message));
  }

  test('an unknown table of the source: check and capture say where it is written', async () => {
    await pair.configure({ ...MAPPINGS, shared: MAPPINGS.shared!.replace('public.users', 'public.user') });
    expect(await checkErrors()).toContainEqual(
      expect.stringMatching(/^DIR\/mapping\/shared\.yaml:3:3: the source table public\.user does not exist/),
    );
    const { code, stderr } = await pair.run('capture');
    expect(code).toBe(1);
    expect(places(stderr)).toContain('error: DIR/mapping/shared.yaml:3:3: the source has no table public.user\n');
  });

  test('an unknown column: check and capture say where it is written, and nothing is created', async () => {
    await pair.configure({
      ...MAPPINGS,
      shared: `${MAPPINGS.shared}    rename:\n      name: name\n      mail: email\n`,
    });
    expect(await checkErrors()).toContainEqual(
      expect.stringMatching(/^DIR\/mapping\/shared\.yaml:7:7: public\.users has no column mail/),
    );
    const { code, stderr } = await pair.run('capture');
    expect(code).toBe(1);
    expect(places(stderr)).toContain(
      'error: DIR/mapping/shared.yaml:7:7: the source table public.users has no column mail\n' +
        '  next: Correct the mapping at the place named.\n',
    );
    const { rows } = await pair.source.query('SELECT FROM pg_replication_slots WHERE slot_name = $1', [pair.slot]);
    expect(rows).toHaveLength(0);
  });

  test('an unknown table of the target: check and apply say where it is written', async () => {
    await pair.configure({ ...MAPPINGS, shared: MAPPINGS.shared!.replace('  users:', '  people:') });
    expect(await checkErrors()).toContainEqual(
      expect.stringMatching(/^DIR\/mapping\/shared\.yaml:3:3: the target table shared\.people does not exist/),
    );
    pair.start('capture');
    pair.start('transform');
    // The other schema could go on; with no table to be found there either, the process ends.
    await pair.target.query('ALTER SCHEMA growth RENAME TO gone');
    const { code, stderr } = await pair.run('apply');
    await pair.target.query('ALTER SCHEMA gone RENAME TO growth');
    expect(code).toBe(1);
    expect(places(stderr)).toMatch(
      /DIR\/mapping\/shared\.yaml:3:3: the target has no table shared\.people; \S+\.domain\.shared\/0 has rows/,
    );
  });
});
