import type { TransactionKind } from './transaction.js';

/**
 * Moves up to one credit from one account to another: the sum of all balances stays, and `transfers` of all accounts
 * together rises by two, which shows whether a transfer is missing or was applied twice.
 */
export const transfer: TransactionKind = async (transaction) => {
  const { random, known } = transaction;
  const index = random.below(known.accounts.length - 1);
  const accounts = [
    known.accounts[index]!,
    known.accounts[index + 1 + random.below(known.accounts.length - index - 1)]!,
  ];
  const amount = (1 + random.below(10_000)) * (random.below(2) === 0 ? 1 : -1);
  for (const [account, sign] of [
    [accounts[0], -1],
    [accounts[1], 1],
  ] as const) {
    await transaction.changeOne(
      'UPDATE credit_accounts SET balance = balance + $2::numeric / 10000, transfers = transfers + 1 WHERE id = $1',
      [account, sign * amount],
    );
  }
  return () => {};
};
