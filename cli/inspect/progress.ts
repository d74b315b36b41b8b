import { SingleBar } from 'cli-progress';
import type { OnProgress } from '../../services/control/inspect/read-source.js';

/** A bar where a person looks, a line a step everywhere; on standard error. */
export function inspectProgress(): { readonly show: OnProgress; close(): void } {
  const format = '  {bar} {value} of {total} tables {table}';
  const bar = new SingleBar({ format, stream: process.stderr, clearOnComplete: true });
  let said = '';
  return {
    show({ doing, sample }) {
      if (doing !== said) process.stderr.write(`${doing}\n`);
      said = doing;
      if (!process.stderr.isTTY) return;
      if (!sample) return bar.stop();
      if (sample.done === 0) bar.start(sample.of, 0, { table: sample.table });
      bar.update(sample.done, { table: sample.table });
    },
    close: () => bar.stop(),
  };
}
