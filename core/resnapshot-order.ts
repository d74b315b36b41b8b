import { z } from 'zod';

const orderSchema = z.object({ pipeline: z.string(), table: z.string() });

/** Copies a table again, from the place of the order's message in the WAL on. */
export interface ResnapshotOrder {
  readonly pipeline: string;
  /** The source table, as `schema.table`. */
  readonly table: string;
}

export function formatResnapshotOrder({ pipeline, table }: ResnapshotOrder): string {
  return JSON.stringify({ pipeline, table });
}

/** @returns undefined for what is no order: any role may write messages into the WAL. */
export function parseResnapshotOrder(content: string): ResnapshotOrder | undefined {
  try {
    return orderSchema.safeParse(JSON.parse(content)).data;
  } catch {
    return undefined;
  }
}
