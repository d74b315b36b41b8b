-- The new project of the growth split, before the copy: schemas, types, tables with their primary keys, defaults,
-- identities, unique and check constraints, functions, updated_at triggers, row level security and grants. Foreign
-- keys and secondary indexes follow in the files behind. One transaction; may run again, and then changes nothing.

CREATE SCHEMA IF NOT EXISTS growth;
CREATE SCHEMA IF NOT EXISTS engineering;
CREATE SCHEMA IF NOT EXISTS product;
CREATE SCHEMA IF NOT EXISTS shared;
COMMENT ON SCHEMA growth IS 'Growth mode: what stood in public';
COMMENT ON SCHEMA engineering IS 'Engineering mode: empty at first';
COMMENT ON SCHEMA product IS 'Product mode: a placeholder';
COMMENT ON SCHEMA shared IS 'What all modes share: users, activity, links between modes, configuration';

-- Roles and auth.uid() as Supabase has them; made only where they are missing.
DO $$
DECLARE
  role_name text;
BEGIN
  FOREACH role_name IN ARRAY ARRAY['anon', 'authenticated', 'service_role'] LOOP
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = role_name) THEN
      BEGIN
        EXECUTE format('CREATE ROLE %I NOLOGIN', role_name);
      EXCEPTION WHEN duplicate_object OR unique_violation THEN
        NULL; -- Another session of the same cluster made it meanwhile.
      END;
    END IF;
  END LOOP;
  IF to_regprocedure('auth.uid()') IS NULL THEN
    CREATE SCHEMA IF NOT EXISTS auth;
    CREATE FUNCTION auth.uid() RETURNS uuid LANGUAGE sql STABLE
      AS $uid$ SELECT nullif(pg_catalog.current_setting('request.jwt.claim.sub', true), '')::uuid $uid$;
    GRANT USAGE ON SCHEMA auth TO anon, authenticated, service_role;
  END IF;
END $$;

-- The enums move with the tables that use them; engineering has its own kinds of things.
DO $$
BEGIN
  IF to_regtype('growth.entity_type') IS NULL THEN
    CREATE TYPE growth.entity_type AS ENUM ('company', 'person', 'product', 'campaign', 'Wettbewerber (extern)');
  END IF;
  IF to_regtype('growth.artifact_type') IS NULL THEN
    CREATE TYPE growth.artifact_type AS ENUM ('brief', 'transcript', 'report', 'draft', 'image');
  END IF;
  IF to_regtype('growth.job_status') IS NULL THEN
    CREATE TYPE growth.job_status AS ENUM ('queued', 'running', 'done', 'failed', 'cancelled');
  END IF;
  IF to_regtype('growth.section_type') IS NULL THEN
    CREATE TYPE growth.section_type AS ENUM ('hero', 'features', 'pricing', 'faq', 'call-to-action');
  END IF;
  IF to_regtype('engineering.entity_type') IS NULL THEN
    CREATE TYPE engineering.entity_type AS ENUM ('service', 'repository', 'incident', 'runbook');
  END IF;
END $$;

-- ---------------------------------------------------------------------------------------------------------- shared

