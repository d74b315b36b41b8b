import type { CatalogIndex } from '../../services/control/preflight/catalog.js';

/** A unique index on `id`, as a catalog has it. */
export const uniqueIndex = (options: Partial<CatalogIndex> = {}): CatalogIndex => ({
  name: 'k',
  columns: ['id'],
  primary: false,
  replicaIdentity: false,
  immediate: true,
  plain: true,
  definition: null,
  ...options,
});
