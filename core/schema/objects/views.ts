import type { SyntaxNode } from '../grammar.js';
import { type DumpStatement, rangePlace } from '../inventory.js';
import type { Mover } from '../mover.js';
import type { Written } from '../phase.js';

/** Views, and materialized views, which are filled at once: their tables have been copied. */
export function writeView(statement: DumpStatement, mover: Mover): Written[] {
  const { kind, node } = statement;
  const isMaterialized = kind === 'CreateTableAsStmt';
  const view = mover.find('relation', rangePlace(isMaterialized ? (node.into as SyntaxNode).rel : node.view));
  const moved = view && mover.moveObject(statement, view, ({ schema }) => mover.move(statement, schema));
  if (!moved) return [];
  const phase = 'functions_and_views';
  if (!isMaterialized) return [{ phase, sql: moved.sql.replace(/^CREATE VIEW /, 'CREATE OR REPLACE VIEW ') }];
  return [
    { phase, sql: moved.sql.replace(/^CREATE MATERIALIZED VIEW /, 'CREATE MATERIALIZED VIEW IF NOT EXISTS ') },
    { phase, sql: `REFRESH MATERIALIZED VIEW ${mover.name(moved.place)}` },
  ];
}
