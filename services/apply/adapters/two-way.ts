import type pg from 'pg';
import { MESSAGE, type Tuple } from '../../../core/record.js';
import { isWayBack } from '../../../core/way-back.js';
import { quoteLiteral } from '../../../platform/postgres.js';
import type { TableStep } from '../batch.js';
import type { ChangeSet, Move, NetChange } from '../fold.js';
import { judgeChange, type StandingRow, type Verdict } from '../last-writer.js';
import { lastWritersSql, lockRowsSql, recordConflictsSql, tombstoneName } from '../shared-rows-sql.js';
import { transpose } from '../statements.js';
import type { TableShape } from '../table-shape.js';

/** Below the time after which PostgreSQL looks for deadlocks: apply gives way, and tries again, before an application has to. */
const LOCK_TIMEOUT_MS = 500;
const PRUNE_EVERY_MS = 20_000;

/** A change that is about to be written, by the key that it finds its row by. */
interface Arriving {
  readonly key: Tuple;
  readonly kind: NetChange['kind'];
  readonly at: string;
}

/** A change that is not written, with what is said of it. */
interface GivenUp extends Arriving {
  readonly why: Exclude<Verdict, 'write' | 'insert'>;
  readonly keptAt: string | null;
  readonly change: NetChange | Move;
}

/**
 * Lets apply write to tables that applications write, too: each of its transactions says first which pipeline's it is, so
 * that the other direction leaves it out, and of two writes of a row the one that was committed later stands.
 */
export class TwoWay {
  readonly #target: pg.Client;
  readonly #pipeline: string;
  readonly #since: string;
  readonly #pruneEveryMs: number;
  #prunedAt = performance.now();

  private constructor(
    target: pg.Client,
    { pipeline, since, pruneEveryMs }: { pipeline: string; since: string; pruneEveryMs: number },
  ) {
    this.#target = target;
    this.#pipeline = pipeline;
    this.#since = since;
    this.#pruneEveryMs = pruneEveryMs;
  }

  /**
   * Asks how the pipeline's apply has to write. Who changes that takes the checkpoints back (apply-fence.ts), so it is asked
   * behind the claim.
   * @returns undefined where nobody else writes.
   */
  static async of(target: pg.Client, pipeline: string, pruneEveryMs = PRUNE_EVERY_MS): Promise<TwoWay | undefined> {
    const { rows } = await target.query<{ began_at: string }>(
      'SELECT began_at FROM ferry.two_way WHERE pipeline = $1',
      [pipeline],
    );
    if (!rows[0]) return undefined;
    await target.query(`SET lock_timeout = ${LOCK_TIMEOUT_MS}`);
    return new TwoWay(target, { pipeline, since: rows[0].began_at, pruneEveryMs });
  }

  /** What opens a transaction. */
  get begin(): string {
    return `BEGIN; SELECT pg_catalog.pg_logical_emit_message(true, ${quoteLiteral(MESSAGE.origin)}, ${quoteLiteral(this.#pipeline)}); ${this.marks}`;
  }

  /** What must follow a savepoint, too: rows that are written behind it have a transaction id of their own. */
  get marks(): string {
    const pipeline = quoteLiteral(this.#pipeline);
    return `WITH mark AS (INSERT INTO ferry.applied_xid (pipeline) VALUES (${pipeline}) RETURNING xmin)
INSERT INTO ferry.applied_xid (pipeline, xid) SELECT ${pipeline}, xmin::text::bigint FROM mark`;
  }

  /**
   * Takes out of a step what must not be written, and puts it down as a conflict.
   * @returns whether anything is left of it.
   */
  async settle(step: TableStep): Promise<boolean> {
    if (step.kind === 'changes') return this.#changes(step.set);
    return step.kind === 'move' ? this.#move(step.move) : true;
  }

  /**
   * Waits until the clock of this server is past a commit time of the other one: whoever changes what was written goes by
   * this clock, and must not be taken for earlier.
   */
  async past(time: string | null): Promise<void> {
    if (time === null) return;
    await this.#target.query(
      `SELECT pg_catalog.pg_sleep(greatest(0, extract(epoch FROM $1::timestamptz - pg_catalog.clock_timestamp()) + 0.00001))`,
      [time],
    );
  }

