/** `capture.walBudgetBytes` and what follows when the source keeps more WAL for the slot. */
export interface WalBudget {
  readonly bytes: number | undefined;
  readonly onExceeded: 'warn' | 'throttle' | 'stop';
}

/** near: most of it is used up; exceeded: the policy acts. */
export type WalUse = 'within' | 'near' | 'exceeded';

/** From this share of the budget on there is still time to do something. */
const NEAR = 0.75;

export function walUse(retainedBytes: number, { bytes }: Pick<WalBudget, 'bytes'>): WalUse {
  if (bytes === undefined || retainedBytes < bytes * NEAR) return 'within';
  return retainedBytes < bytes ? 'near' : 'exceeded';
}
