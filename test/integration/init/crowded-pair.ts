import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Client } from 'pg';
import { connect } from '../../../platform/postgres.js';
import { type InitResult, initOptions, initPipeline } from '../../../services/control/init/init-pipeline.js';
import { type FreshDatabase, freshDatabase } from '../../support/postgres.js';
import { testServers } from '../../support/servers.js';

/** Two schemas that come together in one, so that names meet; every kind of default, type and constraint. */
export const CROWDED = `
CREATE SCHEMA auth;
CREATE EXTENSION citext SCHEMA public; CREATE EXTENSION pg_trgm SCHEMA public;
CREATE TYPE public.status AS ENUM ('new', 'it''s', '"done"');
CREATE TYPE auth.status AS ENUM ('on', 'off');
CREATE DOMAIN public.email AS public.citext CHECK (VALUE ~ '@');
CREATE TYPE public.address AS (street text, st public.status);
CREATE FUNCTION public.make() RETURNS text LANGUAGE sql AS $$ SELECT 'x' $$;
CREATE FUNCTION public.is_ok(text) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$ SELECT true $$;
CREATE SEQUENCE public.tickets INCREMENT 5;
CREATE TABLE public.users (
  id serial PRIMARY KEY,
  mail public.email NOT NULL UNIQUE,
  st public.status NOT NULL DEFAULT 'new',
  past public.status[] DEFAULT '{new}',
  home public.address,
  code text COLLATE "C" DEFAULT public.make(),
  ticket bigint DEFAULT nextval('public.tickets'),
  note text DEFAULT 'see public.users and nextval(''public.tickets'')',
  lower_note text GENERATED ALWAYS AS (lower(note)) STORED,
  CONSTRAINT code_ok CHECK (public.is_ok(code)),
  CONSTRAINT st_ok CHECK (st <> 'it''s'::public.status),
  CONSTRAINT ticket_ok CHECK (ticket > 0)
);
ALTER TABLE public.users ADD CONSTRAINT late_ok CHECK (length(note) < 1000) NOT VALID;
CREATE INDEX ON public.users (lower(code)) WHERE st = 'new';
CREATE INDEX ON public.users USING gin (note public.gin_trgm_ops);
CREATE INDEX odd_ix ON public.users (public.is_ok(code));
CREATE TABLE auth.users (id bigint GENERATED ALWAYS AS IDENTITY (START 100) PRIMARY KEY, st auth.status NOT NULL DEFAULT 'on');
CREATE TABLE auth.sessions (token text COLLATE "C" NOT NULL, account bigint REFERENCES auth.users ON DELETE CASCADE);
CREATE UNIQUE INDEX sessions_ix ON auth.sessions (token);
ALTER TABLE auth.sessions REPLICA IDENTITY USING INDEX sessions_ix;
CREATE TABLE public."Odd ""Name" ("Id" uuid DEFAULT gen_random_uuid() PRIMARY KEY, "select" int REFERENCES public.users,
  boss uuid REFERENCES public."Odd ""Name" DEFERRABLE INITIALLY DEFERRED, during tstzrange,
  EXCLUDE USING gist (during WITH &&));
CREATE SCHEMA beside; CREATE TABLE beside.elsewhere (id int PRIMARY KEY);
ALTER TABLE public.users ADD COLUMN best int REFERENCES beside.elsewhere;
CREATE UNLOGGED TABLE public.cache (id int PRIMARY KEY);
CREATE TABLE public.keyless (id int);
CREATE VIEW public.names AS SELECT mail FROM public.users;
ALTER TABLE auth.users ENABLE ROW LEVEL SECURITY; CREATE POLICY own ON auth.users USING (true);
`;

export const MAPS = ['public=growth', 'auth=growth', 'auth.users=growth.accounts', 'public."Odd ""Name"=shared.odd'];

/** The crowded source, an empty target, and a directory that does not exist yet. */
export class CrowdedPair {
  private constructor(
    readonly databases: { readonly source: FreshDatabase; readonly target: FreshDatabase },
    readonly source: Client,
    readonly target: Client,
    /** Exists, and is empty. */
    readonly parent: string,
  ) {}

  static async open(): Promise<CrowdedPair> {
    const servers = testServers();
    const source = await freshDatabase(servers.sourceServer, 'init_source');
    const target = await freshDatabase(servers.targetServer, 'init_target');
    const pair = new CrowdedPair(
      { source, target },
      await connect('source', source.url, { applicationName: 'test' }),
      await connect('target', target.url, { applicationName: 'test' }),
      await mkdtemp(join(tmpdir(), 'ferry-init-')),
    );
    await pair.source.query(CROWDED);
    return pair;
  }

  async close(): Promise<void> {
    await this.source.end();
    await this.target.end();
    await this.databases.source.drop();
    await this.databases.target.drop();
    await rm(this.parent, { recursive: true, force: true });
  }

  /** Empties the target and removes the files that the test before has made. */
  async reset(): Promise<void> {
    await this.target.query(`DROP SCHEMA IF EXISTS growth, shared, ranges, ext CASCADE;
      DROP EXTENSION IF EXISTS citext, pg_trgm CASCADE`);
    await rm(this.directory, { recursive: true, force: true });
  }

  get directory(): string {
    return join(this.parent, 'My Split');
  }

  get env(): { SOURCE_URL: string; TARGET_URL: string } {
    return { SOURCE_URL: this.databases.source.url, TARGET_URL: this.databases.target.url };
  }

  /** With --create-target. */
  async init(options: { maps?: string[]; name?: string } = {}): Promise<InitResult> {
    return initPipeline(initOptions({ maps: MAPS, directory: this.directory, ...options }), this);
  }

  initWithoutTarget(): Promise<InitResult> {
    return initPipeline(initOptions({ maps: MAPS, directory: this.directory }), { source: this.source });
  }

  /** The text of a file that init has written. */
  text(path: string): Promise<string> {
    return readFile(join(this.directory, path), 'utf8');
  }

  /** The one column `v` of a query in the target. */
  async column(sql: string): Promise<string[]> {
    return (await this.target.query<{ v: string }>(sql)).rows.map((row) => row.v);
  }

  /** The same, sorted here: what a server sorts depends on its collation. */
  async sorted(sql: string): Promise<string[]> {
    return (await this.column(sql)).sort();
  }
}
