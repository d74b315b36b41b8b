import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Direction, Serving } from '../../services/control/cutover/direction.js';
import type { FlagWrites } from '../support/flag-writes.js';
import type { MovingPair } from '../support/moving-pair.js';
import { processesWith } from '../support/processes.js';
import { describeWithKafka, testServers } from '../support/servers.js';
import { expectMoves, expectServes, startArmed } from '../support/there-and-back.js';

/** As round-trips.test.ts, where each turn stands in four partitions of each direction's topics. */
describeWithKafka('there and back over Kafka with four partitions', () => {
  let pair: MovingPair;
  let writes: FlagWrites;

  beforeAll(async () => {
    const servers = testServers();
    ({ pair, writes } = await startArmed({ servers, brokers: servers.brokers!.join(','), partitions: 4 }));
  });

  afterAll(async () => {
    await writes?.stop();
    await pair?.close();
  });

  /** Of both directions; begun again, each finds its turn in the log. */
  async function killCaptures(): Promise<void> {
    const captures = (await processesWith(pair.config)).filter(({ args }) => args.includes(' capture -c '));
    expect(captures).toHaveLength(2);
    for (const { pid } of captures) process.kill(pid, 'SIGKILL');
  }

  test.each<[string, Direction, Serving]>([
    ['cutover', 'forward', 'target'],
    ['rollback', 'back', 'source'],
    ['cutover again', 'forward', 'target'],
  ])('%s, and both captures killed behind it', async (_, direction, serving) => {
    await expectMoves({ pair }, direction, serving);
    await killCaptures();
    await expectServes({ pair, writes }, serving);
  });

  test('rows came back through every partition, and nothing is left behind', async () => {
    const { rows } = await pair.source.query<{ partitions: string }>(
      'SELECT count(DISTINCT partition) AS partitions FROM ferry.ledger WHERE pipeline = $1 AND applied > 0',
      [`${pair.name}-back`],
    );
    expect(rows).toEqual([{ partitions: '4' }]);
    for (const config of [pair.config, pair.back]) {
      expect((await pair.status(config)).ledger).toMatchObject({ deadLettered: 0 });
    }
  });
});
