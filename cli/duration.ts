import { InvalidArgumentError } from 'commander';

/** Reads `10s`, `500ms`, `2m`; @returns ms. */
export function parseDuration(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m)$/.exec(text);
  if (!match) throw new InvalidArgumentError('Write it like 500ms, 10s or 2m.');
  const ms = Number(match[1]) * { ms: 1, s: 1_000, m: 60_000 }[match[2] as 'ms' | 's' | 'm'];
  if (ms <= 0) throw new InvalidArgumentError('It must be more than nothing.');
  return ms;
}
