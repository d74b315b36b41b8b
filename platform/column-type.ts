/**
 * SQL about the type of a column, for queries over `pg_attribute a`.
 */

/** The type that a column's domains are over, as `base (oid, kind)`; of any other column its own type. */
export const BASE_TYPE = `
CROSS JOIN LATERAL (
  WITH RECURSIVE types AS (
    SELECT t.oid, t.typtype, t.typbasetype FROM pg_catalog.pg_type t WHERE t.oid = a.atttypid
    UNION ALL
    SELECT t.oid, t.typtype, t.typbasetype FROM types d JOIN pg_catalog.pg_type t ON t.oid = d.typbasetype
     WHERE d.typtype = 'd')
  SELECT oid, typtype AS kind FROM types WHERE typtype <> 'd') base`;

/** Strategy numbers of a btree operator class. */
export const STRATEGY = { equal: 3, greater: 5 } as const;

/**
 * The operator that the base type's own order has for a strategy, as SQL; NULL where the type has no order of its own:
 * those of enums, arrays, ranges and composites stand in pg_catalog. With an empty search_path a bare `=` or `>` would
 * mean those of another type, that an extension's type can be cast to, and with them another order.
 */
export const operatorOf = (strategy: number): string => `
  (SELECT pg_catalog.format('OPERATOR(%I.%s)', n.nspname, o.oprname)
     FROM pg_catalog.pg_opclass c
     JOIN pg_catalog.pg_am m ON m.oid = c.opcmethod AND m.amname = 'btree'
     JOIN pg_catalog.pg_amop p ON p.amopfamily = c.opcfamily AND p.amoplefttype = c.opcintype
                              AND p.amoprighttype = c.opcintype AND p.amopstrategy = ${strategy}
     JOIN pg_catalog.pg_operator o ON o.oid = p.amopopr
     JOIN pg_catalog.pg_namespace n ON n.oid = o.oprnamespace
    WHERE c.opcdefault AND c.opcintype = base.oid AND n.nspname <> 'pg_catalog')`;

/**
 * Whether equal values have equal text. Numbers with other digits behind the point, -0, 30 days and a month, blanks at an
 * end or letters of another case may be equal: of types that are not known here nobody knows.
 */
export const IS_EQUAL_AS_TEXT = `(
  base.kind = 'e' OR
  (base.oid = 'bpchar'::pg_catalog.regtype AND a.atttypmod > 0) OR
  (base.oid = ANY ('{bool,int2,int4,int8,oid,xid8,pg_lsn,money,uuid,bytea,text,varchar,name,"char",date,time,timetz,
    timestamp,timestamptz,inet,cidr,macaddr,macaddr8,bit,varbit}'::pg_catalog.regtype[])
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_collation l WHERE l.oid = a.attcollation AND NOT l.collisdeterministic)))`;
