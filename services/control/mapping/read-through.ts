import { refusalOf } from '../verify/mapped-reader.js';
import type { MappedPlan } from '../verify/mapped-shape.js';
import type { Session, TextRow } from '../verify/session.js';

/** A row as the target's types show it, or the column that does not take its value. */
export type ReadRow =
  | { readonly values: readonly (string | null)[] }
  | { readonly problem: { readonly column: string; readonly message: string } };

/** Reads mapped rows through the target's types; what these refuse is halved until the row is alone. */
export async function readThrough(
  target: Session,
  plan: Pick<MappedPlan, 'types' | 'columns'>,
  rows: readonly TextRow[],
): Promise<ReadRow[]> {
  if (rows.length === 0) return [];
  const { types } = plan;
  const lists = types.map((_, i) => `$${i + 1}::text[]`).join(', ');
  const names = types.map((_, i) => `c${i}`).join(', ');
  const casts = types.map((type, i) => `CAST(m.c${i} AS ${type})`).join(', ');
  try {
    const read = await target.read({
      text: `SELECT ${casts} FROM unnest(${lists}) WITH ORDINALITY AS m (${names}, n) ORDER BY m.n`,
      values: types.map((_, i) => rows.map((row) => row[i]!)),
    });
    return read.map((values) => ({ values }));
  } catch (error) {
    if (refusalOf(error) === undefined) throw error;
    if (rows.length === 1) return [{ problem: await refusedColumn(target, plan, rows[0]!) }];
    const half = Math.ceil(rows.length / 2);
    return [
      ...(await readThrough(target, plan, rows.slice(0, half))),
      ...(await readThrough(target, plan, rows.slice(half))),
    ];
  }
}

async function refusedColumn(target: Session, { types, columns }: Pick<MappedPlan, 'types' | 'columns'>, row: TextRow) {
  for (const [i, type] of types.entries()) {
    try {
      await target.read({ text: `SELECT CAST(($1::text[])[1] AS ${type})`, values: [[row[i]!]] });
    } catch (error) {
      const code = refusalOf(error);
      if (code === undefined) throw error;
      return { column: columns[i]!, message: `the value is no ${type} (SQLSTATE ${code})` };
    }
  }
  return { column: '', message: 'the target does not take the row' };
}
