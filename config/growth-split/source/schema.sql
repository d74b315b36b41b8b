-- The old project of the growth split: everything stands in public.
-- 14 tables, four enums, a circular foreign key between microsites and generation_jobs, row level security, helper
-- functions and updated_at triggers. Runs once, in an empty database, as one transaction.

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

CREATE TYPE public.entity_type AS ENUM ('company', 'person', 'product', 'campaign', 'Wettbewerber (extern)');
CREATE TYPE public.artifact_type AS ENUM ('brief', 'transcript', 'report', 'draft', 'image');
CREATE TYPE public.job_status AS ENUM ('queued', 'running', 'done', 'failed', 'cancelled');
CREATE TYPE public.section_type AS ENUM ('hero', 'features', 'pricing', 'faq', 'call-to-action');

CREATE FUNCTION public.set_updated_at() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.updated_at := clock_timestamp();
  RETURN NEW;
END $$;

CREATE TABLE public.users (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  email text NOT NULL UNIQUE,
  display_name text,
  role text NOT NULL DEFAULT 'member' CHECK (role IN ('admin', 'member', 'viewer')),
  is_active boolean NOT NULL DEFAULT true,
  avatar bytea,
  preferences jsonb NOT NULL DEFAULT '{}',
  joined date NOT NULL DEFAULT CURRENT_DATE,
  last_seen_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE public.entities (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  owner_id uuid NOT NULL REFERENCES public.users (id),
  parent_id uuid REFERENCES public.entities (id) ON DELETE SET NULL,
  type public.entity_type NOT NULL,
  name text NOT NULL,
  -- Byte-wise, so that two servers of different locale compute the same.
  name_key text GENERATED ALWAYS AS (lower(name COLLATE "C")) STORED,
  aliases text[] NOT NULL DEFAULT '{}',
  attributes jsonb,
  score double precision,
  is_archived boolean,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX entities_owner_idx ON public.entities (owner_id);
CREATE INDEX entities_parent_idx ON public.entities (parent_id) WHERE parent_id IS NOT NULL;
CREATE INDEX entities_name_key_idx ON public.entities (name_key);

CREATE TABLE public.artifacts (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  entity_id uuid NOT NULL REFERENCES public.entities (id) ON DELETE CASCADE,
  type public.artifact_type NOT NULL,
  version integer NOT NULL DEFAULT 1 CHECK (version > 0),
  title text NOT NULL,
  content text,
  summary text,
  checksum bytea,
  metadata jsonb NOT NULL DEFAULT '{}',
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (entity_id, type, version)
);
-- Out of line without compression: an update that leaves it alone does not carry it in the WAL.
ALTER TABLE public.artifacts ALTER COLUMN content SET STORAGE EXTERNAL;

CREATE TABLE public.jobs (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  kind text NOT NULL,
  status public.job_status NOT NULL DEFAULT 'queued',
  priority smallint NOT NULL DEFAULT 0,
  payload jsonb,
  attempts integer NOT NULL DEFAULT 0,
  max_duration interval,
  run_at timestamptz NOT NULL DEFAULT now(),
  locked_by uuid REFERENCES public.users (id),
  error text,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX jobs_open_idx ON public.jobs (run_at, priority) WHERE status IN ('queued', 'running');

CREATE TABLE public.templates (
  id serial PRIMARY KEY,
  name text NOT NULL UNIQUE,
  sections public.section_type[] NOT NULL DEFAULT '{}',
  body text NOT NULL DEFAULT '',
  is_default boolean NOT NULL DEFAULT false,
  valid_from date,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE public.prompts (
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

-- A text key that people may rename: the change travels to the tables that refer to it.
CREATE TABLE public.microsites (
  slug text PRIMARY KEY CHECK (slug <> ''),
  owner_id uuid NOT NULL REFERENCES public.users (id),
  entity_id uuid REFERENCES public.entities (id) ON DELETE SET NULL,
  template_id integer REFERENCES public.templates (id),
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
CREATE INDEX microsites_entity_idx ON public.microsites (entity_id);

CREATE TABLE public.generation_jobs (
  id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
  site_id text NOT NULL REFERENCES public.microsites (slug) ON UPDATE CASCADE ON DELETE CASCADE,
  prompt_id uuid REFERENCES public.prompts (id),
  status public.job_status NOT NULL DEFAULT 'queued',
  model text NOT NULL,
  tokens_used bigint,
  cost numeric(18,4),
  duration interval,
  log text,
  started_at timestamptz,
  finished_at timestamptz,
  CHECK (finished_at >= started_at)
);
CREATE INDEX generation_jobs_site_idx ON public.generation_jobs (site_id);
-- The other half of the circle: a site knows its current job, a job knows its site.
ALTER TABLE public.microsites ADD CONSTRAINT microsites_current_job_fk
  FOREIGN KEY (current_job_id) REFERENCES public.generation_jobs (id) ON DELETE SET NULL DEFERRABLE INITIALLY DEFERRED;
CREATE INDEX microsites_current_job_idx ON public.microsites (current_job_id);

CREATE TABLE public.microsite_sections (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  microsite_slug text NOT NULL REFERENCES public.microsites (slug) ON UPDATE CASCADE ON DELETE CASCADE,
  type public.section_type NOT NULL,
  position integer NOT NULL CHECK (position >= 0),
  heading text,
  body text NOT NULL DEFAULT '',
  settings jsonb,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (microsite_slug, position)
);

CREATE TABLE public.tags (
  id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
  label text NOT NULL UNIQUE,
  color char(7) CHECK (color ~ '^#[0-9a-f]{6}$'),
  created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE public.entity_tags (
  entity_id uuid NOT NULL REFERENCES public.entities (id) ON DELETE CASCADE,
  tag_id bigint NOT NULL REFERENCES public.tags (id) ON DELETE CASCADE,
  weight numeric(18,4) NOT NULL DEFAULT 1,
  added_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (entity_id, tag_id)
);
CREATE INDEX entity_tags_tag_idx ON public.entity_tags (tag_id);

-- Its keys begin beyond 2^53: a number type that is a double cannot hold them.
CREATE TABLE public.comments (
  id bigint GENERATED BY DEFAULT AS IDENTITY (START WITH 9007199254740993) PRIMARY KEY,
  artifact_id uuid NOT NULL REFERENCES public.artifacts (id) ON DELETE CASCADE,
  author_id uuid NOT NULL REFERENCES public.users (id),
  parent_id bigint REFERENCES public.comments (id) ON DELETE CASCADE,
  body text NOT NULL,
  reactions jsonb,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX comments_artifact_idx ON public.comments (artifact_id);
CREATE INDEX comments_parent_idx ON public.comments (parent_id) WHERE parent_id IS NOT NULL;

-- Credit moves between accounts, two rows a transaction: the sum of all balances never changes.
CREATE TABLE public.credit_accounts (
  id integer PRIMARY KEY,
  owner_id uuid NOT NULL REFERENCES public.users (id),
  balance numeric(18,4) NOT NULL CHECK (balance >= 0),
  transfers bigint NOT NULL DEFAULT 0,
  updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE public.activity_log (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  request_id uuid NOT NULL UNIQUE,
  actor_id uuid REFERENCES public.users (id),
  action text NOT NULL,
  subject text,
  detail jsonb,
  ip inet,
  happened_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX activity_log_happened_idx ON public.activity_log (happened_at);

DO $$
DECLARE
  table_name text;
BEGIN
  FOREACH table_name IN ARRAY ARRAY['users', 'entities', 'artifacts', 'jobs', 'templates', 'prompts', 'microsites',
    'microsite_sections', 'comments', 'credit_accounts']
  LOOP
    EXECUTE format('CREATE TRIGGER %I BEFORE UPDATE ON public.%I FOR EACH ROW EXECUTE FUNCTION public.set_updated_at()',
      table_name || '_set_updated_at', table_name);
  END LOOP;
END $$;

CREATE FUNCTION public.is_admin() RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER SET search_path = '' AS $$
  SELECT EXISTS (SELECT FROM public.users WHERE id = auth.uid() AND role = 'admin' AND is_active)
$$;

CREATE FUNCTION public.entity_artifact_count(entity uuid) RETURNS bigint LANGUAGE sql STABLE AS $$
  SELECT count(*) FROM public.artifacts WHERE entity_id = entity
$$;

CREATE FUNCTION public.publish_microsite(site text) RETURNS void LANGUAGE sql AS $$
  UPDATE public.microsites SET is_published = true, launched_on = coalesce(launched_on, CURRENT_DATE) WHERE slug = site
$$;

-- Everybody signed in reads; owners and admins write; service_role does all.
DO $$
DECLARE
  table_name text;
BEGIN
  FOR table_name IN SELECT c.relname FROM pg_catalog.pg_class c
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'
  LOOP
    EXECUTE format('ALTER TABLE public.%I ENABLE ROW LEVEL SECURITY', table_name);
    EXECUTE format('CREATE POLICY "Users can read" ON public.%I FOR SELECT TO authenticated USING (true)', table_name);
    EXECUTE format('CREATE POLICY "Service role does all" ON public.%I TO service_role USING (true) WITH CHECK (true)',
      table_name);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON public.%I TO authenticated, service_role', table_name);
  END LOOP;
  FOREACH table_name IN ARRAY ARRAY['entities', 'microsites'] LOOP
    EXECUTE format('CREATE POLICY "Owners can write" ON public.%I TO authenticated
      USING (owner_id = auth.uid() OR public.is_admin()) WITH CHECK (owner_id = auth.uid() OR public.is_admin())', table_name);
  END LOOP;
END $$;
CREATE POLICY "Users can update themselves" ON public.users FOR UPDATE TO authenticated
  USING (id = auth.uid()) WITH CHECK (id = auth.uid());
CREATE POLICY "Anybody reads published sites" ON public.microsites FOR SELECT TO anon USING (is_published);
GRANT SELECT ON public.microsites TO anon;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO authenticated, service_role;
