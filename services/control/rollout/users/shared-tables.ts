import { movedName } from '../../../../core/mapping/table-rules.js';
import type { TableMapping } from '../../../../core/mapping.js';
import { displayName, type QualifiedName } from '../../../../core/relation.js';
import { isSameSet } from '../../../../core/same-set.js';
import type { CatalogTable } from '../../preflight/catalog.js';
import type { MappedPair } from '../../preflight/context.js';

/** A table that applications write, with the columns that tell its rows apart. */
export interface SharedTable extends QualifiedName {
  readonly key: readonly string[];
}

/** Both sides of the mapped tables, or why rows of one cannot be told apart alike on both. */
export interface SharedTables {
  readonly source: readonly SharedTable[];
  readonly target: readonly SharedTable[];
  readonly problems: readonly string[];
}

/** Rows that are written on both sides are one where their primary keys are: so that must move as it is. */
export function sharedTables(mappings: readonly TableMapping[], pairs: readonly MappedPair[]): SharedTables {
  const source: SharedTable[] = [];
  const target: SharedTable[] = [];
  const problems: string[] = [];
  for (const mapping of mappings) {
    const pair = pairs.find((one) => one.mapping === mapping);
    const key = pair && primaryKey(pair.source);
    const theirs = pair && primaryKey(pair.target);
    const moved = key?.map((column) => movedName(mapping, column));
    if (!key || !theirs || !isSameSet(moved!, theirs)) {
      problems.push(`${displayName(mapping.source)} and ${displayName(mapping.target)} have no primary key in common`);
    } else if (pair.source.identity === 'i' || pair.target.identity === 'i') {
      problems.push(`${displayName(mapping.source)}: an index takes the place of the primary key as replica identity`);
    } else {
      source.push({ ...mapping.source, key });
      target.push({ ...mapping.target, key: theirs });
    }
  }
  return { source, target, problems };
}

function primaryKey({ uniqueIndexes }: CatalogTable): readonly string[] | undefined {
  return uniqueIndexes.find(({ primary, immediate }) => primary && immediate)?.columns;
}
