import { type Document, isMap, parseDocument } from 'yaml';
import { FerryError } from '../errors.js';
import { formatQualifiedName, type QualifiedName } from '../relation.js';
import { literal } from './env-references.js';
import type { ConfigFile } from './pipeline.js';

/** A table that joins the mapping. */
export interface MappingEntry {
  readonly source: QualifiedName;
  readonly target: QualifiedName;
  /** Source column -> target column. */
  readonly rename: Readonly<Record<string, string>>;
}

/**
 * Adds a table to a mapping file; comments and everything else in it stay.
 * @param file of the entry's domain schema.
 */
export function withTable(file: ConfigFile, { source, target, rename }: MappingEntry): ConfigFile {
  const document = parse(file);
  // Keys are taken as they are written.
  const renamed = Object.entries(rename).map(([from, to]) => [from, literal(to)]);
  const entry = {
    from: literal(formatQualifiedName(source)),
    ...(renamed.length > 0 ? { rename: Object.fromEntries(renamed) } : {}),
  };
  const tables = document.get('tables');
  if (isMap(tables) && tables.items.length === 0) tables.flow = false;
  document.setIn(['tables', target.table], document.createNode(entry));
  return { ...file, text: document.toString(LAYOUT) };
}

/** Takes a table out of a mapping file; comments of others stay. */
export function withoutTable(file: ConfigFile, table: string): ConfigFile {
  const document = parse(file);
  document.deleteIn(['tables', table]);
  return { ...file, text: document.toString(LAYOUT) };
}

/** Raises the version of the mapping in `pipeline.yaml`; comments and everything else in it stay. */
export function withMappingVersion(file: ConfigFile, version: number): ConfigFile {
  const document = parse(file);
  if (document.get('mappingVersion') === version) return file;
  document.set('mappingVersion', version);
  return { ...file, text: document.toString(LAYOUT) };
}

/** A mapping file of a domain schema that has none. */
export function newMappingFile(path: string, schema: string): ConfigFile {
  const document = parse({ path, text: '' });
  document.contents = document.createNode({ schema: literal(schema), tables: {} });
  return { path, text: document.toString(LAYOUT) };
}

/** The domain schema of a mapping file, as it is written. */
export function schemaOf(file: ConfigFile): unknown {
  return parse(file).get('schema');
}

const LAYOUT = { lineWidth: 0, flowCollectionPadding: false };

function parse({ path, text }: ConfigFile): Document {
  const document = parseDocument(text) as Document;
  const [error] = document.errors;
  if (error) throw new FerryError('config-invalid', `${path}: ${error.message}`);
  return document;
}
