import { randomBytes } from 'node:crypto';
import { removeAt, type Transaction, type WhenCommitted } from '../application.js';
import { oddText } from '../random.js';
import { KEY_TABLES, type KeyTable, type Kind, type KnownRows, type OwnKey } from './known-rows.js';
import { addVendor } from './vendors.js';

const KEPT = 40;

/** $1 hash, $2 user, $3 name; of vendors' keys $4 code, and of those that are numbered $5 number. */
const INSERT: Readonly<Record<KeyTable, string>> = {
  api_keys: "INSERT INTO public.api_keys (key_hash, user_id, name, key_prefix) VALUES ($1, $2, $3, 'own')",
  stored_api_keys: "INSERT INTO public.stored_api_keys (hash, user_id, label, prefix) VALUES ($1, $2, $3, 'own')",
  vendor_api_keys_v2: `INSERT INTO public.vendor_api_keys_v2 (key_hash, created_by, name, vendor_code, key_prefix)
    VALUES ($1, $2, $3, $4, 'own')`,
  vendor_api_keys: `INSERT INTO public.vendor_api_keys (hash, created_by, label, vendor_code, key_no, prefix)
    VALUES ($1, $2, $3, $4, $5, 'own')`,
};
const HASH: Readonly<Record<KeyTable, string>> = {
  api_keys: 'key_hash',
  stored_api_keys: 'hash',
  vendor_api_keys_v2: 'key_hash',
  vendor_api_keys: 'hash',
};
const INSERT_IN_TARGET = `INSERT INTO security_service.api_keys (key_hash, user_id, name, key_prefix, key_type)
  VALUES ($1, $2, $3, 'own', $4) RETURNING id`;
const INSERT_VENDORS_IN_TARGET = `INSERT INTO vendors.api_keys (id, key_hash, created_by, name, organization_id)
  SELECT $1, $2, $3, $4, id FROM vendors.organizations WHERE code = $5`;

/** A new key: in one of the old project's four tables, or in the new one's. */
export const issueKey: Kind = async (transaction) => {
  const { random, known, side } = transaction;
  if (known.vendors.length === 0) return addVendor(transaction);
  const table = random.pick(KEY_TABLES);
  const hash = randomBytes(32).toString('hex');
  if (side === 'source') await insertAtSource(transaction, table, hash);
  else await insertAtTarget(transaction, table, hash);
  return () => void known.keys.push({ hash, tables: [table] });
};

async function insertAtSource(transaction: Transaction<KnownRows>, table: KeyTable, hash: string): Promise<void> {
  const { random, known } = transaction;
  const ofVendor = table.startsWith('vendor') ? [random.pick(known.vendors)] : [];
  const number = table === 'vendor_api_keys' ? [1_000_000 + random.below(2_000_000_000)] : [];
  await transaction.changeOne(INSERT[table], [hash, random.pick(known.users), oddText(random), ...ofVendor, ...number]);
}

async function insertAtTarget(transaction: Transaction<KnownRows>, table: KeyTable, hash: string): Promise<void> {
  const { random, known } = transaction;
  const isVendors = table.startsWith('vendor');
  const [user, name] = [random.pick(known.users), oddText(random)];
  const key = [hash, user, name, isVendors ? 'vendor' : 'standard'];
  const { id } = await transaction.changeOne<{ id: string }>(INSERT_IN_TARGET, key);
  if (!isVendors) return;
  await transaction.changeOne(INSERT_VENDORS_IN_TARGET, [id, hash, user, name, random.pick(known.vendors)]);
}

/** An own key is written into another of the four tables, too: the new project shows whichever has precedence. */
export const storeKeyAgain: Kind = async (transaction) => {
  const { random, known, side } = transaction;
  const index = known.keys.findIndex(({ tables }) => tables.length < KEY_TABLES.length);
  if (side === 'target' || index < 0) return issueKey(transaction);
  const { hash, tables } = known.keys[index]!;
  const table = random.pick(KEY_TABLES.filter((other) => !tables.includes(other)));
  await insertAtSource(transaction, table, hash);
  return () => {
    const all = KEY_TABLES.filter((one) => one === table || tables.includes(one));
    // To the end, so that others come next.
    removeAt(known.keys, index);
    known.keys.push({ hash, tables: all });
  };
};

/** The row that stands in the new project goes, and the next one is to take its place. */
export const dropWinner: Kind = (transaction) => dropOne(transaction, (tables) => tables[0]!);

/** A row that another one is before goes, and nothing is to be seen of it. */
export const dropLoser: Kind = (transaction) => dropOne(transaction, (tables) => tables.at(-1)!);

async function dropOne(
  transaction: Transaction<KnownRows>,
  choose: (tables: readonly KeyTable[]) => KeyTable,
): Promise<WhenCommitted> {
  const { known, side } = transaction;
  const index = known.keys.findIndex(({ tables }) => tables.length > 1);
  if (side === 'target' || index < 0) return storeKeyAgain(transaction);
  const { hash, tables } = known.keys[index]!;
  const table = choose(tables);
  const left = tables.filter((other) => other !== table);
  await takeOut(transaction, { hash, tables: [table] }, left);
  return () => {
    known.keys[index] = { hash, tables: left };
  };
}

/** Once there are enough, an own key is dropped for good. */
export const dropKey: Kind = async (transaction) => {
  const { random, known, side } = transaction;
  if (known.keys.length < KEPT) return issueKey(transaction);
  const index = random.below(known.keys.length);
  const key = known.keys[index]!;
  if (side === 'source') await takeOut(transaction, key, []);
  else {
    await transaction.query('DELETE FROM vendors.api_keys WHERE key_hash = $1', [key.hash]);
    await transaction.changeOne('DELETE FROM security_service.api_keys WHERE key_hash = $1', [key.hash]);
  }
  return () => removeAt(known.keys, index);
};

async function takeOut(
  { query, changeOne }: Transaction<KnownRows>,
  { hash, tables }: OwnKey,
  left: readonly KeyTable[],
): Promise<void> {
  for (const table of tables) await changeOne(`DELETE FROM public.${table} WHERE ${HASH[table]} = $1`, [hash]);
  await query("INSERT INTO public.key_security_events (event, detail) VALUES ('taken out', $1)", [
    { hash, from: tables, left },
  ]);
}
