import { afterEach, beforeEach, expect, test } from 'vitest';
import { eventually } from '../../support/eventually.js';
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

  test('a column that is too narrow halts its partition by name and place, loses no row, and the others go on', async () => {
    await pair.up();
    await pair.target.query('ALTER TABLE shared.users ALTER COLUMN name TYPE varchar(12)');
    await pair.source.query("UPDATE public.users SET name = 'short' WHERE id = 1");
    await pair.source.query("UPDATE public.users SET name = 'far too long for it' WHERE id = 2");
    await pair.source.query("UPDATE public.users SET name = 'after it' WHERE id = 3");
    const { state, error, parts, instances } = await pair.untilError('apply', 'apply-failed');
    expect(error!.message).toMatch(new RegExp(`${pair.name}.domain.shared/0 at offset \\d+, position [0-9A-F/]+#\\d+`));
    expect(error!.message).toContain('table shared.users, column name, SQLSTATE 22001');
    expect(error!.message).not.toContain('far too long');
    expect(state).toBe('halted');
    expect(parts).toMatchObject([{ part: `${pair.name}.domain.shared/0`, state: 'halted' }]);
    expect(Date.parse(error!.nextAttempt!)).toBeGreaterThan(Date.parse(error!.since));

    const apply = await pair.pidOf('apply');
    for (const note of ['one', 'two']) {
      await pair.source.query(`UPDATE public.orders SET note = '${note}' WHERE id = 7`);
      await eventually(
        async () => {
          const { rows } = await pair.target.query('SELECT note FROM growth.orders WHERE id = 7');
          return rows[0]!.note === note;
        },
        { what: 'the other schema to go on' },
      );
    }
    expect(instances).toBe(1);
    expect((await pair.status()).services.find(({ service }) => service === 'apply')).toMatchObject({
      state: 'halted',
    });

    await pair.target.query('ALTER TABLE shared.users ALTER COLUMN name TYPE text');
    await pair.untilStreaming();
    expect(await pair.pidOf('apply')).toBe(apply);
    await pair.expectEqual();
  });

  test('ferry apply alone exits once no partition can go on, and goes on when it is started again', async () => {
    await pair.target.query('ALTER TABLE growth.settings ALTER COLUMN value TYPE int USING 0');
    await pair.target.query('ALTER TABLE shared.users ALTER COLUMN email TYPE varchar(3)');
    const capture = pair.start('capture');
    const transform = pair.start('transform');
    const apply = await pair.run('apply');
    expect(apply.code).toBe(1);
    expect(apply.stderr).toMatch(
      /table growth\.settings, column value, SQLSTATE 22P02: invalid input syntax for type integer/,
    );
    expect(apply.stderr).toMatch(/table shared\.users, column email, SQLSTATE 22001: value too long/);
    await pair.target.query('ALTER TABLE growth.settings ALTER COLUMN value TYPE jsonb USING NULL');
    await pair.target.query('ALTER TABLE shared.users ALTER COLUMN email TYPE text');
    pair.start('apply');
    pair.start('control');
    await pair.untilStreaming();
    await pair.expectEqual();
    for (const service of [capture, transform]) expect((await service.stop()).code).toBe(0);
  });
});
