import {
  compareReleases,
  compareVersions,
  type MigrationName,
  parseMigrationName,
  parseRelease,
  sequenceNumber,
} from './file-name.js';
import { checksumOf, directives, fileText } from './file-text.js';
import type { Problem } from './problem.js';

export interface Migration extends MigrationName {
  readonly text: string;
  readonly checksum: string;
  /** False by `-- ferry: no-transaction`. */
  readonly isTransactional: boolean;
  /** True by `-- ferry: after-copy`: a pipeline runs it when it cuts over, once all rows are there. */
  readonly isAfterCopy: boolean;
}

export interface MigrationSet {
  /** In the order in which they run. */
  readonly migrations: readonly Migration[];
  /** What is wrong with the files among themselves. */
  readonly problems: readonly Problem[];
}

/** A file of the folder, by its name. */
export interface SetFile {
  readonly file: string;
  readonly bytes: Uint8Array;
}

/**
 * Makes a set out of a folder's files; what does not end in .sql is not looked at.
 * @throws FerryError `config-invalid` about a file that is no text.
 */
export function migrationSet(files: readonly SetFile[]): MigrationSet {
  const scripts = files.filter(({ file }) => file.endsWith('.sql'));
  const migrations = scripts
    .flatMap(({ file, bytes }) => {
      const name = parseMigrationName(file);
      return name ? [{ ...name, ...content(file, bytes) }] : [];
    })
    .sort((a, b) => compareVersions(a.version, b.version) || (a.file < b.file ? -1 : 1));
  const unnamed = scripts.filter(({ file }) => !parseMigrationName(file)).map(({ file }) => unnamedProblem(file));
  return { migrations, problems: [...unnamed, ...neighbours(migrations)] };
}

function content(file: string, bytes: Uint8Array) {
  const text = fileText(file, bytes);
  return {
    text,
    checksum: checksumOf(text),
    isTransactional: directives(text, 'no-transaction').length === 0,
    isAfterCopy: directives(text, 'after-copy').length > 0,
  };
}

function unnamedProblem(file: string): Problem {
  return {
    kind: 'unnamed',
    file,
    message: `${file} is not named as a migration`,
    remedy:
      'Name it YYYYMMDDHHmmss_v0_8_0_description.sql, YYYYMMDDHHmmss_description.sql or 001_description.sql; a script that undoes one belongs into rollback/.',
  };
}

/** What is wrong between one file and the next. */
function neighbours(migrations: readonly Migration[]): Problem[] {
  return migrations.slice(1).flatMap((next, index) => {
    const last = migrations[index]!;
    if (compareVersions(last.version, next.version) === 0) return [duplicate(last, next)];
    const [before, after] = [sequenceNumber(last.version), sequenceNumber(next.version)];
    const hasGap = before !== undefined && after !== undefined && after > before + 1;
    return [...(hasGap ? [gap(last, next)] : []), ...(falls(migrations, index + 1) ? [release(next)] : [])];
  });
}

function duplicate(last: Migration, next: Migration): Problem {
  return {
    kind: 'duplicate',
    file: next.file,
    message: `${next.file} has the version of ${last.file}`,
    remedy: 'Give the one that has run nowhere yet a version of its own.',
  };
}

function gap(last: Migration, next: Migration): Problem {
  return {
    kind: 'gap',
    file: next.file,
    message: `between ${last.file} and ${next.file} a number is missing`,
    remedy: 'Bring the missing file back, or renumber those that have run nowhere yet.',
  };
}

/** True when one before has a higher release. */
function falls(migrations: readonly Migration[], index: number): boolean {
  const { release } = migrations[index]!;
  return (
    release !== undefined &&
    migrations.slice(0, index).some((one) => one.release !== undefined && compareReleases(one.release, release) > 0)
  );
}

function release({ file, release }: Migration): Problem {
  return {
    kind: 'release-falls',
    file,
    message: `${file} has release ${release}, which is below that of one before it`,
    remedy: 'Give it a release that is not below; releases rise with the versions.',
  };
}

/**
 * Finds what `--to` and its like name: a version, a file, or a release, which means its last migration.
 * @returns its index; -1 when there is none.
 */
export function findMigration(migrations: readonly Migration[], name: string): number {
  const release = parseRelease(name);
  return migrations.findLastIndex(
    (one) => one.version === name || one.file === name || (release !== undefined && one.release === release),
  );
}
