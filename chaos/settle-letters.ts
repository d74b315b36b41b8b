import { runFerry } from '../test/support/cli.js';
import type { World } from './world.js';

interface Letters {
  readonly letters: readonly {
    readonly id: number;
    readonly tables: readonly string[];
    readonly sqlstate: string | null;
  }[];
}

const MAY_REFUSE = 'growth.picky';

/** With several partitions the row that makes room may be in another one, which is waited for only so long. */
const OF_ANOTHER_PARTITION = /^235(03|05)$/;

/**
 * Tries again what was set aside, now that the target refuses nothing any more.
 * @returns what is wrong: changes of other tables among it, and what is refused again.
 */
export async function settleLetters({ config, env }: World): Promise<string[]> {
  const ferry = (...args: readonly string[]) =>
    runFerry(['dead-letter', ...args, '-c', config.directory, '--json'], env);
  const { letters } = (await ferry('list', '--history')).json<Letters>();
  const refused = letters.filter(({ sqlstate }) => sqlstate !== null);
  const foreign = refused.filter(
    ({ tables, sqlstate }) =>
      tables.some((table) => table !== MAY_REFUSE) &&
      !(config.log.partitions > 1 && OF_ANOTHER_PARTITION.test(sqlstate!)),
  );
  const found = foreign.slice(0, 5).map((letter) => `set aside: ${JSON.stringify(letter)}`);
  const retried = await ferry('retry', '--all');
  return retried.code === 0 ? found : [...found, `ferry dead-letter retry: ${retried.stdout}${retried.stderr}`];
}
