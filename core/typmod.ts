/** Type modifiers of the built-in types, as `atttypmod` packs them; -1 is "no limit" everywhere. */

/** Digits before and behind the point that numeric(p,s) holds; undefined without a limit. */
export function numericDigits(typmod: number): { readonly whole: number; readonly scale: number } | undefined {
  if (typmod < 4) return undefined;
  const packed = typmod - 4;
  const precision = (packed >> 16) & 0xffff;
  // The scale is 11 bits, signed since PostgreSQL 15.
  const scale = ((packed & 0x7ff) ^ 1024) - 1024;
  return { whole: precision - scale, scale };
}

/** Characters that varchar(n) and char(n) hold; undefined without a limit. */
export function characterLimit(typmod: number): number | undefined {
  return typmod < 4 ? undefined : typmod - 4;
}

const unlimited = (typmod: number) => typmod < 0;

const PRECISE_TIMES = new Set(['timestamp', 'timestamptz', 'time', 'timetz']);
const MICROSECONDS = 6;

/** True when each value of the type with one modifier is a value of the same type with the other, written the same. */
export function typmodFits(type: string, source: number, target: number): boolean {
  if (unlimited(target) || source === target) return true;
  if (type === 'numeric') return numericFits(source, target);
  if (type === 'varchar') {
    const limit = characterLimit(source);
    return limit !== undefined && limit <= characterLimit(target)!;
  }
  if (type === 'varbit') return !unlimited(source) && source <= target;
  if (PRECISE_TIMES.has(type)) return (unlimited(source) ? MICROSECONDS : source) <= target;
  // char(n) and bit(n) are padded to their length, and what an extension's modifier means is not known here.
  return false;
}

function numericFits(source: number, target: number): boolean {
  const from = numericDigits(source);
  const to = numericDigits(target);
  if (!to) return true;
  return from !== undefined && from.whole <= to.whole && from.scale <= to.scale;
}
