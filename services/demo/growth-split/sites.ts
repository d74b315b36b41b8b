import { removeAt, type Transaction } from '../application.js';
import { oddText } from '../random.js';
import type { Kind, KnownRows } from './known-rows.js';
import { NAMES } from './names.js';

const SITES = 5;
const SECTIONS = 3;

const INSERT_SECTION = `INSERT INTO microsite_sections (microsite_slug, type, position, heading, body)
  VALUES ($1, $2, $3, $4, $5)`;

/** A site with sections and a generation job, each referring to the other: the circle, in one transaction. */
const addSite: Kind = async (transaction) => {
  const { random, known } = transaction;
  const { slug } = await transaction.changeOne<{ slug: string }>(
    "INSERT INTO microsites (slug, owner_id, title) VALUES ('own ' || gen_random_uuid(), $1, $2) RETURNING slug",
    [random.pick(known.users), oddText(random)],
  );
  for (let position = 0; position < SECTIONS; position++) await addSection(transaction, slug, position);
  await generate(transaction, slug);
  return () => void known.sites.push(slug);
};

/** A new key for a site; the source's foreign keys carry it to its sections and generation jobs. */
export const renameSite: Kind = async (transaction) => {
  const { random, known } = transaction;
  if (known.sites.length < SITES) return addSite(transaction);
  const index = random.below(known.sites.length);
  const { slug } = await transaction.changeOne<{ slug: string }>(
    "UPDATE microsites SET slug = 'renamed ' || gen_random_uuid() WHERE slug = $1 RETURNING slug",
    [known.sites[index]],
  );
  return () => {
    known.sites[index] = slug;
  };
};

/** Another generation job becomes the current one, and a section gives its unique position to a new one. */
export const regenerateSite: Kind = async (transaction) => {
  const { random, known } = transaction;
  if (known.sites.length < SITES) return addSite(transaction);
  const slug = random.pick(known.sites);
  const position = random.below(SECTIONS);
  await transaction.changeOne('DELETE FROM microsite_sections WHERE microsite_slug = $1 AND position = $2', [
    slug,
    position,
  ]);
  await addSection(transaction, slug, position);
  await generate(transaction, slug);
  return () => {};
};

/** Deletes a site, and by the foreign keys what belongs to it. */
export const removeSite: Kind = async (transaction) => {
  const { random, known } = transaction;
  if (known.sites.length < SITES) return addSite(transaction);
  const index = random.below(known.sites.length);
  await transaction.changeOne('DELETE FROM microsites WHERE slug = $1', [known.sites[index]]);
  return () => removeAt(known.sites, index);
};

async function addSection(transaction: Transaction<KnownRows>, slug: string, position: number): Promise<void> {
  const { random } = transaction;
  const type = random.pick(['hero', 'faq', 'call-to-action']);
  await transaction.changeOne(INSERT_SECTION, [slug, type, position, oddText(random), oddText(random)]);
}

async function generate(transaction: Transaction<KnownRows>, slug: string): Promise<void> {
  const { random, known, side } = transaction;
  const { id } = await transaction.changeOne<{ id: string }>(
    `INSERT INTO generation_jobs (${NAMES[side].jobSite}, prompt_id, status, model, tokens_used, cost, started_at)
     VALUES ($1, $2, 'running', 'small', 9007199254740993, $3, now()) RETURNING id`,
    [slug, random.pick(known.prompts), random.below(10_000) / 10_000],
  );
  await transaction.changeOne('UPDATE microsites SET current_job_id = $2 WHERE slug = $1', [slug, id]);
}
