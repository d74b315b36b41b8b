import type { RepairOrder } from '../../../core/repair-order.js';
import type { ResnapshotOrder } from '../../../core/resnapshot-order.js';
import type { TablePlan } from './chunk.js';

/** Orders to copy a table or some rows again, as they come in the stream. */
export interface SnapshotOrders {
  /** @returns undefined for an order that is not ours, or cannot be done. */
  planOf(order: ResnapshotOrder): TablePlan | undefined;
  /** The copy begins at this place of the stream. */
  begun(plan: TablePlan): void;
  /** Rows are to be read again, beside the stream. */
  repair(order: RepairOrder): void;
}
