/** ISO 8601 in UTC with all six digits. */
export function formatMicros(micros: bigint): string {
  const millis = micros / 1000n;
  const rest = String(micros % 1000n).padStart(3, '0');
  return `${new Date(Number(millis)).toISOString().slice(0, -1)}${rest}Z`;
}
