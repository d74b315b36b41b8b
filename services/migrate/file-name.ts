/** What a migration's file name says. */
export interface MigrationName {
  readonly file: string;
  /** The digits as they stand: `20251026211500`, `001`. The key in the history. */
  readonly version: string;
  /** `0.7.0`, where the name carries one. */
  readonly release?: string;
  readonly description: string;
}

/** YYYYMMDDHHmmss_v0_7_0_baseline.sql, Supabase's 20251026211500_baseline.sql, 001_initial_schema.sql. */
const NAME = /^(\d+)_(?:v(\d+)_(\d+)_(\d+)_)?(.+)\.sql$/;

/** A date has eight digits at least; what has fewer is a number of a sequence, in which none may be missing. */
const DATE_DIGITS = 8;

/** @returns undefined for what is not named as a migration; a script that undoes one (`.down.sql`) is not. */
export function parseMigrationName(file: string): MigrationName | undefined {
  const match = NAME.exec(file);
  if (!match || /\.down\.sql$|_rollback\.sql$/.test(file)) return undefined;
  const [, version, major, minor, patch, description] = match;
  const release = major === undefined ? undefined : `${Number(major)}.${Number(minor)}.${Number(patch)}`;
  return { file, version: version!, release, description: description!.replaceAll('_', ' ') };
}

/** By number, so that 10 comes after 9, whatever zeros stand before them. */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [BigInt(a), BigInt(b)];
  if (left === right) return 0;
  return left < right ? -1 : 1;
}

/** @param a `0.7.0` */
export function compareReleases(a: string, b: string): number {
  const [left, right] = [a.split('.').map(Number), b.split('.').map(Number)];
  return left.map((part, index) => part - right[index]!).find((difference) => difference !== 0) ?? 0;
}

/** The number in its sequence, of 001_initial_schema.sql; undefined of a date. */
export function sequenceNumber(version: string): number | undefined {
  return version.length < DATE_DIGITS ? Number(version) : undefined;
}

/** `v0.7.0`, `0.7.0`, `v0_7_0` -> `0.7.0`. */
export function parseRelease(text: string): string | undefined {
  const match = /^v?(\d+)[._](\d+)[._](\d+)$/.exec(text);
  return match ? `${Number(match[1])}.${Number(match[2])}.${Number(match[3])}` : undefined;
}
