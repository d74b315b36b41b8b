import { CROWDED } from '../../support/crowded-schemas.js';
import { ddlOf } from '../../support/table-lines.js';

/** What every Supabase project has by itself, as far as the crowded one names it. */
export const MANAGED = `
CREATE SCHEMA auth;
CREATE TABLE auth.users (id uuid PRIMARY KEY, email text);
CREATE FUNCTION auth.uid() RETURNS uuid LANGUAGE sql STABLE AS $$ SELECT NULL::uuid $$;
`;

/** The crowded project as a live database: on Supabase, with rows, and with all that names `public` or stays behind. */
export const CROWDED_SOURCE = `
CREATE ROLE anon; CREATE ROLE authenticated; CREATE ROLE service_role;
${MANAGED}
${ddlOf(CROWDED)}
CREATE TABLE public.schema_migrations (version text PRIMARY KEY);
ALTER TABLE public.profiles ADD FOREIGN KEY (user_id) REFERENCES auth.users;

CREATE TABLE public.chat_drafts (conversation_id uuid, body text);
CREATE UNLOGGED TABLE public.chat_cache (id uuid PRIMARY KEY, body text);
CREATE TABLE public.payment_holds (id uuid PRIMARY KEY, reason text); ALTER TABLE public.payment_holds REPLICA IDENTITY NOTHING;
CREATE EXTENSION citext SCHEMA public;
ALTER TABLE public.products ADD COLUMN title_key text GENERATED ALWAYS AS (lower(title)) STORED, ADD COLUMN code public.citext;
CREATE SEQUENCE public.order_numbers; ALTER TABLE public.orders ADD COLUMN number bigint DEFAULT nextval('public.order_numbers');
CREATE SEQUENCE public.forgotten;
CREATE FOREIGN DATA WRAPPER nowhere; CREATE SERVER elsewhere FOREIGN DATA WRAPPER nowhere;
CREATE FOREIGN TABLE public.rates (day date, rate numeric) SERVER elsewhere;
SELECT lo_create(4711);

CREATE VIEW public.spending AS SELECT u.email, o.total FROM public.users u JOIN public.orders o ON o.user_id = u.id;
CREATE MATERIALIZED VIEW public.daily_orders AS SELECT placed_at::date AS day, count(*) FROM public.orders GROUP BY 1;
CREATE FUNCTION public.touch() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.updated_at := now();
  RETURN NEW;
END $$;
CREATE TRIGGER touched BEFORE UPDATE ON public.users FOR EACH ROW EXECUTE FUNCTION public.touch();
CREATE FUNCTION public.key_owner(prefix text) RETURNS uuid LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
DECLARE
  owner uuid;
BEGIN
  -- public.users would be wrong here
  SELECT user_id INTO owner FROM public.api_keys WHERE key_prefix = prefix;
  IF owner IS NULL THEN
    EXECUTE format('SELECT user_id FROM public.%I WHERE key_prefix = $1', 'stored_api_keys') INTO owner USING prefix;
  END IF;
  RETURN owner;
END $$;
CREATE FUNCTION public.count_orders() RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT count(*) FROM public.orders; END;
CREATE FUNCTION public.silent() RETURNS bigint LANGUAGE plpgsql AS $$ BEGIN RETURN (SELECT count(*) FROM messages); END $$;
CREATE FUNCTION public.is_vendor() RETURNS boolean LANGUAGE sql STABLE AS $$ SELECT EXISTS (SELECT FROM public.vendors) $$;
ALTER TABLE public.orders ENABLE ROW LEVEL SECURITY;
CREATE POLICY "owners read" ON public.orders FOR SELECT USING (user_id = auth.uid() OR public.is_vendor());

INSERT INTO public.organizations (id, name) SELECT gen_random_uuid(), 'o' || i FROM generate_series(1, 20) i;
INSERT INTO public.vendor_api_keys (id, organization_id, key_name, key_prefix, key_hash, is_active)
  SELECT gen_random_uuid(), (SELECT id FROM public.organizations ORDER BY md5(id::text || i) LIMIT 1), 'key ' || i, 'vk_' || i, md5(i::text), true
  FROM generate_series(1, 300) i;
INSERT INTO public.vendor_api_keys_v2 (id, organization_id, name, key_prefix, key_hash, status)
  SELECT id, organization_id, key_name, key_prefix, key_hash, 'active' FROM public.vendor_api_keys WHERE key_prefix < 'vk_2';
INSERT INTO public.system_error_logs (id, message) SELECT i, 'm' FROM generate_series(1, 12000) i;
ANALYZE public.system_error_logs;
`;
