/** What `pg_current_snapshot()` says, reduced to the 32 bits of an xid that the stream carries. */
export interface SnapshotXids {
  /** First xid that had not been assigned yet. */
  readonly xmax: number;
  /** Transactions that were running. */
  readonly running: ReadonlySet<number>;
}

/** Reads `xmin:xmax:xip,xip`. */
export function parseSnapshot(text: string): SnapshotXids {
  const [, xmax, running] = text.split(':');
  const low32 = (xid: string) => Number(BigInt(xid) & 0xffffffffn);
  return { xmax: low32(xmax!), running: new Set(running ? running.split(',').map(low32) : []) };
}

/**
 * Remembers which transactions the stream has delivered. PostgreSQL writes a commit to the WAL a moment before other
 * sessions can see it (with synchronous replication, a long moment): a chunk that was read in between lacks rows that
 * the stream had delivered before the low watermark, where nothing gives way to them any more.
 */
export class DeliveredXids {
  readonly #xids = new Set<number>();
  #newest: number | undefined;

  add(xid: number): void {
    this.#xids.add(xid);
    if (this.#newest === undefined || isBefore(this.#newest, xid)) this.#newest = xid;
    if (this.#xids.size > KEEP) this.#xids.delete(this.#xids.values().next().value!);
  }

  has(xid: number): boolean {
    return this.#xids.has(xid);
  }

  /** A copy to compare with later: what had been delivered when the low watermark came. */
  mark(): { readonly newest: number | undefined; has(xid: number): boolean } {
    const frozen = new Set(this.#xids);
    return { newest: this.#newest, has: (xid) => frozen.has(xid) };
  }
}

/** True when the snapshot had not seen a transaction that was delivered before the mark. */
export function isStale(mark: ReturnType<DeliveredXids['mark']>, snapshot: SnapshotXids): boolean {
  if (mark.newest !== undefined && !isBefore(mark.newest, snapshot.xmax)) return true;
  for (const xid of snapshot.running) if (mark.has(xid)) return true;
  return false;
}

export function hasSeen({ xmax, running }: SnapshotXids, xid: number): boolean {
  return isBefore(xid, xmax) && !running.has(xid);
}

/** Xids compare in a circle of 2^32. */
function isBefore(a: number, b: number): boolean {
  return ((a - b) | 0) < 0;
}

/**
 * Only transactions that are still running matter, each of which holds a session; this is far beyond any
 * max_connections.
 */
const KEEP = 20_000;
