import { isAbsolute, join } from 'node:path';
import { parse } from 'yaml';
import { yamlText } from '../../../core/config/yaml-text.js';
import { WAY_BACK } from '../../../core/way-back.js';

/** What `pipeline.yaml` says: its schema has taken it, before the environment was asked. */
interface WrittenPipeline {
  readonly pipeline: string;
  readonly source: object;
  readonly target: object;
  readonly log?: object;
  readonly capture?: Readonly<Record<string, unknown>>;
  readonly apply?: object;
  readonly http?: { readonly port?: unknown } & Readonly<Record<string, unknown>>;
}

/**
 * The text of a way back's `pipeline.yaml`.
 * @param text of the pipeline that it leads back; references to the environment stay references.
 * @param base the directory of that pipeline, from that of the way back.
 */
export function renderWayBack(text: string, { name, base }: { readonly name: string; readonly base: string }): string {
  const { pipeline, source, target, log, capture, apply, http } = parse(text) as WrittenPipeline;
  // It copies nothing.
  const { snapshotChunkRows: _, snapshotChunkBytes: __, snapshotParallelTables: ___, ...streaming } = capture ?? {};
  const value = {
    pipeline: `${pipeline}${WAY_BACK}`,
    wayBackOf: base,
    source: target,
    target: source,
    ...some('log', log && logOf(log, base)),
    ...some('capture', streaming),
    ...some('apply', apply),
    ...some('http', http && httpOf(http)),
  };
  return yamlText(value, {
    head: [
      `The way back of ${name}: what is written to the new project comes to the old one.`,
      'Written by `ferry way-back`, to be read and corrected; mapping/ says of each table what comes back and what does not.',
    ],
    entries: [
      {
        path: ['wayBackOf'],
        lines: [
          'Where that pipeline is. The tables of both projects are equal when this one begins: it copies nothing.',
        ],
      },
      { path: ['source'], lines: ['The new project.'] },
      { path: ['target'], lines: ['The old project.'] },
      { path: ['log'], lines: [`As ${name} has it; an embedded log is one of its own.`] },
      ...['capture', 'apply', 'http'].map((key) => ({ path: [key], lines: [] })),
    ],
    tail: [],
  });
}

function some<K extends string>(key: K, value: object | undefined): Partial<Record<K, object>> {
  return value && Object.keys(value).length > 0 ? ({ [key]: value } as Record<K, object>) : {};
}

function logOf(log: NonNullable<WrittenPipeline['log']>, base: string): object {
  return withEach(log, {
    tls: (tls) => (tls !== null && typeof tls === 'object' ? tlsOf(tls, base) : tls),
    // A directory holds the log of one pipeline.
    directory: (path) => `${fromHere(path, base)}${WAY_BACK}`,
  });
}

function tlsOf(tls: object, base: string): object {
  const here = (path: unknown) => fromHere(path, base);
  return withEach(tls, { ca: here, cert: here, key: here });
}

/** The same keys in the same order, some with another value. */
function withEach(value: object, changes: Readonly<Record<string, (value: unknown) => unknown>>): object {
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, changes[key]?.(item) ?? item]));
}

/** Both pipelines run at once: a port that is written as such is the other one's. */
function httpOf({ port, ...rest }: NonNullable<WrittenPipeline['http']>): object {
  return typeof port === 'string' && port.includes('${') ? { ...rest, port } : rest;
}

/** A path of the other pipeline's file. What the environment gives is left as it is. */
function fromHere(path: unknown, base: string): unknown {
  if (typeof path !== 'string') return path;
  const [, before, fallback, after] = /^(\$\{\w+:-)([^}]*)(\})$/.exec(path) ?? [];
  if (fallback !== undefined) return `${before}${moved(fallback, base)}${after}`;
  return path.includes('${') ? path : moved(path, base);
}

function moved(path: string, base: string): string {
  return path === '' || path === 'system' || isAbsolute(path) ? path : join(base, path);
}
