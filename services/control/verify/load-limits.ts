/** What verification may not read above: of the pipeline's lag, and of the source's sessions. */
export interface LoadLimits {
  readonly lagBytes?: number;
  readonly lagMs?: number;
  /** Sessions of the source, of all its databases. */
  readonly connections?: number;
  /** The same, of its max_connections. */
  readonly connectionsPercent?: number;
  /** Sessions of the source that run a query, ours left out. */
  readonly active?: number;
}

/** What there is of each, now. */
export interface Load {
  /** Null where it is not known: unknown is never zero. */
  readonly lagBytes: number | null;
  readonly lagMs: number | null;
  readonly connections: number;
  readonly maxConnections: number;
  readonly active: number;
}

const DURATIONS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 } as const;
const SIZES = { kB: 1024, MB: 1024 ** 2, GB: 1024 ** 3 } as const;

/**
 * Reads `lag=30s,connections=80%,active=20`; a lag may be a size, `lag=64MB`, too.
 * @returns undefined for what is nothing of that kind.
 */
export function parseLoadLimits(text: string): LoadLimits | undefined {
  const limits: { -readonly [K in keyof LoadLimits]: number } = {};
  for (const entry of text.split(',')) {
    const [, name, digits, unit] = /^(lag|connections|active)=(\d+(?:\.\d+)?)(ms|s|m|h|kB|MB|GB|%)?$/.exec(entry) ?? [];
    const value = Number(digits);
    if (name === 'lag' && unit && unit in DURATIONS) limits.lagMs = value * DURATIONS[unit as keyof typeof DURATIONS];
    else if (name === 'lag' && unit && unit in SIZES) limits.lagBytes = value * SIZES[unit as keyof typeof SIZES];
    else if (name === 'connections' && unit === '%') limits.connectionsPercent = value;
    else if (name === 'connections' && !unit) limits.connections = value;
    else if (name === 'active' && !unit) limits.active = value;
    else return undefined;
  }
  return limits;
}

/** What of a load is above the limits, in words; empty where nothing is. */
export function aboveLimits(load: Load, limits: LoadLimits): string[] {
  const percent = Math.round((load.connections / load.maxConnections) * 100);
  return [
    isAbove(load.lagBytes, limits.lagBytes) && `lag ${mebibytes(load.lagBytes)}, above ${mebibytes(limits.lagBytes!)}`,
    isAbove(load.lagMs, limits.lagMs) && `lag ${seconds(load.lagMs)}, above ${seconds(limits.lagMs!)}`,
    isAbove(load.connections, limits.connections) && `${load.connections} connections, above ${limits.connections}`,
    isAbove(percent, limits.connectionsPercent) && `${percent}% of connections, above ${limits.connectionsPercent}%`,
    isAbove(load.active, limits.active) && `${load.active} active sessions, above ${limits.active}`,
  ].filter((said) => said !== false);
}

function isAbove(value: number | null, limit: number | undefined): boolean {
  return limit !== undefined && (value === null || value > limit);
}

const mebibytes = (bytes: number | null) => (bytes === null ? 'unknown' : `${(bytes / SIZES.MB).toFixed(1)} MB`);
const seconds = (ms: number | null) => (ms === null ? 'unknown' : `${(ms / 1_000).toFixed(1)} s`);
