import type pg from 'pg';

/**
 * Sends statements without waiting for the answers of those before, in one write to the socket: what would be a round
 * trip each is one for all. Behind a statement that fails within a transaction the server refuses the others.
 * No COPY, and nothing else may use the client meanwhile.
 * @param send calls `client.query` for each statement, and gives the promises.
 * @returns what became of each, in order.
 */
export async function inOneFlight(
  client: pg.Client,
  send: () => readonly Promise<unknown>[],
): Promise<PromiseSettledResult<unknown>[]> {
  // An option of the client, and all that it does is to be looked at when a query is sent.
  const own = client as unknown as {
    pipeline: boolean;
    readonly connection: { readonly stream: { cork(): void; uncork(): void } };
  };
  own.pipeline = true;
  own.connection.stream.cork();
  let answers: readonly Promise<unknown>[] = [];
  try {
    answers = send();
  } finally {
    own.connection.stream.uncork();
  }
  const settled = await Promise.allSettled(answers);
  own.pipeline = false;
  return settled;
}
