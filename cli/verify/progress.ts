import { MultiBar, Presets, type SingleBar } from 'cli-progress';
import type { VerifyProgress } from '../../services/control/verify/verify-tables.js';
import { finished } from './print-report.js';

export interface ProgressDisplay {
  show(progress: VerifyProgress): void;
  /** Reading stands still, or goes on. */
  pause(why: string | undefined): void;
  close(): void;
}

/** On standard error: the report stays alone on standard output. */
export async function whileShown<T>(work: (display: ProgressDisplay) => Promise<T>): Promise<T> {
  const display = process.stderr.isTTY ? progressBars() : progressLines();
  try {
    return await work(display);
  } finally {
    display.close();
  }
}

function progressLines(): ProgressDisplay {
  const say = (line: string) => void process.stderr.write(`${line}\n`);
  return {
    show: ({ report }) => void (report && say(finished(report))),
    pause: (why) => say(pauseLine(why)),
    close: () => {},
  };
}

function pauseLine(why: string | undefined): string {
  return why === undefined ? 'reading goes on' : `reading pauses: ${why}`;
}

/** A bar for each table that is being read, and a line for each that is done. */
function progressBars(): ProgressDisplay {
  const bars = new MultiBar(
    {
      format: '{bar} {percentage}% | {value}/{total} rows | {table}{paused}',
      barsize: 24,
      clearOnComplete: true,
      gracefulExit: false,
    },
    Presets.shades_classic,
  );
  const running = new Map<string, SingleBar>();
  let paused = '';
  return {
    show({ source, target, rows, estimatedRows, report }) {
      // Several tables may be merged into one.
      const name = `${source} -> ${target}`;
      const bar = running.get(name) ?? bars.create(estimatedRows ?? 0, 0, { table: target, paused });
      running.set(name, bar);
      // The estimate may be stale, and the table grows.
      bar.setTotal(Math.max(estimatedRows ?? 0, rows, 1));
      bar.update(rows);
      if (!report) return;
      bars.log(`${finished(report)}\n`);
      bars.remove(bar);
      running.delete(name);
    },
    pause(why) {
      paused = why === undefined ? '' : ` | paused: ${why}`;
      for (const bar of running.values()) bar.update({ paused });
    },
    close: () => bars.stop(),
  };
}
