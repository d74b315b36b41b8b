import { Command, InvalidArgumentError } from 'commander';
import type pg from 'pg';
import { FerryError, POLICY } from '../core/errors.js';
import { ensureControlSchema } from '../platform/control-schema.js';
import { type LoadedPipeline, loadPipeline } from '../platform/load-pipeline.js';
import { createLogger } from '../platform/logger.js';
import { classify, describeUrl } from '../platform/postgres.js';
import { readEvent, readLetters, type StoredLetter } from '../services/apply/adapters/letter-store.js';
import { dropLetters, retryLetters } from '../services/apply/settle-letters.js';
import { openTarget } from '../services/apply/target-session.js';
import { readServing } from '../services/control/cutover/journal.js';
import { refuseTwoWay } from '../services/control/rollout/users/two-way-state.js';
import { confirm } from './confirm.js';
import { printJson, printLine, printTable } from './output.js';
import { recordAct } from './record-act.js';
import { subcommand } from './subcommand.js';

interface LetterFlags {
  readonly config: string;
  readonly table?: string;
  readonly all?: true;
  readonly history?: true;
  readonly yes?: true;
  readonly json?: true;
}

type Ids = readonly number[];

/** `ferry dead-letter list|show|retry|drop`. */
export function deadLetterCommand(): Command {
  const command = new Command('dead-letter').description(
    'changes that the target refused, and those of the same rows that must follow them',
  );
  return [list(), show(), retry(), drop()].reduce((parent, child) => parent.addCommand(child), command);
}

function list(): Command {
  return subcommand('list', 'list what stands: table, key and error, no other values')
    .option('--table <schema.table>', 'only of this table, by its name in the target or in the source')
    .option('--history', 'also what was retried and dropped, with when and by whom')
    .option('--json', 'print one JSON object: ok, letters')
    .addHelpText(
      'after',
      '\nExample:\n  $ ferry dead-letter list -c config/mine\n\nExit code: 0 none stands, 3 some do.',
    )
    .action((flags: LetterFlags) =>
      withTarget(flags, async (target, pipeline) => {
        const states = flags.history ? (['standing', 'retried', 'dropped'] as const) : (['standing'] as const);
        const letters = (await readLetters(target, pipeline.name, { states })).filter((letter) => isOf(letter, flags));
        const ok = letters.every(({ state }) => state !== 'standing');
        if (flags.json) printJson({ ok, letters });
        else printLetters(letters);
        if (!ok) process.exitCode = POLICY['not-ready'].exit;
      }),
    );
}

function show(): Command {
  return subcommand('show', 'print one letter with all of its values')
    .argument('<id>', 'as in the list', letterId)
    .option('--json', 'print one JSON object: ok, letter, event')
    .addHelpText('after', '\nExample:\n  $ ferry dead-letter show 17 -c config/mine')
    .action((id: number, flags: LetterFlags) =>
      withTarget(flags, async (target, pipeline) => {
        const letters = await readLetters(target, pipeline.name, { states: ['standing', 'retried', 'dropped'] });
        const letter = letters.find((one) => one.id === id);
        if (!letter) throw unknownLetter(id);
        const event = await readEvent(target, letter);
        if (flags.json) printJson({ ok: true, letter, event });
        else {
          printLetters([letter]);
          printLine(JSON.stringify(event, null, 2));
        }
      }),
    );
}

function retry(): Command {
  return onChosen(
    'retry',
    'apply letters in order, once the target takes them; with a letter all that stand for the same rows',
  )
    .option('--json', 'print one JSON object: ok, retried, refused, standing')
    .addHelpText(
      'after',
      '\nExample:\n  $ ferry dead-letter retry 17 -c config/mine\n  $ ferry dead-letter retry --all -c config/mine\n\nWorks while apply runs. Exit code: 0 all applied, 3 some were refused again and stand, 1 failed, 2 usage.',
    )
    .action((ids: Ids, flags: LetterFlags) =>
      withTarget(flags, async (target, pipeline) => {
        const chosen = choose(ids, flags);
        await refuseServing(target, pipeline.name);
        await refuseTwoWay(target, pipeline.name);
        refuseUnknown(await readStanding(target, pipeline), ids);
        const { retried, refused } = await retryLetters(target, { pipeline: pipeline.name, chosen });
        const detail = { applied: retried.length, refused: refused.length };
        await recordAct(target, pipeline.name, { act: 'dead-letter retry', detail });
        const standing = await readStanding(target, pipeline);
        const ok = refused.length === 0;
        if (flags.json) printJson({ ok, retried: retried.length, refused, standing: standing.length });
        else {
          printLine(`${retried.length} applied, ${refused.length} refused again, ${standing.length} stand`);
          printLetters(standing.filter(({ id }) => refused.some((letter) => letter.id === id)));
        }
        if (!ok) process.exitCode = POLICY['not-ready'].exit;
      }),
    );
}

