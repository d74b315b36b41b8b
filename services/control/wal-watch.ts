import type { ClientBase } from 'pg';
import { sourceObjectName } from '../../core/topics.js';
import { type WalUse, walUse } from '../../core/wal-budget.js';
import type { SlotState } from '../../platform/read-slot.js';
import type { ServiceContext } from '../../platform/service.js';

/** Control says again what is not mended. */
const SAY_EVERY_MS = 60_000;

/** Watches what WAL the source keeps for the slot, whether capture runs or not, and acts by the pipeline's policy. */
export class WalWatch {
  readonly #context: ServiceContext;
  #said: { readonly use: WalUse; readonly at: number } = { use: 'within', at: 0 };

  constructor(context: ServiceContext) {
    this.#context = context;
  }

  async look(source: ClientBase, slot: SlotState | undefined): Promise<void> {
    if (!slot) return;
    const { walBudgetBytes: bytes, onWalBudget } = this.#context.pipeline.capture;
    const use = walUse(slot.retainedBytes, { bytes });
    this.#say(use, slot);
    if (use === 'exceeded' && onWalBudget === 'stop') await this.#giveUp(source, slot);
  }

  #say(use: WalUse, { retainedBytes, headroomBytes }: SlotState): void {
    const { walBudgetBytes, onWalBudget } = this.#context.pipeline.capture;
    const isNew = use !== this.#said.use;
    if (!isNew && (use === 'within' || Date.now() - this.#said.at < SAY_EVERY_MS)) return;
    this.#said = { use, at: Date.now() };
    const said = { retainedBytes, headroomBytes, walBudgetBytes, onWalBudget };
    if (use === 'within') this.#context.logger.info(said, 'the WAL kept for the slot is within its budget again');
    else
      this.#context.logger.warn(said, `the WAL kept for the slot is ${use === 'near' ? 'near' : 'above'} its budget`);
  }

  /** Frees the source's disk: what reads the slot is ended, and the slot dropped. */
  async #giveUp(source: ClientBase, { activePid, retainedBytes }: SlotState): Promise<void> {
    const { pipeline, logger } = this.#context;
    const name = sourceObjectName(pipeline.name);
    if (activePid !== null) await source.query('SELECT pg_catalog.pg_terminate_backend($1)', [activePid]);
    // Where the reader is still there, or again: with the next measurement.
    const dropped = await source.query('SELECT pg_catalog.pg_drop_replication_slot($1)', [name]).then(
      () => true,
      (error: { code?: string }) => {
        if (error.code === OBJECT_IN_USE) return false;
        throw error;
      },
    );
    if (dropped)
      logger.error({ slot: name, retainedBytes }, 'the slot was dropped: the WAL that it kept was above the budget');
  }
}

const OBJECT_IN_USE = '55006';
