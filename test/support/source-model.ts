import { LSN_ZERO, type Lsn } from '../../core/lsn.js';
import type { Tuple } from '../../core/record.js';
import type { Relation } from '../../core/relation.js';
import { begin, commit, commitEndOf, insert, message, relation, remove, truncate, update } from './pgoutput-builder.js';
import { relationOf } from './record-builder.js';

export type SourceRow = readonly [id: string, n: string, body: string | null];
type Rows = ReadonlyMap<string, SourceRow>;

/** A change that some session wants to make; which row it touches is chosen among those that are there. */
export interface WantedChange {
  readonly table: number;
  readonly kind: 'create' | 'update' | 'update-body' | 'delete' | 'rekey' | 'rekey-body' | 'truncate';
  readonly which: number;
  readonly key: string;
}

interface Change {
  readonly relation: number;
  readonly message: Buffer;
}

interface WalTransaction {
  readonly commitLsn: Lsn;
  readonly xid: number;
  readonly changes: readonly (Change | Buffer)[];
}

export const COLUMNS = ['id', 'n', 'body'] as const;

/**
 * A source database in memory: tables of an id, a number and a body that is stored out of line, and the WAL of what is
 * committed. Posts have replica identity full; audit is published and not captured.
 */
export class SourceModel {
  readonly relations: readonly Relation[] = [
    relationOf(1, 'public.users', COLUMNS),
    relationOf(2, 'public.posts', COLUMNS, { identity: 'f' }),
    relationOf(3, 'public.audit', COLUMNS),
  ];
  readonly wal: WalTransaction[] = [];
  /** The tables as they were after each transaction, oldest first; the first is before the WAL. */
  readonly history: { readonly lsn: Lsn; readonly xid: number; readonly tables: ReadonlyMap<number, Rows> }[] = [];
  /** Row changes by table, a truncate counting one. */
  readonly changed = new Map<number, number>();
  readonly #tables: ReadonlyMap<number, Map<string, SourceRow>>;
  #lsn = 0x1000n;
  #xid: number;
  #stamp = 0;

  constructor(options: { firstXid: number; keys: readonly string[] }) {
    this.#xid = options.firstXid;
    this.#tables = new Map(
      this.relations.map(({ id }) => [id, new Map(options.keys.map((key) => [key, [key, 'first', `body of ${key}`]]))]),
    );
    this.#remember(LSN_ZERO, this.#xid);
  }

  get nextXid(): number {
    return this.#xid;
  }

  /** Commits a transaction of what can be done of the wanted changes. */
  transaction(wanted: readonly WantedChange[]): void {
    this.#commit(wanted.flatMap((one) => this.#change(one) ?? []));
    const { commitLsn, xid } = this.wal.at(-1)!;
    this.#remember(commitLsn, xid);
  }

  /** Commits a logical message, as every session of ours does. */
  emit(prefix: string, content = ''): void {
    this.#commit([message(prefix, content)]);
  }

  /**
   * What a new walsender sends, message by message: whole transactions from an LSN on, and each relation once, ahead of
   * its first row.
   */
  *stream(from: Lsn): Generator<Buffer | undefined> {
    const described = new Set<number>();
    for (let next = 0; ; ) {
      const found = this.wal[next];
      if (!found) {
        yield undefined;
        continue;
      }
      next++;
      if (found.commitLsn < from) continue;
      const of = { commitLsn: found.commitLsn, xid: found.xid };
      yield begin(of);
      for (const change of found.changes) {
        if (Buffer.isBuffer(change)) {
          yield change;
          continue;
        }
        // A truncate names no relation of its own: the server describes all of them ahead of it.
        const ids = change.relation === 0 ? this.relations.map(({ id }) => id) : [change.relation];
        for (const id of ids) {
          if (!described.has(id)) yield relation(this.relations[id - 1]!);
          described.add(id);
        }
        yield change.message;
      }
      yield commit(of);
    }
  }

  rows(table: number): Rows {
    return this.#tables.get(table)!;
  }

  #commit(changes: readonly (Change | Buffer)[]): void {
    const commitLsn = this.#lsn as Lsn;
    this.wal.push({ commitLsn, xid: this.#xid, changes });
    // The next commit record may begin where this one ends.
    this.#lsn = commitEndOf({ commitLsn });
    this.#xid = (this.#xid + 1) % 2 ** 32;
  }

  #remember(lsn: Lsn, xid: number): void {
    this.history.push({ lsn, xid, tables: new Map([...this.#tables].map(([id, rows]) => [id, new Map(rows)])) });
  }

  #change({ table, kind, which, key }: WantedChange): Change | undefined {
    const rows = this.#tables.get(table)!;
    const stamp = String(++this.#stamp);
    if (kind === 'truncate') return this.#truncate(table);
    if (kind === 'create') {
      if (rows.has(key)) return undefined;
      const row: SourceRow = [key, stamp, `body ${stamp}`];
      rows.set(key, row);
      return this.#count(table, insert(table, row));
    }
    const before = [...rows.values()][which % Math.max(1, rows.size)];
    if (!before) return undefined;
    const isFull = this.relations[table - 1]!.identity === 'f';
    const old = isFull ? { old: before } : { key: [before[0], null, null] };
    if (kind === 'delete') {
      rows.delete(before[0]);
      return this.#count(table, remove(table, old as { key: Tuple }));
    }
    const to = kind.startsWith('rekey') ? key : before[0];
    if (to !== before[0] && rows.has(to)) return undefined;
    const body = kind.endsWith('body') ? (which % 5 === 0 ? null : `body ${stamp}`) : before[2];
    rows.delete(before[0]);
    rows.set(to, [to, stamp, body]);
    const sent: Tuple = [to, stamp, kind.endsWith('body') || body === null ? body : false];
    return this.#count(table, update(table, sent, isFull || to !== before[0] ? old : {}));
  }

  /** Empties a table, and audit with it. */
  #truncate(table: number): Change {
    for (const id of new Set([table, 3])) this.#tables.get(id)!.clear();
    this.changed.set(table, (this.changed.get(table) ?? 0) + 1);
    return { relation: 0, message: truncate([...new Set([table, 3])]) };
  }

  #count(table: number, bytes: Buffer): Change {
    this.changed.set(table, (this.changed.get(table) ?? 0) + 1);
    return { relation: table, message: bytes };
  }
}
