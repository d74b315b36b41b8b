import type { CatalogType } from '../preflight/catalog.js';
import type { DdlContext } from './ddl-context.js';
import type { DependencyPart } from './source-parts.js';

/** What the target will have. */
export interface MovedObjects {
  /** OIDs, on the source, of tables and sequences. */
  readonly relations: ReadonlySet<number>;
  readonly types: ReadonlySet<number>;
  readonly extensions: ReadonlySet<string>;
}

/** Finds out for each expression, index and domain whether everything that it needs moves. */
export function obstacleFinder(
  dependencies: readonly DependencyPart[],
  moved: MovedObjects,
  types: ReadonlyMap<number, CatalogType>,
): DdlContext['obstacle'] {
  const missing = new Map<string, string>();
  for (const part of dependencies) {
    if (!isMoved(part, moved, types)) missing.set(`${part.class} ${part.object}`, part.description);
  }
  return (catalog, oid) => missing.get(`${catalog} ${oid}`);
}

function isMoved(part: DependencyPart, moved: MovedObjects, types: ReadonlyMap<number, CatalogType>): boolean {
  if (part.extension !== null) return moved.extensions.has(part.extension);
  if (part.neededClass === 'pg_class') return moved.relations.has(part.needed);
  if (part.neededClass === 'pg_type') return moved.types.has(types.get(part.needed)?.element || part.needed);
  return false;
}
