import type { ClientBase } from 'pg';
import { FerryError } from '../../../core/errors.js';
import type { Key, LetterEvent, Refusal, Subject } from '../letter.js';

/** A letter as it stands in the target, without its event. */
export interface StoredLetter extends Subject {
  readonly id: number;
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly position: { readonly lsn: string; readonly index: number };
  readonly commitTime: string | null;
  /** As in the log: c, u, d, t, or r for a snapshot's row. */
  readonly op: LetterEvent['op'];
  /** Source tables, in the order of `tables`. */
  readonly sources: readonly string[];
  /** null message: it follows one that was refused. */
  readonly sqlstate: string | null;
  readonly message: string | null;
  readonly column: string | null;
  readonly constraint: string | null;
  readonly attempts: number;
  readonly setAsideAt: string;
  readonly state: 'standing' | 'retried' | 'dropped';
  readonly settledAt: string | null;
  readonly settledBy: string | null;
}

const COLUMNS = `json_build_object('id', id, 'topic', topic, 'partition', partition, 'offset', log_offset,
  'position', json_build_object('lsn', lsn, 'index', index), 'commitTime', commit_time, 'op', op, 'sources', sources,
  'tables', tables, 'keys', keys, 'sqlstate', sqlstate, 'message', message, 'column', column_name,
  'constraint', constraint_name, 'attempts', attempts, 'setAsideAt', set_aside_at, 'state', state,
  'settledAt', settled_at, 'settledBy', settled_by) AS letter`;

/** The letters of a pipeline in the order of their changes. */
export async function readLetters(
  target: ClientBase,
  pipeline: string,
  { states, topic }: { readonly states: readonly StoredLetter['state'][]; readonly topic?: string },
): Promise<StoredLetter[]> {
  const { rows } = await target.query<{ letter: string }>(
    `SELECT ${COLUMNS} FROM ferry.dead_letter
      WHERE pipeline = $1 AND state = ANY ($2) AND ($3::text IS NULL OR topic = $3) ORDER BY lsn, index, id`,
    [pipeline, states, topic ?? null],
  );
  return rows.map(({ letter }) => {
    const { keys, ...rest } = JSON.parse(letter) as Omit<StoredLetter, 'keys'> & { readonly keys: Key[] | null };
    return { ...rest, keys: keys ?? undefined };
  });
}

export async function readEvent(target: ClientBase, { id }: Pick<StoredLetter, 'id'>): Promise<LetterEvent> {
  const { rows } = await target.query<{ event: string }>('SELECT event FROM ferry.dead_letter WHERE id = $1', [id]);
  return JSON.parse(rows[0]!.event) as LetterEvent;
}

/** Takes letters out of what stands, and says so in the ledger. Within a transaction that fences apply. */
export async function settle(
  target: ClientBase,
  pipeline: string,
  letters: readonly StoredLetter[],
  state: 'retried' | 'dropped',
): Promise<void> {
  if (letters.length === 0) return;
  const { rowCount } = await target.query(
    `UPDATE ferry.dead_letter SET state = $3, settled_at = clock_timestamp(), settled_by = session_user
      WHERE pipeline = $1 AND id = ANY ($2::bigint[]) AND state = 'standing'`,
    [pipeline, letters.map(({ id }) => id), state],
  );
  if (rowCount !== letters.length) {
    throw new FerryError('not-ready', 'somebody else has settled some of these letters', {
      remedy: 'Look at `ferry dead-letter list` and run it again.',
    });
  }
  await target.query(
    `UPDATE ferry.ledger l SET dead_lettered = l.dead_lettered - n.count,
            applied = l.applied + CASE WHEN $3 = 'retried' THEN n.count ELSE 0 END,
            dropped = l.dropped + CASE WHEN $3 = 'dropped' THEN n.count ELSE 0 END
       FROM (SELECT topic, partition, t.source, t.name, count(*) AS count
               FROM ferry.dead_letter, unnest(sources, tables) t(source, name)
              WHERE pipeline = $1 AND id = ANY ($2::bigint[]) GROUP BY 1, 2, 3, 4) n
      WHERE l.pipeline = $1 AND l.topic = n.topic AND l.partition = n.partition AND l.source_table = n.source
        AND l.target_table = n.name`,
    [pipeline, letters.map(({ id }) => id), state],
  );
}

/**
 * Drops what stands of a source table in a topic: the table is copied again, or nobody's any more. A truncate of several
 * tables stands on for the others. Within a transaction of whoever owns the topic's partitions.
 */
export async function dropSuperseded(
  target: ClientBase,
  of: { readonly pipeline: string; readonly topic: string; readonly source: string; readonly by: string },
): Promise<void> {
  const { pipeline, topic, source, by } = of;
  const standing = "pipeline = $1 AND topic = $2 AND state = 'standing'";
  await target.query(
    `UPDATE ferry.ledger l SET dead_lettered = l.dead_lettered - n.count, dropped = l.dropped + n.count
       FROM (SELECT partition, count(*) AS count FROM ferry.dead_letter
              WHERE ${standing} AND $3 = ANY (sources) GROUP BY 1) n
      WHERE l.pipeline = $1 AND l.topic = $2 AND l.partition = n.partition AND l.source_table = $3`,
    [pipeline, topic, source],
  );
  await target.query(
    `UPDATE ferry.dead_letter SET state = 'dropped', settled_at = clock_timestamp(), settled_by = $4
      WHERE ${standing} AND sources = ARRAY[$3]`,
    [pipeline, topic, source, by],
  );
  const place = 'array_position(sources, $3)';
  await target.query(
    `UPDATE ferry.dead_letter SET sources = array_remove(sources, $3),
            tables = tables[:${place} - 1] || tables[${place} + 1:],
            event = json_build_object('op', 't', 'relations',
              (SELECT json_agg(r ORDER BY n) FROM json_array_elements(event -> 'relations') WITH ORDINALITY e(r, n)
                WHERE n <> ${place}), 'restartIdentity', event -> 'restartIdentity')
      WHERE ${standing} AND $3 = ANY (sources)`,
    [pipeline, topic, source],
  );
}

/** A letter was refused again. */
export async function refuseAgain(target: ClientBase, { id }: StoredLetter, refusal: Refusal): Promise<void> {
  await target.query(
    `UPDATE ferry.dead_letter SET attempts = attempts + 1, sqlstate = $2, message = $3, column_name = $4, constraint_name = $5
      WHERE id = $1`,
    [id, refusal.sqlstate ?? null, refusal.message, refusal.column ?? null, refusal.constraint ?? null],
  );
}
