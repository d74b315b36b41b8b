import { quoteIdentifier } from '../../../platform/postgres.js';
import type { Collation, ColumnCatalog } from './table-catalog.js';

/** SQL expressions that spell equal values of a column alike on both sides; `t` is the table. */
export interface PairSql {
  readonly source: string;
  readonly target: string;
}

/** How a key column is ordered and compared, in one total order on both sides. */
export interface KeyPairSql extends PairSql {
  /** The type that a key's text is cast to beside the column, without modifier: nothing may be rounded or cut. */
  readonly literalType: { readonly source: string; readonly target: string };
}

const column = (name: string) => `t.${quoteIdentifier(name)}`;

/**
 * The column as it is where its text means the same on both sides: it then reads as the WAL carries it, blanks of a
 * char(n) included. A source value whose text the target's type spells in its own way (numeric scale, fractions of a
 * second, json as jsonb ...) is read through that type, as apply's write reads it.
 */
export function comparable(source: ColumnCatalog, target: ColumnCatalog): PairSql {
  const bare = { source: column(source.name), target: column(target.name) };
  if (isAlike(source, target) || !target.builtin) return bare;
  if (target.plainType === 'bpchar') {
    // Its padding is no part of the value, and the other type knows none.
    return { source: `pg_catalog.rtrim(${output(bare.source)}, ' ')`, target: `${bare.target}::text` };
  }
  // These are cut by a cast, which would hide exactly what is looked for.
  if (target.category === 'S' || target.category === 'V') return bare;
  return { source: `CAST(${output(bare.source)} AS ${target.type})`, target: bare.target };
}

/** What the type's output function writes, as the WAL carries it; a cast to text differs for char(n) and boolean. */
const output = (expression: string) =>
  `CASE WHEN pg_catalog.num_nulls(${expression}) = 0 THEN pg_catalog.format('%s', ${expression}) END`;

const INTEGERS = new Set(['smallint', 'integer', 'bigint']);
const TEXTS = new Set(['text', 'character varying']);

function isAlike(source: ColumnCatalog, target: ColumnCatalog): boolean {
  return (
    source.type === target.type ||
    (INTEGERS.has(source.plainType) && INTEGERS.has(target.plainType)) ||
    (TEXTS.has(source.plainType) && TEXTS.has(target.plainType))
  );
}

/**
 * The column in its own order, which its index serves, where both sides are known to agree on that order; otherwise
 * its text in the order of its bytes, which every server agrees on and each chunk pays for with a scan.
 */
export function comparableKey(source: ColumnCatalog, target: ColumnCatalog): KeyPairSql {
  const pair = comparable(source, target);
  if (hasSameOrder(source, target)) return { ...pair, literalType: literalType(source, target) };
  const asText = (expression: string) => `CAST(${expression} AS text) COLLATE "C"`;
  return {
    source: asText(pair.source),
    target: asText(pair.target),
    literalType: { source: 'text', target: 'text' },
  };
}

function hasSameOrder(source: ColumnCatalog, target: ColumnCatalog): boolean {
  if (!source.builtin || !target.builtin) return source.labels !== undefined && source.labels === target.labels;
  if (!source.collation && !target.collation) return true;
  return isAlike(source, target) && isSameCollation(source.collation, target.collation);
}

function literalType(source: ColumnCatalog, target: ColumnCatalog): KeyPairSql['literalType'] {
  // A key of the wider side must be readable beside the narrower column.
  if (INTEGERS.has(source.plainType) && INTEGERS.has(target.plainType)) return { source: 'bigint', target: 'bigint' };
  if (TEXTS.has(source.plainType) && TEXTS.has(target.plainType)) return { source: 'text', target: 'text' };
  // An enum's name differs with its schema; of anything else the source is read through the target's type.
  return { source: source.builtin ? target.plainType : source.plainType, target: target.plainType };
}

function isSameCollation(source: Collation | undefined, target: Collation | undefined): boolean {
  if (!source || !target) return false;
  const [a, b] = [collationIdentity(source), collationIdentity(target)];
  return a !== undefined && a === b;
}

/** Provider, locale and version; undefined when the version, and so the order, is not known. */
function collationIdentity({ provider, locale, version }: Collation): string | undefined {
  // These never change: they have no version.
  if (provider === 'c' && /^(C|POSIX)$/.test(locale)) return 'bytes';
  if (provider === 'c' && /^C\.utf-?8$/i.test(locale)) return 'code points';
  return version === undefined ? undefined : `${provider} ${locale} ${version}`;
}
