import { routeName, type TableMapping } from '../../../core/mapping.js';
import { readLineagePlan } from '../../../platform/lineage-plan.js';
import { LineageSql } from '../../../platform/lineage-sql.js';
import type { Session } from '../verify/session.js';

/** A row of the source that stands in the target, or would if those before it were not there. */
export interface TracedRow {
  /** `schema.table`. */
  readonly source: string;
  /** Values of the source's key, as texts. */
  readonly key: readonly string[];
  /** Values of the target's key. */
  readonly targetKey: readonly string[];
  /** The one of them whose row the target has. */
  readonly stands: boolean;
}

/**
 * Where a row of a table with lineage came from, and which rows it is one with, the one that stands first.
 * @param by the row's key: in the order of the target's key, or of the source's key as the mapping has it.
 * @returns nothing where there is no such row.
 */
export async function traceRow(
  target: Session,
  mapping: TableMapping,
  by: { readonly side: 'source' | 'target'; readonly key: readonly string[] },
): Promise<TracedRow[]> {
  const plan = await readLineagePlan((text, values) => target.read({ text, values }), mapping);
  if (!plan || (by.side === 'target' && plan.key.length !== by.key.length)) return [];
  const values = by.side === 'target' ? by.key : [routeName(mapping), JSON.stringify(by.key)];
  const rows = await target.read({ text: new LineageSql(plan).trace(by.side), values });
  return rows.map(([source, key, targetKey], i) => ({
    source: source!,
    key: JSON.parse(key!) as string[],
    targetKey: JSON.parse(targetKey!) as string[],
    stands: i === 0,
  }));
}
