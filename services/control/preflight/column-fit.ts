import { movedName, outputsOf } from '../../../core/mapping/table-rules.js';
import { formatPlace, mergedWith, type TableMapping } from '../../../core/mapping.js';
import { displayName } from '../../../core/relation.js';
import { didYouMean } from '../../../core/suggest.js';
import { holdsCandidates } from '../../../platform/lineage-table.js';
import { quoteIdentifier, quoteName } from '../../../platform/postgres.js';
import type { PublishedTable } from '../../../platform/published-tables.js';
import { type CatalogColumn, findColumn } from './catalog.js';
import { defineCheck, type MappedPair, mappedPairs } from './context.js';
import type { Finding, Report } from './finding.js';
import { type TypesOfBothSides, typeMisfit } from './type-fit.js';

/** Every column of the source has a column in the target that holds its values, and no other column needs one. */
export const columnFit = defineCheck(
  { name: 'column-fit', side: 'target', passed: 'every column of the source fits its column in the target' },
  async (context, report) => {
    const types = { source: (await context.sourceCatalog()).types, target: (await context.targetCatalog()).types };
    const published = await context.published();
    // What a way back refuses was named as one-way when it was written, and stands against nothing else.
    const fit = { types, report, refuses: context.pipeline.wayBackOf ? report.warn : report.error };
    const pairs = await mappedPairs(context);
    return pairs.flatMap((pair) => [
      ...movedColumns(pair, published).flatMap((column) => columnFindings(pair, column, fit)),
      ...unfilledFindings(pair, unfilledColumns(pair, pairs), fit),
    ]);
  },
);

interface Fit {
  readonly types: TypesOfBothSides;
  readonly report: Report;
  /** Says that some values, or rows, will be refused. */
  readonly refuses: Report['error'];
}

/** Generated columns do not travel, since the target generates its own, nor those that a publication leaves out. */
function movedColumns(
  { mapping, source }: MappedPair,
  published: ReadonlyMap<string, PublishedTable>,
): CatalogColumn[] {
  const listed = published.get(displayName(source))?.columns;
  return source.columns.filter(
    ({ name, generated }) =>
      generated === '' && (!listed || listed.includes(name)) && movedName(mapping, name) !== undefined,
  );
}

function placeOf(mapping: TableMapping, sourceColumn: string): string {
  return formatPlace(mapping.columnPlaces.get(sourceColumn) ?? mapping.place);
}

function columnFindings(pair: MappedPair, from: CatalogColumn, { types, report, refuses }: Fit): Finding[] {
  const { mapping, source, target } = pair;
  const name = movedName(mapping, from.name)!;
  const to = findColumn(target, name);
  const object = `${displayName(target)}.${name}`;
  const origin = `${displayName(source)}.${from.name}`;
  const place = placeOf(mapping, from.name);
  if (!to) return [missingColumn(pair, from, report)];
  if (to.generated !== '') {
    return [
      report.error(`${place}: ${object} is generated, and cannot take the values of ${origin}`, {
        object,
        remedy: `ALTER TABLE ${quoteName(target)} ALTER COLUMN ${quoteIdentifier(name)} DROP EXPRESSION`,
      }),
    ];
  }
  const misfit = typeMisfit(from, to, types);
  if (misfit) {
    const message = `${place}: ${object} is ${to.typeText}, which does not hold every ${from.typeText} of ${origin}: ${misfit}`;
    return [refuses(message, { object, remedy: 'Give the target column the type of the source, or a wider one.' })];
  }
  return [...identityFindings(pair, from, to, report), ...nullFindings(pair, from, to, report)];
}

function nullFindings({ mapping, source, target }: MappedPair, from: CatalogColumn, to: CatalogColumn, report: Report) {
  // A candidate that has a null has it from the old table, or from a column of the new one that the other way's check names.
  if (!to.notNull || from.notNull || to.identity !== '' || holdsCandidates(source)) return [];
  const object = `${displayName(target)}.${to.name}`;
  const origin = `${displayName(source)}.${from.name}`;
  const message = `${placeOf(mapping, from.name)}: ${object} is NOT NULL, and ${origin} may be null: apply halts at the first null`;
  const remedy = `ALTER TABLE ${quoteName(target)} ALTER COLUMN ${quoteIdentifier(to.name)} DROP NOT NULL`;
  return [report.warn(message, { object, remedy })];
}

