import type { Side } from '../../../platform/postgres.js';

/** What one check found. `error` means that the pipeline cannot run, or would lose or refuse data. */
export interface Finding {
  readonly check: string;
  readonly level: 'ok' | 'warn' | 'error';
  readonly side: Side;
  /** The table, type, slot ... that the finding is about; absent when it is the whole server. */
  readonly object?: string;
  readonly message: string;
  /** What to do, as a statement to run where there is one. */
  readonly remedy?: string;
}

export interface FindingOptions {
  readonly object?: string;
  readonly remedy?: string;
}

/** Makes the findings of one check. */
export interface Report {
  ok(message: string, options?: FindingOptions): Finding;
  warn(message: string, options?: FindingOptions): Finding;
  error(message: string, options?: FindingOptions): Finding;
}

export function reportOf(check: string, side: Side): Report {
  const at =
    (level: Finding['level']) =>
    (message: string, options: FindingOptions = {}): Finding => ({ check, level, side, message, ...options });
  return { ok: at('ok'), warn: at('warn'), error: at('error') };
}

/** `3 tables`, `1 table`. */
export function counted(count: number, thing: string): string {
  return `${count} ${thing}${count === 1 ? '' : 's'}`;
}

/** The first few of many names, so that a message stays a line. */
export function listed(names: readonly string[], limit = 10): string {
  const rest = names.length - limit;
  return names.slice(0, limit).join(', ') + (rest > 0 ? ` and ${rest} more` : '');
}
