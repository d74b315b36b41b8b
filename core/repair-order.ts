import { z } from 'zod';

const keySchema = z.array(z.string()).readonly();
const orderSchema = z.object({
  pipeline: z.string(),
  table: z.string(),
  columns: keySchema,
  rows: z.array(z.object({ key: keySchema, isExtra: z.boolean().optional() })).readonly(),
});

/** Reads some rows again, from the place of the order's message in the WAL on. */
export interface RepairOrder {
  readonly pipeline: string;
  /** The source table, as `schema.table`. */
  readonly table: string;
  /** Its key columns, in the order of the keys' values. */
  readonly columns: readonly string[];
  readonly rows: readonly RepairRow[];
}

export interface RepairRow {
  readonly key: readonly string[];
  /** The target has a row that the source had not when it was looked at: it goes, and what the source has comes. */
  readonly isExtra?: boolean | undefined;
}

/** As many rows as one order may name: one statement reads them. */
export const MAX_ORDERED_ROWS = 500;

export function formatRepairOrder({ pipeline, table, columns, rows }: RepairOrder): string {
  return JSON.stringify({ pipeline, table, columns, rows });
}

/** @returns undefined for what is no order: any role may write messages into the WAL. */
export function parseRepairOrder(content: string): RepairOrder | undefined {
  try {
    const order = orderSchema.safeParse(JSON.parse(content)).data;
    const isWhole = order?.rows.every(({ key }) => key.length === order.columns.length);
    return isWhole && order!.columns.length > 0 && order!.rows.length <= MAX_ORDERED_ROWS ? order : undefined;
  } catch {
    return undefined;
  }
}
