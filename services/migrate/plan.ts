import { compareVersions } from './file-name.js';
import type { Migration, MigrationSet } from './migration-set.js';
import type { Problem } from './problem.js';

/** A row of public.schema_migrations; what another program wrote has its version alone. */
export interface AppliedVersion {
  readonly version: string;
  readonly file: string | null;
  readonly checksum: string | null;
  /** Rises with the order in which they were run; null of what we did not run. */
  readonly run: number | null;
}

/** What the log of the history says was begun, and not ended. */
export interface OpenRun {
  readonly version: string;
  readonly file: string;
  readonly isTransactional: boolean;
  /** Statements that are known to be done, of a run without a transaction. */
  readonly statementsDone: number;
  /** It was the script that undoes it. */
  readonly isUndoing: boolean;
}

export interface History {
  readonly applied: readonly AppliedVersion[];
  readonly open: readonly OpenRun[];
}

export interface Plan {
  /** In the order of their versions. */
  readonly pending: readonly Migration[];
  /** In the order in which they were run, which is not that of versions where some had to wait for a cutover. */
  readonly applied: readonly Migration[];
  /** Nothing may run while there are any. */
  readonly problems: readonly Problem[];
}

/** Compares the files with what the database says has run. */
export function planMigrations(set: MigrationSet, history: History): Plan {
  const rows = new Map(history.applied.map((row) => [row.version, row]));
  const applied = inOrderOfRuns(
    set.migrations.filter(({ version }) => rows.has(version)),
    rows,
  );
  const pending = set.migrations.filter(({ version }) => !rows.has(version));
  const problems = [
    ...set.problems,
    ...applied.flatMap((one) => changed(one, rows.get(one.version)!)),
    ...missing(set, history),
    ...pending.flatMap((one) => late(one, applied)),
    ...history.open.filter(({ version, isUndoing }) => rows.has(version) === isUndoing).flatMap(interrupted),
  ];
  return { pending, applied, problems };
}

/** What was not run by us stands behind the one of the version before it. */
function inOrderOfRuns(applied: readonly Migration[], rows: ReadonlyMap<string, AppliedVersion>): Migration[] {
  let last = 0;
  const runs = applied.map((migration) => {
    last = rows.get(migration.version)!.run ?? last;
    return { migration, run: last };
  });
  return runs.sort((a, b) => a.run - b.run).map(({ migration }) => migration);
}

/** Those that a pipeline runs before it copies; the others wait for its cutover. */
export function beforeCopy(pending: readonly Migration[]): readonly Migration[] {
  return pending.filter(({ isAfterCopy }) => !isAfterCopy);
}

function changed({ file, version, checksum }: Migration, row: AppliedVersion): Problem[] {
  if (row.checksum === null || row.checksum === checksum) return [];
  return [
    {
      kind: 'changed',
      file,
      version,
      message: `${file} was changed after it was applied: its checksum is ${short(checksum)}, the history has ${short(row.checksum)}`,
      remedy: `Restore the file and bring the change by a migration of its own; or, where it makes no difference, take its checksum over: ferry db repair ${version} --applied --reason "..."`,
    },
  ];
}

const short = (checksum: string): string => checksum.slice(0, 12);

function missing({ migrations }: MigrationSet, { applied }: History): Problem[] {
  const versions = new Set(migrations.map(({ version }) => version));
  return applied
    .filter(({ version }) => !versions.has(version))
    .map(({ version, file }) => ({
      kind: 'missing',
      version,
      message: `${file ?? `version ${version}`} was applied, and its file is not here`,
      remedy: `Bring the file back; or, where it was never meant for here, take it out of the history: ferry db repair ${version} --pending --reason "..."`,
    }));
}

/** Those that wait for the cutover are in order among themselves: meanwhile others may have joined before the copy. */
function late({ file, version, isAfterCopy }: Migration, applied: readonly Migration[]): Problem[] {
  const before = applied.filter((one) => one.isAfterCopy || !isAfterCopy);
  const above = before.findLast((one) => compareVersions(one.version, version) > 0);
  if (!above) return [];
  return [
    {
      kind: 'out-of-order',
      file,
      version,
      message: `${file} comes before ${above.file}, which was applied already`,
      remedy: `Give it a version above; or, where its effect is there already, ferry db repair ${version} --applied --reason "..."`,
    },
  ];
}

/** A transaction that was not ended has left nothing: it is simply run again. */
function interrupted({ version, file, isTransactional, statementsDone, isUndoing }: OpenRun): Problem[] {
  if (isTransactional) return [];
  const what = isUndoing ? `the script that undoes ${file}` : file;
  return [
    {
      kind: 'interrupted',
      file,
      version,
      message: `${what} runs without a transaction and was interrupted: ${statementsDone} of its statements are done, the next one may be`,
      remedy: `Look at what is there; then ferry db repair ${version} --applied, or undo it by hand and ferry db repair ${version} --pending, with --reason "..."`,
    },
  ];
}
