/** A byte position in the source's write-ahead log. Compare with `<`, subtract for bytes. */
export type Lsn = bigint & { readonly brand: 'Lsn' };

export const LSN_ZERO = 0n as Lsn;

/**
 * Reads PostgreSQL's text form, padded or not (`0/16B3748`, `00000000/016B3748`).
 * @throws RangeError when the text is not an LSN.
 */
export function parseLsn(text: string): Lsn {
  const match = /^([0-9A-F]{1,8})\/([0-9A-F]{1,8})$/i.exec(text);
  if (!match) throw new RangeError(`not an LSN: ${JSON.stringify(text)}`);
  return ((BigInt(`0x${match[1]}`) << 32n) | BigInt(`0x${match[2]}`)) as Lsn;
}

/** PostgreSQL's own spelling, as `pg_current_wal_lsn()` prints it. */
export function formatLsn(lsn: Lsn): string {
  return `${(lsn >> 32n).toString(16).toUpperCase()}/${(lsn & 0xffffffffn).toString(16).toUpperCase()}`;
}

export function maxLsn(a: Lsn, b: Lsn): Lsn {
  return a > b ? a : b;
}

export function minLsn(a: Lsn, b: Lsn): Lsn {
  return a < b ? a : b;
}