  /** Forgets what no change can meet any more: all that come are later. Not where a table has stood still. */
  async prune(): Promise<void> {
    if (performance.now() - this.#prunedAt < this.#pruneEveryMs) return;
    this.#prunedAt = performance.now();
    for (const table of ['applied_xid', 'tombstone']) {
      await this.#target.query(
        `DELETE FROM ferry.${table} x USING (SELECT min(commit_time) AS reached FROM ferry.checkpoint WHERE pipeline = $1) c
          WHERE x.pipeline = $1 AND (x.xid IS NULL OR
                pg_catalog.pg_xact_commit_timestamp(x.xid::text::xid) < c.reached - interval '1 minute')
            AND NOT EXISTS (SELECT FROM ferry.table_state WHERE pipeline = $1 AND state <> 'running')`,
        [this.#pipeline],
      );
    }
  }

  async #changes({ shape, changes, times }: ChangeSet): Promise<boolean> {
    const entries = [...changes];
    const arriving = entries.map(([key, change]) => ({ ...arrivalOf(change), at: times!.get(key)! }));
    const found = await this.#judge(shape, arriving);
    const lost: GivenUp[] = [];
    for (const [i, [key, change]] of entries.entries()) {
      const { verdict, keptAt } = found[i]!;
      if (verdict === 'later' || verdict === 'gone') {
        changes.delete(key);
        lost.push({ ...arriving[i]!, why: verdict, keptAt, change });
      } else if (verdict === 'insert' && change.kind === 'upsert') {
        changes.set(key, { kind: 'insert', row: change.row });
      }
    }
    await this.#record(shape, lost);
    return changes.size > 0;
  }

  /** Both rows must give way: the one that is there, and whatever has the key that it shall get. */
  async #move(move: Move): Promise<boolean> {
    const { shape, from, to, at, isWhole } = move;
    const arriving: Arriving[] = [
      { key: from, kind: isWhole ? 'upsert' : 'update', at: at! },
      { key: to, kind: 'upsert', at: at! },
    ];
    const found = await this.#judge(shape, arriving);
    const worst = found.findIndex(({ verdict }) => verdict === 'later' || verdict === 'gone');
    if (worst < 0) return true;
    const { verdict, keptAt } = found[worst]!;
    const why = verdict === 'gone' ? 'gone' : 'later';
    await this.#record(shape, [{ ...arriving[worst]!, why, keptAt, change: move }]);
    return false;
  }

  async #judge(
    shape: TableShape,
    arriving: readonly Arriving[],
  ): Promise<{ readonly verdict: Verdict; readonly keptAt: string | null }[]> {
    const keys = keysOf(shape, arriving);
    await this.#target.query(lockRowsSql(shape), keys);
    // A statement of its own: what it sees was committed before the rows were locked.
    const { rows } = await this.#target.query<Record<'is_there' | 'written_at' | 'deleted_at', string | null>>(
      lastWritersSql(shape),
      [...keys, this.#pipeline, this.#since, tombstoneName(shape)],
    );
    return arriving.map((change, i) => {
      const { is_there, written_at, deleted_at } = rows[i]!;
      const standing: StandingRow = { isThere: is_there === 't', writtenAt: written_at, deletedAt: deleted_at };
      const verdict = judgeChange(change, standing, !isWayBack(this.#pipeline));
      return { verdict, keptAt: written_at ?? deleted_at };
    });
  }

  async #record(shape: TableShape, lost: readonly GivenUp[]): Promise<void> {
    if (lost.length === 0) return;
    await this.#target.query(recordConflictsSql(shape), [
      ...keysOf(shape, lost),
      lost.map(({ kind }) => kind),
      lost.map(({ why }) => why),
      lost.map(({ at }) => at),
      lost.map(({ keptAt }) => keptAt),
      lost.map(({ change }) => JSON.stringify(valuesOf(shape, change))),
      this.#pipeline,
      shape.name,
    ]);
  }
}

function arrivalOf(change: NetChange): Pick<Arriving, 'key' | 'kind'> {
  return { kind: change.kind, key: change.kind === 'delete' ? change.key : change.row };
}

function keysOf(shape: TableShape, arriving: readonly Arriving[]): (string | null)[][] {
  return transpose(
    arriving.map(({ key }) => key),
    shape.keyIndexes,
  );
}

/** By column, those that the change has. */
function valuesOf({ columns }: TableShape, change: NetChange | Move): Record<string, string | null> {
  const row = 'to' in change ? change.to : change.kind === 'delete' ? change.key : change.row;
  const known = columns.flatMap(({ name }, i) => (row[i] === false ? [] : [[name, row[i] as string | null] as const]));
  return Object.fromEntries(known);
}