CREATE TABLE IF NOT EXISTS shared.users (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  email text NOT NULL UNIQUE,
  display_name text,
  role text NOT NULL DEFAULT 'member' CHECK (role IN ('admin', 'member', 'viewer')),
  is_active boolean NOT NULL DEFAULT true,
  avatar bytea,
  preferences jsonb NOT NULL DEFAULT '{}',
  joined_on date NOT NULL DEFAULT CURRENT_DATE,
  last_seen_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE IF NOT EXISTS shared.activity_log (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  request_id uuid NOT NULL UNIQUE,
  actor_id uuid,
  action text NOT NULL,
  subject text,
  detail jsonb,
  ip inet,
  happened_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE TABLE IF NOT EXISTS shared.cross_links (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  source_mode text NOT NULL CHECK (source_mode IN ('growth', 'engineering', 'product')),
  source_type text NOT NULL,
  source_id uuid NOT NULL,
  target_mode text NOT NULL CHECK (target_mode IN ('growth', 'engineering', 'product')),
  target_type text NOT NULL,
  target_id uuid NOT NULL,
  link_type text NOT NULL,
  confidence double precision CHECK (confidence >= 0 AND confidence <= 1),
  created_by uuid,
  created_at timestamptz DEFAULT now(),
  metadata jsonb DEFAULT '{}',
  UNIQUE (source_mode, source_id, target_mode, target_id, link_type)
);

CREATE TABLE IF NOT EXISTS shared.mode_config (
  mode text PRIMARY KEY CHECK (mode IN ('growth', 'engineering', 'product')),
  display_name text NOT NULL,
  is_enabled boolean NOT NULL DEFAULT false,
  settings jsonb NOT NULL DEFAULT '{}',
  updated_at timestamptz NOT NULL DEFAULT now()
);
INSERT INTO shared.mode_config (mode, display_name, is_enabled)
VALUES ('growth', 'Growth', true), ('engineering', 'Engineering', false), ('product', 'Product', false)
ON CONFLICT (mode) DO NOTHING;

-- ---------------------------------------------------------------------------------------------------------- growth

CREATE TABLE IF NOT EXISTS growth.entities (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  owner_id uuid NOT NULL,
  parent_id uuid,
  type growth.entity_type NOT NULL,
  name text NOT NULL,
  name_key text GENERATED ALWAYS AS (lower(name COLLATE "C")) STORED,
  aliases text[] NOT NULL DEFAULT '{}',
  attributes jsonb,
  score double precision,
  is_archived boolean,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);

-- Its columns stand in another order than in the old project: what is always there first, the content last.
CREATE TABLE IF NOT EXISTS growth.artifacts (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  entity_id uuid NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  version integer NOT NULL DEFAULT 1 CHECK (version > 0),
  type growth.artifact_type NOT NULL,
  title text NOT NULL,
  metadata jsonb NOT NULL DEFAULT '{}',
  checksum bytea,
  summary text,
  content text,
  UNIQUE (entity_id, type, version)
);
ALTER TABLE growth.artifacts ALTER COLUMN content SET STORAGE EXTERNAL;

CREATE TABLE IF NOT EXISTS growth.artifact_comments (
  id bigint GENERATED BY DEFAULT AS IDENTITY (START WITH 9007199254740993) PRIMARY KEY,
  artifact_id uuid NOT NULL,
  author_id uuid NOT NULL,
  parent_id bigint,
  body text NOT NULL,
  reactions jsonb,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE IF NOT EXISTS growth.jobs (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  kind text NOT NULL,
  status growth.job_status NOT NULL DEFAULT 'queued',
  priority smallint NOT NULL DEFAULT 0,
  payload jsonb,
  attempts integer NOT NULL DEFAULT 0,
  max_duration interval,
  run_at timestamptz NOT NULL DEFAULT now(),
  locked_by uuid,
  error text,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE IF NOT EXISTS growth.templates (
  id serial PRIMARY KEY,
  name text NOT NULL UNIQUE,
  sections growth.section_type[] NOT NULL DEFAULT '{}',
  body text NOT NULL DEFAULT '',
  is_default boolean NOT NULL DEFAULT false,
  valid_from date,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE IF NOT EXISTS growth.prompts (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  name text NOT NULL UNIQUE,
  body text NOT NULL,
  temperature real,
  weight numeric,
  max_tokens integer,
  stop_sequences text[],
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE IF NOT EXISTS growth.microsites (
  slug text PRIMARY KEY CHECK (slug <> ''),
  owner_id uuid NOT NULL,
  entity_id uuid,
  template_id integer,
  current_job_id bigint,
  title text NOT NULL,
  theme jsonb NOT NULL DEFAULT '{}',
  custom_domain text UNIQUE,
  monthly_cost numeric(18,4) NOT NULL DEFAULT 0,
  is_published boolean NOT NULL DEFAULT false,
  launched_on date,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE IF NOT EXISTS growth.generation_jobs (
  id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
  microsite_slug text NOT NULL,
  prompt_id uuid,
  status growth.job_status NOT NULL DEFAULT 'queued',
  model text NOT NULL,
  tokens_used bigint,
  cost numeric(18,4),
  duration interval,
  log text,
  started_at timestamptz,
  finished_at timestamptz,
  CHECK (finished_at >= started_at)
);

CREATE TABLE IF NOT EXISTS growth.microsite_sections (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  microsite_slug text NOT NULL,
  type growth.section_type NOT NULL,
  position integer NOT NULL CHECK (position >= 0),
  heading text,
  body text NOT NULL DEFAULT '',
  settings jsonb,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (microsite_slug, position)
);

CREATE TABLE IF NOT EXISTS growth.tags (
  id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
  label text NOT NULL UNIQUE,
  color char(7) CHECK (color ~ '^#[0-9a-f]{6}$'),
  created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE IF NOT EXISTS growth.entity_tags (
  entity_id uuid NOT NULL,
  tag_id bigint NOT NULL,
  weight numeric(18,4) NOT NULL DEFAULT 1,
  added_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (entity_id, tag_id)
);

CREATE TABLE IF NOT EXISTS growth.credit_accounts (
  id integer PRIMARY KEY,
  owner_id uuid NOT NULL,
  balance numeric(18,4) NOT NULL CHECK (balance >= 0),
  transfers bigint NOT NULL DEFAULT 0,
  updated_at timestamptz NOT NULL DEFAULT now()
);

-- ----------------------------------------------------------------------------------------- engineering and product

CREATE TABLE IF NOT EXISTS engineering.entities (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  owner_id uuid NOT NULL,
  type engineering.entity_type NOT NULL,
  name text NOT NULL,
  attributes jsonb NOT NULL DEFAULT '{}',
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE IF NOT EXISTS engineering.artifacts (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  entity_id uuid NOT NULL,
  title text NOT NULL,
  content text,
  metadata jsonb NOT NULL DEFAULT '{}',
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE IF NOT EXISTS engineering.jobs (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  kind text NOT NULL,
  status text NOT NULL DEFAULT 'queued' CHECK (status IN ('queued', 'running', 'done', 'failed', 'cancelled')),
  payload jsonb,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE IF NOT EXISTS engineering.wiki_pages (
  slug text PRIMARY KEY,
  title text NOT NULL,
  body text NOT NULL DEFAULT '',
  author_id uuid,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE IF NOT EXISTS product.entities (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  owner_id uuid NOT NULL,
  name text NOT NULL,
  attributes jsonb NOT NULL DEFAULT '{}',
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE IF NOT EXISTS product.artifacts (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  entity_id uuid NOT NULL,
  title text NOT NULL,
  content text,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);

-- -------------------------------------------------------------------------------------------- functions and triggers

-- Every name is qualified and search_path is empty, so that no mode reaches into another by accident.
CREATE OR REPLACE FUNCTION shared.set_updated_at() RETURNS trigger LANGUAGE plpgsql SET search_path = '' AS $$
BEGIN
  NEW.updated_at := clock_timestamp();
  RETURN NEW;
END $$;

CREATE OR REPLACE FUNCTION shared.is_admin() RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER SET search_path = '' AS $$
  SELECT EXISTS (SELECT FROM shared.users WHERE id = auth.uid() AND role = 'admin' AND is_active)
$$;

CREATE OR REPLACE FUNCTION growth.entity_artifact_count(entity uuid) RETURNS bigint LANGUAGE sql STABLE SET search_path = '' AS $$
  SELECT count(*) FROM growth.artifacts WHERE entity_id = entity
$$;

CREATE OR REPLACE FUNCTION growth.publish_microsite(site text) RETURNS void LANGUAGE sql SET search_path = '' AS $$
  UPDATE growth.microsites SET is_published = true, launched_on = coalesce(launched_on, CURRENT_DATE) WHERE slug = site
$$;

-- Every table that has the column gets the trigger. Apply's sessions do not fire it: copied rows keep their time.
DO $$
DECLARE
  relation record;
BEGIN
  FOR relation IN
    SELECT n.nspname AS schema_name, c.relname AS table_name
    FROM pg_catalog.pg_class c
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attname = 'updated_at' AND NOT a.attisdropped
    WHERE n.nspname IN ('growth', 'engineering', 'product', 'shared') AND c.relkind = 'r'
      AND NOT EXISTS (SELECT FROM pg_catalog.pg_trigger t WHERE t.tgrelid = c.oid AND t.tgname = c.relname || '_set_updated_at')
  LOOP
    EXECUTE format('CREATE TRIGGER %I BEFORE UPDATE ON %I.%I FOR EACH ROW EXECUTE FUNCTION shared.set_updated_at()',
      relation.table_name || '_set_updated_at', relation.schema_name, relation.table_name);
  END LOOP;
END $$;

-- ---------------------------------------------------------------------------------------------- row level security

-- Before the rows come, so that none is ever open to everybody. Everybody signed in reads; owners and admins write;
-- service_role does all. Apply writes as the tables' owner, whom policies do not hold.
DO $$
DECLARE
  wanted record;
BEGIN
  FOR wanted IN
    SELECT c.oid::regclass AS table_name, policy.name, policy.definition, c.relrowsecurity AS is_enabled,
           EXISTS (SELECT FROM pg_catalog.pg_policy p WHERE p.polrelid = c.oid AND p.polname = policy.name) AS is_there
    FROM pg_catalog.pg_class c
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    CROSS JOIN LATERAL (VALUES
      ('Users can read', 'FOR SELECT TO authenticated USING (true)', true),
      ('Service role does all', 'TO service_role USING (true) WITH CHECK (true)', true),
      ('Owners can write', 'TO authenticated USING (owner_id = auth.uid() OR shared.is_admin()) WITH CHECK (owner_id = auth.uid() OR shared.is_admin())',
        (n.nspname, c.relname) IN (('growth', 'entities'), ('growth', 'microsites'), ('engineering', 'entities'), ('product', 'entities'))),
      ('Users can update themselves', 'FOR UPDATE TO authenticated USING (id = auth.uid()) WITH CHECK (id = auth.uid())',
        (n.nspname, c.relname) = ('shared', 'users')),
      ('Users can create cross_links', 'FOR INSERT TO authenticated WITH CHECK (auth.uid() = created_by)',
        (n.nspname, c.relname) = ('shared', 'cross_links')),
      ('Anybody reads published sites', 'FOR SELECT TO anon USING (is_published)', (n.nspname, c.relname) = ('growth', 'microsites'))
    ) AS policy (name, definition, is_wanted)
    WHERE n.nspname IN ('growth', 'engineering', 'product', 'shared') AND c.relkind = 'r' AND policy.is_wanted
    ORDER BY c.oid, policy.name
  LOOP
    -- Not twice: both take a lock that waits for every reader.
    IF NOT wanted.is_enabled THEN
      EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', wanted.table_name);
    END IF;
    IF NOT wanted.is_there THEN
      EXECUTE format('CREATE POLICY %I ON %s %s', wanted.name, wanted.table_name, wanted.definition);
    END IF;
  END LOOP;
END $$;

GRANT USAGE ON SCHEMA growth, engineering, product, shared TO authenticated, service_role;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA growth, engineering, product, shared TO authenticated, service_role;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA growth, engineering, product, shared TO authenticated, service_role;
GRANT USAGE ON SCHEMA growth TO anon;
GRANT SELECT ON growth.microsites TO anon;
