import { SingleBar } from 'cli-progress';
import type { Progress } from '../services/migrate/migrate.js';

/** A bar where a person looks, a line a file everywhere; on standard error. */
export function migrationProgress(): Progress {
  const format = '  {bar} {value} of {total} statements';
  const bar = new SingleBar({ format, stream: process.stderr, clearOnComplete: true });
  const say = (line: string) => process.stderr.write(`${line}\n`);
  return {
    begins: ({ file }) => say(file),
    statement: (_migration, done, total) => {
      if (!process.stderr.isTTY) return;
      if (done === 1) bar.start(total, 0);
      bar.update(done);
      if (done === total) bar.stop();
    },
    again: (_migration, why) => {
      bar.stop();
      say(`  tried again: ${why}`);
    },
    ended: (_migration, { durationMs, statements }) => say(`  applied: ${statements} statements, ${durationMs} ms`),
  };
}