function drop(): Command {
  return onChosen('drop', 'discard letters: these changes are never applied; they stay in the history')
    .option('--yes', 'do not ask')
    .option('--json', 'print one JSON object: ok, dropped, standing')
    .addHelpText('after', '\nExample:\n  $ ferry dead-letter drop 17 -c config/mine --yes')
    .action((ids: Ids, flags: LetterFlags) =>
      withTarget(flags, async (target, pipeline) => {
        const chosen = choose(ids, flags);
        const before = await readStanding(target, pipeline);
        refuseUnknown(before, ids);
        const found = before.filter(chosen);
        if (!flags.yes) {
          await confirm('drop discards changes', `${found.length} changes will never be applied.`);
        }
        const dropped = await dropLetters(target, { pipeline: pipeline.name, chosen });
        const detail = { dropped: dropped.map(({ id }) => id) };
        await recordAct(target, pipeline.name, { act: 'dead-letter drop', detail });
        const standing = await readStanding(target, pipeline);
        if (flags.json) printJson({ ok: true, dropped: dropped.map(({ id }) => id), standing: standing.length });
        else printLine(`${dropped.length} dropped, ${standing.length} stand`);
      }),
    );
}

function onChosen(name: string, description: string): Command {
  return subcommand(name, description)
    .argument('[id...]', 'as in the list', letterIds)
    .option('--table <schema.table>', 'those of this table')
    .option('--all', 'all that stand');
}

function readStanding(target: pg.Client, { name }: LoadedPipeline): Promise<StoredLetter[]> {
  return readLetters(target, name, { states: ['standing'] });
}

async function withTarget(
  { config }: LetterFlags,
  work: (target: pg.Client, pipeline: LoadedPipeline) => Promise<void>,
): Promise<void> {
  const pipeline = await loadPipeline(config);
  const target = await openTarget({ pipeline, logger: createLogger('dead-letter') }, 'dead-letter');
  try {
    await ensureControlSchema(target);
    await work(target, pipeline);
  } catch (error) {
    throw classify('target', error, `the dead letters in ${describeUrl(pipeline.target.url)}`);
  } finally {
    await target.end().catch(() => {});
  }
}

/** @throws FerryError `usage` unless exactly one way of choosing is given. */
function choose(ids: Ids, flags: LetterFlags): (letter: StoredLetter) => boolean {
  const ways = [ids.length > 0, flags.table !== undefined, flags.all === true].filter(Boolean).length;
  if (ways !== 1) {
    throw new FerryError('usage', 'which letters?', { remedy: 'Give ids, or --table, or --all; `list` shows them.' });
  }
  return (letter) => (ids.length > 0 ? ids.includes(letter.id) : isOf(letter, flags));
}

function isOf({ tables, sources }: StoredLetter, { table }: LetterFlags): boolean {
  return table === undefined || tables.includes(table) || sources.includes(table);
}

function refuseUnknown(standing: readonly StoredLetter[], ids: Ids): void {
  const unknown = ids.find((id) => standing.every((letter) => letter.id !== id));
  if (unknown !== undefined) throw unknownLetter(unknown);
}

async function refuseServing(target: pg.Client, pipeline: string): Promise<void> {
  if ((await readServing(target, pipeline)) !== 'target') return;
  throw new FerryError('not-ready', 'the new project serves: an old change would overwrite what applications wrote', {
    remedy: 'Look at the values with `ferry dead-letter show` and write what is missing yourself, then drop them.',
  });
}

function unknownLetter(id: number): FerryError {
  return new FerryError('usage', `there is no dead letter ${id} to be had`, { remedy: '`ferry dead-letter list`' });
}

function letterId(text: string): number {
  if (!/^[1-9]\d{0,15}$/.test(text)) throw new InvalidArgumentError('Write a number of the list.');
  return Number(text);
}

function letterIds(text: string, before: Ids = []): Ids {
  return [...before, letterId(text)];
}

function printLetters(letters: readonly StoredLetter[]): void {
  if (letters.length === 0) return printLine('no dead letters');
  printTable(
    ['id', 'table', 'key', 'op', 'at', 'state', 'why'],
    letters.map((letter) => [
      String(letter.id),
      letter.tables.join('\n'),
      letter.keys
        ?.map((key) => key.map((value) => (value === null ? 'any' : JSON.stringify(value))).join(', '))
        .join('\n') ?? 'all rows',
      letter.op,
      `${letter.topic}/${letter.partition}\noffset ${letter.offset}\n${letter.position.lsn}#${letter.position.index}`,
      letter.settledAt ? `${letter.state}\n${letter.settledAt}\nby ${letter.settledBy}` : letter.state,
      why(letter),
    ]),
    { wrap: 6 },
  );
}

function why({ sqlstate, message, column, constraint }: StoredLetter): string {
  if (message === null) return 'follows one of the same row';
  const place = [
    sqlstate && `SQLSTATE ${sqlstate}`,
    column && `column ${column}`,
    constraint && `constraint ${constraint}`,
  ];
  return [...place.filter(Boolean), message].join(': ');
}
