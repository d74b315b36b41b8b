/** PostgreSQL's serialization failure: roll back and try the whole transaction again. The fence refuses with it. */
const SERIALIZATION_FAILURE = '40001';

/** True when a write was refused because its tables are being cut over, or have been. */
export function isFenced(error: unknown): boolean {
  if (typeof error !== 'object' || error === null) return false;
  const { code, message, detail, hint } = error as Partial<Record<string, unknown>>;
  return code === SERIALIZATION_FAILURE && [message, detail, hint].some((text) => /schemaferry/i.test(String(text)));
}
