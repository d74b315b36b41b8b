import type { TransactionKind } from './application.js';

/**
 * Moves up to one credit from one account to another: the sum of all balances stays, and `transfers` of all accounts
 * together rises by two, which shows whether a transfer is missing or was applied twice.
 * @param update adds $2 ten-thousandths to the balance of the account $1, and one to its transfers.
 */
export function transferBy<Known extends { readonly accounts: readonly (string | number)[] }>(
  update: string,
): TransactionKind<Known> {
  return async (transaction) => {
    const { random, known } = transaction;
    const index = random.below(known.accounts.length - 1);
    // Ascending, so that two transfers lock in the same order.
    const accounts = [
      known.accounts[index]!,
      known.accounts[index + 1 + random.below(known.accounts.length - index - 1)]!,
    ];
    const amount = (1 + random.below(10_000)) * (random.below(2) === 0 ? 1 : -1);
    for (const [account, sign] of [
      [accounts[0], -1],
      [accounts[1], 1],
    ] as const) {
      await transaction.changeOne(update, [account, sign * amount]);
    }
    return () => {};
  };
}
