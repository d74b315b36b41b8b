/** A byte position in the source's write-ahead log. Compare with `<`, subtract for bytes. */
export type Lsn = bigint & { readonly brand: 'Lsn' };

export const LSN_ZERO = 0n as Lsn;

/**
 * Reads PostgreSQL's text form, padded or not (`0/16B3748`, `00000000/016B3748`).
 * @throws RangeError when the text is not an LSN.
 */
export function parseLsn(text: string): Lsn {
  const slash = text.indexOf('/');
  const high = hexDigits(text, 0, slash);
  const low = hexDigits(text, slash + 1, text.length);
  if (high < 0 || low < 0) throw new RangeError(`not an LSN: ${JSON.stringify(text)}`);
  return ((BigInt(high) << 32n) | BigInt(low)) as Lsn;
}

/** One to eight hexadecimal digits, read one by one: each transaction has several LSNs. @returns -1 for anything else. */
function hexDigits(text: string, start: number, end: number): number {
  if (end <= start || end - start > 8) return -1;
  let value = 0;
  for (let i = start; i < end; i++) {
    const code = text.charCodeAt(i);
    const letter = code | LOWER_CASE;
    if (code >= ZERO && code <= NINE) value = value * 16 + code - ZERO;
    else if (letter >= LETTER_A && letter <= LETTER_F) value = value * 16 + letter - LETTER_A + 10;
    else return -1;
  }
  return value;
}

const ZERO = 0x30;
const NINE = 0x39;
const LOWER_CASE = 0x20;
const LETTER_A = 0x61;
const LETTER_F = 0x66;

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
