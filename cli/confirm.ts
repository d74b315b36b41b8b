import { createInterface } from 'node:readline/promises';
import { FerryError } from '../core/errors.js';

/**
 * Asks before something that cannot be taken back.
 * @throws FerryError `usage` when the answer is no, or nobody is there to answer.
 */
export async function confirm(what: string, question: string): Promise<void> {
  if (!process.stdin.isTTY) {
    throw new FerryError('usage', `${what} and must be confirmed`, { remedy: 'Give --yes.' });
  }
  const asked = createInterface({ input: process.stdin, output: process.stderr });
  const answer = await asked.question(`${question} Go on? [y/N] `);
  asked.close();
  if (!/^y(es)?$/i.test(answer.trim())) throw new FerryError('usage', 'not confirmed: nothing was changed');
}
