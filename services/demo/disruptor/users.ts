import type { Transaction } from '../application.js';
import { oddText } from '../random.js';
import type { Kind, KnownRows } from './known-rows.js';

const EMAIL = "'own ' || gen_random_uuid() || '@example.com'";

/** Somebody new: one row and a copy of it here, a row in each of three domains and a reference there. */
export const addUser: Kind = async (transaction) => {
  const { random, side } = transaction;
  const [table, ...columns] = side === 'source' ? ['public.users', 'display_name'] : ['auth_gateway.user_accounts'];
  const names = ['email', ...columns].join(', ');
  const values = side === 'source' ? `${EMAIL}, $1` : EMAIL;
  const name = oddText(random);
  const { id, email } = await transaction.changeOne<{ id: string; email: string }>(
    `INSERT INTO ${table} (${names}) VALUES (${values}) RETURNING id, email`,
    side === 'source' ? [name] : [],
  );
  if (side === 'source') {
    await transaction.changeOne('INSERT INTO maas.users (id, email) VALUES ($1, $2)', [id, email]);
  } else {
    await transaction.changeOne('INSERT INTO shared_services.profiles (id, display_name) VALUES ($1, $2)', [id, name]);
    await transaction.changeOne('INSERT INTO shared_services.users (id, email) VALUES ($1, $2)', [id, email]);
    await transaction.changeOne('INSERT INTO security_service.users (user_id, email) VALUES ($1, $2)', [id, email]);
  }
  return () => {};
};

/** Another name and address: what one row has here stands in four tables there. */
export const renameUser: Kind = async (transaction) => {
  const { random, known, side } = transaction;
  const [user, name] = [random.pick(known.users), oddText(random)];
  if (side === 'source') {
    const { email } = await change(transaction, `UPDATE public.users SET email = ${EMAIL}, display_name = $2`, [
      user,
      name,
    ]);
    await change(transaction, 'UPDATE maas.users SET email = $2', [user, email]);
    return () => {};
  }
  const { email } = await change(transaction, `UPDATE auth_gateway.user_accounts SET email = ${EMAIL}`, [user]);
  await transaction.changeOne('UPDATE shared_services.profiles SET display_name = $2 WHERE id = $1', [user, name]);
  await change(transaction, 'UPDATE shared_services.users SET email = $2', [user, email]);
  await transaction.changeOne('UPDATE security_service.users SET email = $2 WHERE user_id = $1', [user, email]);
  return () => {};
};

function change(
  transaction: Transaction<KnownRows>,
  update: string,
  values: readonly string[],
): Promise<{ email: string }> {
  return transaction.changeOne<{ email: string }>(`${update} WHERE id = $1 RETURNING email`, values);
}
