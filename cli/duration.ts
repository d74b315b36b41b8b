import { InvalidArgumentError } from 'commander';

/** Reads `10s`, `500ms`, `2m`, `1h`; @returns ms. */
export function parseDuration(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/.exec(text);
  if (!match) throw new InvalidArgumentError('Write it like 500ms, 10s, 2m or 1h.');
  const ms = Number(match[1]) * { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 }[match[2] as 'ms' | 's' | 'm' | 'h'];
  if (ms <= 0) throw new InvalidArgumentError('It must be more than nothing.');
  return ms;
}