/** PostgreSQL lets nobody update such a column, save in place of its key, where a change is a delete and an insert. */
function identityFindings(
  { mapping, source, target }: MappedPair,
  from: CatalogColumn,
  to: CatalogColumn,
  report: Report,
): Finding[] {
  const primary = target.uniqueIndexes.find((index) => index.primary);
  if (to.identity !== 'a' || from.identity === 'a' || primary?.columns.includes(to.name)) return [];
  const object = `${displayName(target)}.${to.name}`;
  const message = `${placeOf(mapping, from.name)}: ${object} is GENERATED ALWAYS, and takes no update of ${displayName(source)}.${from.name}`;
  const remedy = `ALTER TABLE ${quoteName(target)} ALTER COLUMN ${quoteIdentifier(to.name)} SET GENERATED BY DEFAULT`;
  return [report.error(message, { object, remedy })];
}

function missingColumn({ mapping, source, target }: MappedPair, from: CatalogColumn, report: Report): Finding {
  const name = movedName(mapping, from.name)!;
  const taken = new Set(source.columns.map((column) => movedName(mapping, column.name)));
  const free = target.columns.map((column) => column.name).filter((column) => !taken.has(column));
  const message =
    `${placeOf(mapping, from.name)}: ${displayName(target)} has no column ${name} ` +
    `for ${displayName(source)}.${from.name}${didYouMean(name, free)}`;
  return report.error(message, {
    object: displayName(target),
    remedy:
      `ALTER TABLE ${quoteName(target)} ADD COLUMN ${quoteIdentifier(name)} ${from.typeText}, ` +
      `or \`rename\` or \`drop\` ${from.name} in the mapping`,
  });
}

const named = (columns: readonly CatalogColumn[]) => columns.map((column) => column.name);

/** Columns of the target that have values in the rows which a mapping brings, by itself or by parts; a part brings no rows. */
export function filledColumns(
  { mapping, source }: MappedPair,
  pairs: readonly MappedPair[],
): ReadonlySet<string> | undefined {
  if (mapping.join === 'part') return undefined;
  const joined = mapping.join
    ? mergedWith(
        pairs.map((pair) => pair.mapping),
        mapping,
      )
    : [];
  const parts = pairs.filter((pair) => pair.mapping.join === 'part' && joined.includes(pair.mapping));
  const filled = [{ mapping, source }, ...parts].flatMap((pair) =>
    outputsOf(pair.mapping, named(pair.source.columns.filter((column) => column.generated === ''))),
  );
  return new Set(filled.map(({ name }) => name));
}

/** Columns of the target that nothing fills in the rows which a mapping brings. */
export function unfilledColumns(pair: MappedPair, pairs: readonly MappedPair[]): CatalogColumn[] {
  const filled = filledColumns(pair, pairs);
  return filled ? pair.target.columns.filter(({ name, generated }) => generated === '' && !filled.has(name)) : [];
}

function unfilledFindings(
  { mapping, source, target }: MappedPair,
  unfilled: readonly CatalogColumn[],
  { report, refuses }: Fit,
): Finding[] {
  const generated = new Set(
    named(source.columns.filter((column) => column.generated !== '')).map((name) => movedName(mapping, name)),
  );
  const place = formatPlace(mapping.place);
  return unfilled.flatMap((column) => {
    const object = `${displayName(target)}.${column.name}`;
    const alter = `ALTER TABLE ${quoteName(target)} ALTER COLUMN ${quoteIdentifier(column.name)}`;
    if (column.notNull && !column.hasDefault) {
      const message = `${place}: ${object} is NOT NULL without a default, and no column of ${displayName(source)} fills it`;
      return [refuses(message, { object, remedy: `${alter} SET DEFAULT ..., or DROP NOT NULL` })];
    }
    if (!generated.has(column.name)) return [];
    const message = `${place}: ${object} is generated at the source, where its values do not travel, and ordinary here`;
    return [
      report.warn(message, { object, remedy: 'Make it a generated column in the target, or fill it afterwards.' }),
    ];
  });
}
