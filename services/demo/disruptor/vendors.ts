import { oddText } from '../random.js';
import type { Kind } from './known-rows.js';

const VENDORS = 3;

/** A vendor and what it did: known by a code here, by a uuid there. */
export const addVendor: Kind = async (transaction) => {
  const { random, known, side } = transaction;
  const [table, column] =
    side === 'source' ? ['public.vendor_organizations', 'vendor_code'] : ['vendors.organizations', 'code'];
  const { code } = await transaction.changeOne<{ code: string }>(
    `INSERT INTO ${table} (${column}, name) VALUES ('own ' || gen_random_uuid(), $1) RETURNING ${column} AS code`,
    [oddText(random)],
  );
  await transaction.changeOne(
    side === 'source'
      ? "INSERT INTO public.vendor_usage_logs (vendor_code, endpoint, status) VALUES ($1, '/v1/keys', 200)"
      : `INSERT INTO vendors.usage_logs (organization_id, endpoint, status)
         SELECT id, '/v1/keys', 200 FROM vendors.organizations WHERE code = $1`,
    [code],
  );
  return () => void known.vendors.push(code);
};

/**
 * A new code for a vendor. The old project's foreign keys carry it to what is the vendor's, but to the oldest keys, which
 * have none; in the new one nothing else changes.
 */
export const renameVendor: Kind = async (transaction) => {
  const { random, known, side } = transaction;
  if (known.vendors.length < VENDORS) return addVendor(transaction);
  const index = random.below(known.vendors.length);
  const before = known.vendors[index]!;
  const [table, column] =
    side === 'source' ? ['public.vendor_organizations', 'vendor_code'] : ['vendors.organizations', 'code'];
  const { code } = await transaction.changeOne<{ code: string }>(
    `UPDATE ${table} SET ${column} = 'renamed ' || gen_random_uuid() WHERE ${column} = $1 RETURNING ${column} AS code`,
    [before],
  );
  if (side === 'source') {
    await transaction.query('UPDATE public.vendor_api_keys SET vendor_code = $2 WHERE vendor_code = $1', [
      before,
      code,
    ]);
  }
  return () => {
    known.vendors[index] = code;
  };
};
