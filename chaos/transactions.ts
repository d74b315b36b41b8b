import { quoteIdentifier } from '../platform/postgres.js';
import type { Random } from '../test/support/random.js';
import { entriesSql, specialStatement } from './special-tables.js';
import { insertSql, KEYS, type RandomTable, randomValue } from './tables.js';

/** A transaction of one to four statements over some of the tables, at times with a part that is taken back. */
export function randomTransaction(tables: readonly RandomTable[], random: Random): string {
  const statements: string[] = [];
  for (let i = random.int(1, 4); i > 0; i--) {
    const statement = random.next() < SPECIAL ? specialStatement(random) : randomStatement(random.pick(tables), random);
    const isTakenBack = random.next() < 0.1;
    statements.push(isTakenBack ? `SAVEPOINT s; ${statement}; ROLLBACK TO SAVEPOINT s` : statement);
  }
  statements.push(entriesSql(`${statements.length} statements`));
  return statements.join(';\n');
}

/** Statements on tables that are not random ones. */
const SPECIAL = 0.15;

type Statement = (table: RandomTable, random: Random) => string;

const insert: Statement = (table, random) => `${insertSql(table, random, someKey(random))} ON CONFLICT DO NOTHING`;

const upsert: Statement = (table, random) => {
  const key = table.key.map(({ name }) => quoteIdentifier(name)).join(', ');
  return `${insertSql(table, random, someKey(random))} ON CONFLICT (${key}) DO UPDATE SET ${assignments(table, random)}`;
};

const update: Statement = (table, random) =>
  `UPDATE ${nameOf(table)} SET ${assignments(table, random)} WHERE ${keyIs(table, someKey(random))}`;

const updateMany: Statement = (table, random) => `UPDATE ${nameOf(table)} SET n = n + 1 WHERE n = ${random.int(1, 4)}`;

/** Where the new key is free. */
const moveKey: Statement = (table, random) => moveSql(table, someKey(random), someKey(random));

/** Two rows take each other's key, by way of a third one. */
const swapKeys: Statement = (table, random) => {
  const [one, other, between] = [someKey(random), someKey(random), KEYS + 1];
  return [moveSql(table, one, between), moveSql(table, other, one), moveSql(table, between, other)].join('; ');
};

const remove: Statement = (table, random) => `DELETE FROM ${nameOf(table)} WHERE ${keyIs(table, someKey(random))}`;

const removeMany: Statement = (table, random) => `DELETE FROM ${nameOf(table)} WHERE n = ${random.int(1, 4)}`;

const comeBack: Statement = (table, random) => {
  const key = someKey(random);
  return `DELETE FROM ${nameOf(table)} WHERE ${keyIs(table, key)}; ${insertSql(table, random, key)} ON CONFLICT DO NOTHING`;
};

const passUniqueValue: Statement = (table, random) => {
  if (table.isPartitioned) return update(table, random);
  return `UPDATE ${nameOf(table)} SET best = NULL WHERE best = 'best';
   UPDATE ${nameOf(table)} SET best = 'best' WHERE ${keyIs(table, someKey(random))}`;
};

const truncate: Statement = (table) => `TRUNCATE ${nameOf(table)}`;

/** Each as often as its number says. */
const STATEMENTS: readonly (readonly [number, Statement])[] = [
  [25, insert],
  [15, upsert],
  [25, update],
  [3, updateMany],
  [8, moveKey],
  [4, swapKeys],
  [8, remove],
  [1, removeMany],
  [4, comeBack],
  // A batch in which it folds is applied change by change.
  [0.5, passUniqueValue],
  [0.2, truncate],
];
const TOTAL = STATEMENTS.reduce((sum, [weight]) => sum + weight, 0);

function randomStatement(table: RandomTable, random: Random): string {
  let at = random.next() * TOTAL;
  for (const [weight, statement] of STATEMENTS) {
    at -= weight;
    if (at < 0) return statement(table, random);
  }
  return insert(table, random);
}

const someKey = (random: Random) => random.int(1, KEYS);
const nameOf = (table: RandomTable) => `public.${quoteIdentifier(table.name)}`;
const keyIs = (table: RandomTable, n: number) =>
  table.key.map(({ name, value }) => `${quoteIdentifier(name)} = ${value(n)}`).join(' AND ');

function moveSql(table: RandomTable, from: number, to: number): string {
  const set = table.key.map(({ name, value }) => `${quoteIdentifier(name)} = ${value(to)}`).join(', ');
  return `UPDATE ${nameOf(table)} SET ${set} WHERE ${keyIs(table, from)}
    AND NOT EXISTS (SELECT FROM ${nameOf(table)} WHERE ${keyIs(table, to)})`;
}

/** Of one to three columns: what is large stays unchanged in most updates. */
function assignments(table: RandomTable, random: Random): string {
  const chosen = new Set(Array.from({ length: random.int(1, 3) }, () => random.pick(table.columns)));
  return [...chosen]
    .map(({ name, type, values }) => `${quoteIdentifier(name)} = (${randomValue(values, random)})::${type}`)
    .join(', ');
}
