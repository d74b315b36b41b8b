import { expect, test } from 'vitest';
import { chaos } from '../../chaos/run.js';
import { World } from '../../chaos/world.js';
import { orSkip } from '../support/or-skip.js';
import { Random, testSeed } from '../support/random.js';
import { describeWithPostgres } from '../support/servers.js';

/** Over Kafka each fault takes longer to come right, behind the faults, too. */
const SECONDS = { embedded: 45, kafka: 15 } as const;

/** A minute of `npm run chaos`, some of it over each driver. */
describeWithPostgres('random transactions under random faults', () => {
  test.for(['embedded', 'kafka'] as const)(
    'end equal, over %s',
    { timeout: 600_000 },
    async (driver, { annotate, skip }) => {
      const seed = testSeed(7);
      const seconds = SECONDS[driver];
      const start = () => World.start({ driver, tables: 4, partitions: 1, seconds, random: new Random(seed) });
      await using world = await orSkip(skip, 'servers that may be killed (for Kafka: Java and Maven)', start);
      const said: string[] = [];
      const { problems, transactions } = await chaos(world, { seconds, seed, say: (line) => said.push(line) });
      expect(problems, `seed ${seed}:\n${said.join('\n')}`).toEqual([]);
      expect(transactions).toBeGreaterThan(50);
      await annotate(`seed ${seed}: ${transactions} transactions, ${said.length} faults`);
    },
  );
});
