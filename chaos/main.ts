import { Command, Option } from 'commander';
import { printJson } from '../cli/output.js';
import { Random } from '../test/support/random.js';
import { chaos, type Verdict } from './run.js';
import { type Driver, World } from './world.js';

interface Flags {
  readonly minutes: number;
  readonly seed: number;
  readonly driver: Driver;
  readonly tables: number;
  readonly logs?: string;
  readonly json?: true;
}

const flags = new Command('chaos')
  .description(
    'random transactions while services, servers, the broker and networks break; then everything must be equal',
  )
  .option('--minutes <n>', 'how long', Number, 1)
  .option('--seed <n>', 'the same seed makes the same tables, transactions and faults', Number, 1)
  .addOption(new Option('--driver <name>', 'of the log').choices(['embedded', 'kafka']).default('embedded'))
  .option('--tables <n>', 'of random columns and keys', Number, 6)
  .option('--logs <directory>', 'keep there what the services say')
  .option('--json', 'print one JSON object on the last line')
  .parse()
  .opts<Flags>();

const startedAt = performance.now();
const say = (line: string) =>
  process.stderr.write(`${((performance.now() - startedAt) / 1_000).toFixed(1).padStart(7)} s  ${line}\n`);
const world = await World.start({
  driver: flags.driver,
  tables: flags.tables,
  seconds: flags.minutes * 60,
  random: new Random(flags.seed),
  directory: flags.logs,
});
const end = () => world[Symbol.asyncDispose]();
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => void end().finally(() => process.exit(1)));
const verdict = await chaos(world, { seconds: flags.minutes * 60, seed: flags.seed, say })
  .catch((error: Error): Verdict => {
    say(error.stack ?? error.message);
    return { ok: false, problems: [error.message], transactions: 0, faults: {}, restarts: 0 };
  })
  .finally(end);
const { ok, problems, transactions, faults, restarts } = verdict;
if (flags.json) printJson(verdict);
else {
  const count = Object.values(faults).reduce((sum, n) => sum + n, 0);
  const what = `seed ${flags.seed}, ${flags.minutes} min over ${flags.driver}, ${flags.tables} tables, ${transactions} transactions, ${count} faults, ${restarts} restarts`;
  for (const [name, n] of Object.entries(faults).sort()) say(`${n} x ${name}`);
  const why = problems.length > 1 ? `${problems[0]} (and ${problems.length - 1} more); ` : `${problems[0]}; `;
  process.stdout.write(`chaos ${ok ? 'passed: ' : `FAILED: ${why}`}${what}\n`);
}
process.exit(ok ? 0 : 1);
