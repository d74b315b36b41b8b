import { removeAt, type Transaction } from '../application.js';
import { longText, oddText, type Random } from '../random.js';
import type { Kind, KnownRows, OwnEntity } from './known-rows.js';

const INSERT_ENTITY = `INSERT INTO entities (owner_id, type, name, aliases, attributes, score)
  VALUES ($1, $2, $3, $4, $5, $6) RETURNING id`;
const INSERT_ARTIFACT = `INSERT INTO artifacts (entity_id, type, title, content, checksum)
  VALUES ($1, $2, $3, $4, $5) RETURNING id`;
const INSERT_TAGS = 'INSERT INTO entity_tags (entity_id, tag_id, weight) SELECT $1, unnest($2::bigint[]), $3';

/** An entity with an artifact and two tags: four tables with the log. One content in four is long. */
export const addEntity: Kind = async (transaction) => {
  const entity = await insertEntity(transaction, transaction.random.pick(transaction.known.users));
  return () => void transaction.known.entities.push(entity);
};

/** A user and the user's first entity: one transaction over two domain schemas. */
export const addUser: Kind = async (transaction) => {
  const { random, known } = transaction;
  const { id } = await transaction.changeOne<{ id: string }>(
    'INSERT INTO users (email, display_name, preferences) VALUES (gen_random_uuid() || $1, $2, $3) RETURNING id',
    ['@example.net', oddText(random), { theme: oddText(random) }],
  );
  const entity = await insertEntity(transaction, id);
  return () => {
    known.users.push(id);
    known.entities.push(entity);
  };
};

/** Deletes an entity, and by the foreign keys its artifact, its tags and the artifact's comments. */
export const removeEntity: Kind = async (transaction) => {
  const { known, random } = transaction;
  if (known.entities.length === 0) return addEntity(transaction);
  const index = random.below(known.entities.length);
  await transaction.changeOne('DELETE FROM entities WHERE id = $1', [known.entities[index]!.id]);
  return () => removeAt(known.entities, index);
};

/** Changes the key of a row whose key has two columns; one time in three by deleting the row and making it again. */
export const retag: Kind = async (transaction) => {
  const { known, random } = transaction;
  if (known.entities.length === 0) return addEntity(transaction);
  const entity = random.pick(known.entities);
  const [kept, replaced] = entity.tags;
  if (random.below(3) === 0) {
    await transaction.changeOne('DELETE FROM entity_tags WHERE entity_id = $1 AND tag_id = $2', [entity.id, replaced]);
    await transaction.query(INSERT_TAGS, [entity.id, [replaced], random.below(1_000) / 8]);
    return () => {};
  }
  const tag = otherThan(known.tags, [kept!, replaced!], random);
  await transaction.changeOne('UPDATE entity_tags SET tag_id = $3 WHERE entity_id = $1 AND tag_id = $2', [
    entity.id,
    replaced,
    tag,
  ]);
  return () => {
    entity.tags = [tag, kept!];
  };
};

/** An update that leaves a long content alone: the WAL does not carry it. */
export const touchArtifact: Kind = async (transaction) => {
  const { random } = transaction;
  await transaction.changeOne('UPDATE artifacts SET title = $2, metadata = metadata || $3 WHERE id = $1', [
    random.pick(transaction.known.artifacts),
    oddText(random),
    { touched: random.below(1_000_000) },
  ]);
  return () => {};
};

export const rewriteArtifact: Kind = async (transaction) => {
  const { random } = transaction;
  await transaction.changeOne('UPDATE artifacts SET content = $2, summary = NULL WHERE id = $1', [
    random.pick(transaction.known.artifacts),
    longText(random),
  ]);
  return () => {};
};

async function insertEntity(transaction: Transaction<KnownRows>, owner: string): Promise<OwnEntity> {
  const { random, known } = transaction;
  const { id } = await transaction.changeOne<{ id: string }>(INSERT_ENTITY, [
    owner,
    random.pick(['company', 'person', 'Wettbewerber (extern)']),
    `${oddText(random)} ${random.below(1_000_000)}`,
    [oddText(random), null],
    { note: oddText(random), n: random.below(1_000) },
    random.next(),
  ]);
  const { id: artifact } = await transaction.changeOne<{ id: string }>(INSERT_ARTIFACT, [
    id,
    random.pick(['brief', 'draft', 'image']),
    oddText(random),
    random.below(4) === 0 ? longText(random) : oddText(random),
    Buffer.from([random.below(256), random.below(256)]),
  ]);
  const first = random.pick(known.tags);
  const tags = [first, otherThan(known.tags, [first], random)];
  await transaction.query(INSERT_TAGS, [id, tags, random.below(1_000) / 8]);
  return { id, artifact, tags };
}

function otherThan(all: readonly string[], taken: readonly string[], random: Random): string {
  let index = random.below(all.length);
  while (taken.includes(all[index]!)) index = (index + 1) % all.length;
  return all[index]!;
}
