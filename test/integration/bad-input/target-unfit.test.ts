import { afterEach, beforeEach, expect, test } from 'vitest';
import { MovingPair } from '../../support/moving-pair.js';
import { describeWithPostgres, testServers } from '../../support/servers.js';

describeWithPostgres('a target that does not take a row', () => {
  let pair: MovingPair;

  beforeEach(async () => {
    pair = await MovingPair.configured({ servers: testServers() });
  });

  afterEach(async () => {
    await pair?.close();
  });

  test('a missing column halts apply by name and place; it goes on by itself once the column is there', async () => {
    await pair.target.query('ALTER TABLE growth.orders DROP COLUMN note');
    pair.start('up');
    const { state, error } = await pair.untilError('apply', 'target-unfit');
    expect(state).toBe('halted');
    expect(error!.message).toContain('the target table growth.orders has no column note');
    expect(error!.message).toMatch(new RegExp(`${pair.name}.domain.growth/0 has rows for it at offset \\d+`));

    await pair.target.query('ALTER TABLE growth.orders ADD COLUMN note text');
    await pair.change();
    await pair.untilStreaming();
    await pair.expectEqual();
  });

  test('a column that is too narrow halts apply by name and place, and loses no row', async () => {
    await pair.up();
    await pair.target.query('ALTER TABLE shared.users ALTER COLUMN name TYPE varchar(12)');
    await pair.source.query("UPDATE public.users SET name = 'short' WHERE id = 1");
    await pair.source.query("UPDATE public.users SET name = 'far too long for it' WHERE id = 2");
    await pair.source.query("UPDATE public.users SET name = 'after it' WHERE id = 3");
    const { error } = await pair.untilError('apply', 'apply-failed');
    expect(error!.message).toMatch(new RegExp(`${pair.name}.domain.shared/0 at offset \\d+, position [0-9A-F/]+#\\d+`));
    expect(error!.message).toContain('table shared.users, column name, SQLSTATE 22001');
    expect(error!.message).not.toContain('far too long');

    await pair.target.query('ALTER TABLE shared.users ALTER COLUMN name TYPE text');
    await pair.untilStreaming();
    await pair.expectEqual();
  });

  test('ferry apply alone exits, and goes on when it is started again', async () => {
    await pair.target.query('ALTER TABLE growth.settings ALTER COLUMN value TYPE int USING 0');
    const capture = pair.start('capture');
    const transform = pair.start('transform');
    const apply = await pair.run('apply');
    expect(apply.code).toBe(1);
    expect(apply.stderr).toMatch(
      /error: .*table growth\.settings, column value, SQLSTATE 22P02: invalid input syntax for type integer\n/,
    );
    await pair.target.query('ALTER TABLE growth.settings ALTER COLUMN value TYPE jsonb USING NULL');
    pair.start('apply');
    pair.start('control');
    await pair.untilStreaming();
    await pair.expectEqual();
    for (const service of [capture, transform]) expect((await service.stop()).code).toBe(0);
  });
});
