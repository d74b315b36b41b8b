import { test } from 'vitest';
import { findDumper } from '../../platform/pg-dump.js';
import { orSkip } from './or-skip.js';

/** Why there is no pg_dump for a server; undefined where there is. */
export async function whyNoDumper(url: string, major: number): Promise<string | undefined> {
  return findDumper(url, major).then(
    () => undefined,
    (error: Error) => error.message,
  );
}

/** Tests of what needs pg_dump: skipped, and named as such, where it is not to be had. @param why as it is known by then. */
export function testWithDumper(why: () => string | undefined): (name: string, check: () => Promise<void>) => void {
  return (name, check) =>
    test(name, async ({ skip }) => {
      await orSkip(skip, 'pg_dump', async () => {
        const reason = why();
        if (reason !== undefined) throw new Error(reason);
      });
      await check();
    });
}
