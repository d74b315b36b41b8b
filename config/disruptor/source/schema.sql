-- The old project of the disruptor pipeline: 95 tables in public, 6 in maas, 2 in core. Four tables of API keys, memories
-- in two schemas, one users table that three domains need, vendors by code, embeddings. Needs pgvector.
-- Runs once, in an empty database, as one transaction, with search_path = public, behind config/supabase.sql.

CREATE EXTENSION IF NOT EXISTS vector;

CREATE SCHEMA maas;
CREATE SCHEMA core;

CREATE TYPE memory_type AS ENUM
  ('context', 'project', 'knowledge', 'reference', 'personal', 'workflow', 'note', 'document');
CREATE TYPE payment_state AS ENUM ('draft', 'approved', 'sent', 'settled', 'failed');
CREATE TYPE order_state AS ENUM ('placed', 'paid', 'shipped', 'returned');
CREATE TYPE severity AS ENUM ('info', 'warning', 'critical');
CREATE TYPE chat_role AS ENUM ('system', 'user', 'assistant', 'tool');

CREATE FUNCTION set_updated_at() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.updated_at := clock_timestamp();
  RETURN NEW;
END $$;

-- ------------------------------------------------------------------------------------------------- Auth and identity

CREATE TABLE organizations (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  name varchar(255) NOT NULL,
  slug varchar(100) NOT NULL UNIQUE,
  description text,
  tier text NOT NULL DEFAULT 'starter' CHECK (tier IN ('starter', 'pro', 'enterprise')),
  is_suspended boolean NOT NULL DEFAULT false,
  max_memories integer DEFAULT 1000,
  max_storage_mb integer DEFAULT 100,
  current_storage_mb numeric(10,2) DEFAULT 0,
  settings jsonb DEFAULT '{}',
  created_at timestamptz DEFAULT now(),
  updated_at timestamptz DEFAULT now()
);

-- Login, profile and membership in one table.
CREATE TABLE users (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  email varchar(255) NOT NULL UNIQUE,
  password_hash text,
  role text NOT NULL DEFAULT 'member' CHECK (role IN ('owner', 'member', 'guest')),
  is_active boolean NOT NULL DEFAULT true,
  organization_id uuid REFERENCES organizations ON DELETE CASCADE,
  username text UNIQUE,
  display_name text,
  avatar bytea,
  bio text,
  locale varchar(12) NOT NULL DEFAULT 'en',
  preferences jsonb NOT NULL DEFAULT '{}',
  email_confirmed_at timestamptz,
  last_login_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);

-- The memory service's own copy of them.
CREATE TABLE maas.users (
  id uuid PRIMARY KEY,
  email varchar(255) NOT NULL,
  quota integer NOT NULL DEFAULT 1000,
  is_beta boolean,
  created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE sessions (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
  token_hash bytea NOT NULL UNIQUE,
  ip inet,
  device macaddr,
  user_agent text,
  created_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz NOT NULL
);

CREATE TABLE oauth_clients (
  client_id text PRIMARY KEY,
  name text NOT NULL,
  owner_id uuid REFERENCES users ON DELETE SET NULL,
  secret_hash bytea,
  redirect_uris text[] NOT NULL DEFAULT '{}',
  grant_types text[] NOT NULL DEFAULT '{authorization_code}',
  is_confidential boolean NOT NULL DEFAULT true,
  created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE oauth_sessions (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  client_id text NOT NULL REFERENCES oauth_clients ON UPDATE CASCADE ON DELETE CASCADE,
  user_id uuid REFERENCES users ON DELETE CASCADE,
  state jsonb NOT NULL DEFAULT '{}',
  code_challenge text,
  expires_at timestamptz NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE oauth_tokens (
  token_hash text PRIMARY KEY,
  client_id text NOT NULL REFERENCES oauth_clients ON UPDATE CASCADE ON DELETE CASCADE,
  user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
  kind text NOT NULL CHECK (kind IN ('access', 'refresh')),
  scope text,
  issued_at timestamptz NOT NULL DEFAULT now(),
  lifetime interval NOT NULL DEFAULT '1 hour',
  revoked_at timestamptz
);

CREATE TABLE oauth_authorization_codes (
  code_hash text PRIMARY KEY,
  client_id text NOT NULL REFERENCES oauth_clients ON UPDATE CASCADE ON DELETE CASCADE,
  user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
  redirect_uri text NOT NULL,
  expires_at timestamptz NOT NULL,
  used_at timestamptz
);

CREATE TABLE auth_events (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  stream_id uuid NOT NULL,
  version integer NOT NULL CHECK (version > 0),
  event_type text NOT NULL,
  payload jsonb NOT NULL DEFAULT '{}',
  occurred_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  UNIQUE (stream_id, version)
);

CREATE TABLE auth_codes (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
  purpose text NOT NULL,
  code_hash bytea NOT NULL,
  attempts smallint NOT NULL DEFAULT 0,
  expires_at timestamptz NOT NULL,
  consumed_at timestamptz
);

-- ------------------------------------------------------------------------------------------------ API keys and secrets

CREATE TABLE api_key_scopes (
  scope text PRIMARY KEY,
  description text,
  implies text[] NOT NULL DEFAULT '{}',
  is_dangerous boolean NOT NULL DEFAULT false
);

CREATE TABLE api_key_projects (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  organization_id uuid NOT NULL REFERENCES organizations ON DELETE CASCADE,
  owner_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
  name text NOT NULL,
  budget numeric(18,4) NOT NULL DEFAULT 0,
  budget_moves bigint NOT NULL DEFAULT 0,
  settings jsonb NOT NULL DEFAULT '{}',
  created_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (organization_id, name)
);

-- The first of four tables of keys to our own API.
CREATE TABLE api_keys (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  organization_id uuid REFERENCES organizations ON DELETE CASCADE,
  user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
  name varchar(255) NOT NULL,
  key_prefix varchar(20) NOT NULL,
  key_hash varchar(255) NOT NULL UNIQUE,
  permissions text[] DEFAULT '{}',
  is_active boolean NOT NULL DEFAULT true,
  expires_at timestamptz,
  last_used_at timestamptz,
  usage_count integer DEFAULT 0,
  metadata jsonb DEFAULT '{}',
  created_at timestamptz DEFAULT now(),
  updated_at timestamptz DEFAULT now()
);

-- The second: keys that the dashboard stored, of whichever project.
CREATE TABLE stored_api_keys (
  id bigserial PRIMARY KEY,
  user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
  project_id uuid,
  label text NOT NULL,
  prefix text NOT NULL,
  hash text NOT NULL,
  scope_list text,
  state text NOT NULL DEFAULT 'live' CHECK (state IN ('live', 'dead', 'stale')),
  created_at timestamptz DEFAULT now()
);

CREATE TABLE key_rotation_policies (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  key_id uuid NOT NULL UNIQUE REFERENCES api_keys ON DELETE CASCADE,
  rotate_every interval NOT NULL DEFAULT '90 days',
  notify_before interval,
  last_rotated_on date,
  is_automatic boolean NOT NULL DEFAULT false
);

CREATE TABLE key_security_events (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  key_id uuid REFERENCES api_keys ON DELETE SET NULL,
  level severity NOT NULL DEFAULT 'info',
  event text NOT NULL,
  ip inet,
  detail jsonb,
  happened_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE TABLE key_usage_analytics (
  id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
  api_key_id uuid NOT NULL,
  day date NOT NULL,
  calls integer NOT NULL DEFAULT 0,
  errors integer NOT NULL DEFAULT 0,
  mean_latency interval,
  UNIQUE (api_key_id, day)
);

-- The same, of the keys that the memory service was called with.
CREATE TABLE maas.api_key_usage (
  id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
  stored_key_id bigint NOT NULL REFERENCES public.stored_api_keys ON DELETE CASCADE,
  used_on date NOT NULL,
  hits smallint NOT NULL DEFAULT 0,
  UNIQUE (stored_key_id, used_on)
);

-- Keys of other people's services, encrypted: no key to our own.
CREATE TABLE maas.stored_api_keys (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  user_id uuid NOT NULL REFERENCES public.users ON DELETE CASCADE,
  provider text NOT NULL,
  label text,
  encrypted_value bytea NOT NULL,
  masked_value text NOT NULL,
  last_used_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (user_id, provider, label)
);

CREATE TABLE encrypted_secrets (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  owner_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
  name text NOT NULL,
  version integer NOT NULL DEFAULT 1,
  ciphertext bytea NOT NULL,
  nonce bytea NOT NULL,
  algorithm varchar(40) NOT NULL DEFAULT 'xchacha20-poly1305',
  UNIQUE (owner_id, name, version)
);

CREATE TABLE secret_access_log (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  secret_id uuid REFERENCES encrypted_secrets ON DELETE SET NULL,
  user_id uuid REFERENCES users ON DELETE SET NULL,
  reason text,
  network cidr,
  accessed_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- -------------------------------------------------------------------------------------------------- Vendors and clients

-- Vendors are known by a code, which may change.
CREATE TABLE vendor_organizations (
  vendor_code text PRIMARY KEY CHECK (vendor_code <> ''),
  name text NOT NULL,
  contact_email text,
  country char(2),
  rating numeric(3,2),
  is_verified boolean NOT NULL DEFAULT false,
  profile jsonb NOT NULL DEFAULT '{}',
  created_at timestamptz NOT NULL DEFAULT now()
);

-- The third table of keys to our own API, and no clean one: nothing checks its codes, and a key may stand there twice.
CREATE TABLE vendor_api_keys (
  vendor_code text NOT NULL,
  key_no integer NOT NULL,
  label text NOT NULL,
  prefix text NOT NULL,
  hash text NOT NULL,
  created_by uuid NOT NULL REFERENCES users,
  is_revoked boolean NOT NULL DEFAULT false,
  created_at timestamptz DEFAULT now(),
  PRIMARY KEY (vendor_code, key_no)
);

-- The fourth, which was to replace the third.
CREATE TABLE vendor_api_keys_v2 (
  id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
  vendor_code text NOT NULL REFERENCES vendor_organizations ON UPDATE CASCADE,
  name varchar(255) NOT NULL,
  key_prefix varchar(20) NOT NULL,
  key_hash varchar(255) NOT NULL,
  environment text NOT NULL DEFAULT 'live' CHECK (environment IN ('live', 'test')),
  scopes text[] DEFAULT '{}',
  rate_limit integer,
  status varchar(20) NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'revoked', 'expired')),
  created_by uuid NOT NULL REFERENCES users,
  expires_at timestamptz,
  last_used_at timestamptz,
  extra jsonb DEFAULT '{}',
  created_at timestamptz DEFAULT now(),
  updated_at timestamptz DEFAULT now()
);

CREATE TABLE vendor_platform_sessions (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  vendor_code text NOT NULL REFERENCES vendor_organizations ON UPDATE CASCADE ON DELETE CASCADE,
  platform text NOT NULL,
  ip inet,
  started_at timestamptz NOT NULL DEFAULT now(),
  ended_at timestamptz,
  CHECK (ended_at >= started_at)
);

CREATE TABLE vendor_usage_logs (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  vendor_code text NOT NULL REFERENCES vendor_organizations ON UPDATE CASCADE ON DELETE CASCADE,
  endpoint text NOT NULL,
  status smallint NOT NULL,
  bytes_out bigint NOT NULL DEFAULT 0,
  took interval,
  called_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE TABLE vendor_apps (
  id serial PRIMARY KEY,
  vendor_code text NOT NULL REFERENCES vendor_organizations ON UPDATE CASCADE ON DELETE CASCADE,
  slug text NOT NULL UNIQUE,
  title text NOT NULL,
  redirect_url text,
  scopes text[] NOT NULL DEFAULT '{}',
  is_published boolean NOT NULL DEFAULT false,
  registered_at timestamptz NOT NULL DEFAULT now()
);

-- What a vendor owes, and what it is for.
CREATE TABLE vendor_billing_records (
  id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
  vendor_code text NOT NULL REFERENCES vendor_organizations ON UPDATE CASCADE,
  invoice_number text NOT NULL UNIQUE,
  period daterange NOT NULL,
  units bigint NOT NULL,
  amount numeric(14,2) NOT NULL,
  currency char(3) NOT NULL DEFAULT 'EUR',
  due_on date,
  paid_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE client_organizations (
  id integer PRIMARY KEY,
  name text NOT NULL,
  domain text UNIQUE,
  contact jsonb NOT NULL DEFAULT '{}',
  seats int4range,
  created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE client_api_keys (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  client_id integer NOT NULL REFERENCES client_organizations ON DELETE CASCADE,
  name text NOT NULL,
  key_hash bytea NOT NULL UNIQUE,
  is_live boolean NOT NULL DEFAULT true,
  created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE client_transactions (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  client_id integer NOT NULL REFERENCES client_organizations,
  direction char(1) NOT NULL CHECK (direction IN ('C', 'D')),
  amount numeric(20,8) NOT NULL,
  currency char(3) NOT NULL,
  booked_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE client_usage_logs (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  client_id integer NOT NULL REFERENCES client_organizations ON DELETE CASCADE,
  service text NOT NULL,
  units double precision NOT NULL,
  logged_at timestamp NOT NULL
);

CREATE TABLE client_billing_records (
  id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
  client_id integer NOT NULL REFERENCES client_organizations,
  period daterange NOT NULL,
  lines jsonb NOT NULL DEFAULT '[]',
  amount numeric(14,2) NOT NULL,
  is_paid boolean NOT NULL DEFAULT false
);

-- ------------------------------------------------------------------------------------------------- Memory and knowledge

CREATE TABLE topics (
  id serial PRIMARY KEY,
  organization_id uuid REFERENCES organizations ON DELETE CASCADE,
  parent_id integer REFERENCES topics ON DELETE SET NULL,
  name text NOT NULL,
  color char(7),
  is_system boolean NOT NULL DEFAULT false,
  created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE memory_entries (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  organization_id uuid REFERENCES organizations ON DELETE CASCADE,
  user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
  topic_id integer REFERENCES topics ON DELETE SET NULL,
  title varchar(500) NOT NULL,
  content text NOT NULL,
  summary text,
  type memory_type DEFAULT 'context',
  tags text[] DEFAULT '{}',
  embedding vector(1536),
  metadata jsonb DEFAULT '{}',
  access_count integer DEFAULT 0,
  last_accessed timestamptz,
  created_at timestamptz DEFAULT now(),
  updated_at timestamptz DEFAULT now()
);

-- What the memory service keeps itself: some of the same memories, under the same ids, and some of its own.
CREATE TABLE maas.memory_entries (
  id uuid PRIMARY KEY,
  user_id uuid NOT NULL REFERENCES public.users ON DELETE CASCADE,
  title varchar(500) NOT NULL,
  body text NOT NULL,
  kind text,
  labels text,
  embedding vector(1536),
  created_at timestamptz DEFAULT now(),
  updated_at timestamptz DEFAULT now()
);

CREATE TABLE memory_chunks (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  memory_id uuid NOT NULL REFERENCES memory_entries ON DELETE CASCADE,
  position integer NOT NULL,
  content text NOT NULL,
  token_count integer,
  embedding vector(1536),
  UNIQUE (memory_id, position)
);

CREATE TABLE memory_versions (
  memory_id uuid REFERENCES memory_entries ON DELETE CASCADE,
  version integer,
  title text NOT NULL,
  content text NOT NULL,
  changed_by uuid REFERENCES users ON DELETE SET NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (memory_id, version)
);

CREATE TABLE memory_access_log (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  memory_id uuid NOT NULL,
  user_id uuid REFERENCES users ON DELETE SET NULL,
  action text NOT NULL,
  accessed_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE TABLE maas.memory_tags (
  memory_id uuid,
  tag text,
  weight real,
  PRIMARY KEY (memory_id, tag)
);

CREATE TABLE voice_memories (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
  audio_url text NOT NULL,
  duration interval,
  waveform smallint[],
  transcript text,
  created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE screenshot_memories (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
  image bytea,
  region box,
  recognized text,
  taken_at timestamptz NOT NULL DEFAULT now()
);

-- ----------------------------------------------------------------------------------------------------------- MCP tools

CREATE TABLE mcp_servers (
  id serial PRIMARY KEY,
  name text NOT NULL UNIQUE,
  url text,
  transport text NOT NULL DEFAULT 'http' CHECK (transport IN ('http', 'sse', 'stdio')),
  capabilities jsonb NOT NULL DEFAULT '{}'
);

CREATE TABLE mcp_key_tools (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  key_id uuid NOT NULL REFERENCES api_keys ON DELETE CASCADE,
  tool_name text NOT NULL,
  permissions text[] NOT NULL DEFAULT '{read}',
  max_calls_per_hour integer,
  is_enabled boolean NOT NULL DEFAULT true,
  created_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (key_id, tool_name)
);

CREATE TABLE mcp_key_sessions (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  tool_id uuid NOT NULL REFERENCES mcp_key_tools ON DELETE CASCADE,
  client_name text,
  calls bigint NOT NULL DEFAULT 0,
  open_during tstzrange NOT NULL
);

CREATE TABLE mcp_key_access_requests (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  tool_id uuid NOT NULL REFERENCES mcp_key_tools ON DELETE CASCADE,
  requested_by uuid NOT NULL REFERENCES users ON DELETE CASCADE,
  justification text,
  status text NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'approved', 'denied')),
  decided_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE mcp_key_audit_log (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  access_request_id uuid REFERENCES mcp_key_access_requests ON DELETE SET NULL,
  action text NOT NULL,
  detail jsonb,
  happened_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE TABLE mcp_proxy_tokens (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  session_id uuid NOT NULL REFERENCES mcp_key_sessions ON DELETE CASCADE,
  token_hash bytea NOT NULL,
  uses integer NOT NULL DEFAULT 0,
  expires_at timestamptz
);

-- -------------------------------------------------------------------------------------------------- Analytics and logs

CREATE TABLE usage_tracking (
  id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
  user_id uuid REFERENCES users ON DELETE SET NULL,
  metric text NOT NULL,
  quantity numeric NOT NULL DEFAULT 1,
  recorded_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE maas.usage_tracking (
  id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
  user_id uuid REFERENCES public.users ON DELETE SET NULL,
  metric varchar(80) NOT NULL,
  quantity integer NOT NULL DEFAULT 1,
  at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE user_activity_logs (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  user_id uuid REFERENCES users ON DELETE SET NULL,
  action text NOT NULL,
  page text,
  detail jsonb,
  happened_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE TABLE ai_usage_logs (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  user_id uuid REFERENCES users ON DELETE SET NULL,
  model text NOT NULL,
  prompt_tokens integer NOT NULL,
  completion_tokens integer NOT NULL,
  cost numeric(12,6),
  latency_ms double precision,
  created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE webhook_logs (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  url text NOT NULL,
  status smallint,
  request json,
  response text,
  delivered_at timestamptz
);

CREATE TABLE search_analytics (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  user_id uuid REFERENCES users ON DELETE SET NULL,
  query text NOT NULL,
  terms tsvector,
  results integer NOT NULL,
  clicked integer[],
  searched_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE company_usage_logs (
  company text,
  day date,
  seats integer,
  calls bigint NOT NULL DEFAULT 0,
  storage_mb numeric(12,3),
  PRIMARY KEY (company, day)
);

-- Nobody gave it a key: all values together say which row is meant.
CREATE TABLE core.system_error_logs (
  logged_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  level public.severity NOT NULL,
  service text NOT NULL,
  message text,
  context jsonb
);
ALTER TABLE core.system_error_logs REPLICA IDENTITY FULL;

CREATE TABLE core.audit_log (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  request_id uuid NOT NULL UNIQUE,
  actor_id uuid REFERENCES public.users ON DELETE SET NULL,
  action text NOT NULL,
  object text,
  changes jsonb,
  ip inet,
  happened_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- ------------------------------------------------------------------------------------------------ Payments and billing

CREATE TABLE subscriptions (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
  plan text NOT NULL,
  current_period tstzrange,
  price numeric(10,2) NOT NULL,
  currency char(3) NOT NULL DEFAULT 'EUR',
  cancelled_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE stripe_connect_accounts (
  account_id text PRIMARY KEY,
  user_id uuid NOT NULL REFERENCES users,
  country char(2) NOT NULL,
  can_charge boolean NOT NULL DEFAULT false,
  can_pay_out boolean NOT NULL DEFAULT false,
  requirements jsonb
);

CREATE TABLE beneficiaries (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  owner_id uuid NOT NULL REFERENCES users,
  name text NOT NULL,
  account_number text NOT NULL,
  bank_code varchar(11),
  is_verified boolean NOT NULL DEFAULT false,
  UNIQUE (owner_id, account_number)
);

CREATE TABLE bulk_payments (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  created_by uuid NOT NULL REFERENCES users,
  title text NOT NULL,
  total numeric(18,4) NOT NULL DEFAULT 0,
  currency char(3) NOT NULL,
  status payment_state NOT NULL DEFAULT 'draft',
  scheduled_for date,
  created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE payment_items (
  id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
  bulk_payment_id uuid NOT NULL REFERENCES bulk_payments ON DELETE CASCADE,
  beneficiary_id uuid NOT NULL REFERENCES beneficiaries,
  amount numeric(18,4) NOT NULL CHECK (amount > 0),
  reference text,
  status payment_state NOT NULL DEFAULT 'draft'
);

CREATE TABLE payment_audit (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  payment_item_id bigint REFERENCES payment_items ON DELETE SET NULL,
  from_status payment_state,
  to_status payment_state NOT NULL,
  note text,
  happened_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE TABLE user_payments (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  user_id uuid NOT NULL REFERENCES users,
  amount numeric(18,4) NOT NULL,
  fee numeric(18,4) NOT NULL DEFAULT 0,
  currency char(3) NOT NULL,
  provider_reference text UNIQUE,
  metadata jsonb,
  paid_at timestamptz
);

-- ------------------------------------------------------------------------------------------------ Business and finance

CREATE TABLE edoc_templates (
  id serial PRIMARY KEY,
  name text NOT NULL,
  body text NOT NULL DEFAULT '',
  fields jsonb NOT NULL DEFAULT '[]',
  is_default boolean NOT NULL DEFAULT false
);

CREATE TABLE edoc_documents (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  template_id integer REFERENCES edoc_templates,
  owner_id uuid NOT NULL REFERENCES users,
  title text NOT NULL,
  pages smallint NOT NULL DEFAULT 1,
  file bytea,
  digest bit(32),
  created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE edoc_signatures (
  document_id uuid REFERENCES edoc_documents ON DELETE CASCADE,
  signer_email text,
  place point,
  certificate bytea,
  signed_at timestamptz,
  PRIMARY KEY (document_id, signer_email)
);

CREATE TABLE business_profiles (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  owner_id uuid NOT NULL REFERENCES users,
  legal_name text NOT NULL,
  registration_number text UNIQUE,
  address jsonb NOT NULL DEFAULT '{}',
  founded_on date,
  employees int4range
);

CREATE TABLE business_contacts (
  id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
  business_id uuid NOT NULL REFERENCES business_profiles ON DELETE CASCADE,
  name text NOT NULL,
  phones text[],
  opens time,
  is_primary boolean NOT NULL DEFAULT false
);

CREATE TABLE business_invoices (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  business_id uuid NOT NULL REFERENCES business_profiles,
  number text NOT NULL,
  net numeric(14,2) NOT NULL,
  tax_rate numeric(5,4) NOT NULL DEFAULT 0,
  tax numeric(14,2) GENERATED ALWAYS AS (round(net * tax_rate, 2)) STORED,
  issued_on date NOT NULL,
  UNIQUE (business_id, number)
);

CREATE TABLE business_expenses (
  id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
  business_id uuid NOT NULL REFERENCES business_profiles,
  category text NOT NULL,
  amount numeric(14,2) NOT NULL,
  receipt bytea,
  spent_on date NOT NULL
);

-- ------------------------------------------------------------------------------------------------------- User settings

CREATE TABLE user_settings (
  user_id uuid REFERENCES users ON DELETE CASCADE,
  key text,
  value jsonb NOT NULL,
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (user_id, key)
);

CREATE TABLE notification_preferences (
  user_id uuid PRIMARY KEY REFERENCES users ON DELETE CASCADE,
  by_email boolean NOT NULL DEFAULT true,
  channels text[] NOT NULL DEFAULT '{}',
  quiet_from time,
  quiet_until timetz
);

CREATE TABLE user_dashboards (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
  name text NOT NULL,
  layout jsonb NOT NULL DEFAULT '{}',
  updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE saved_searches (
  id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
  user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
  name text NOT NULL,
  filters jsonb,
  notify_every interval
);

CREATE TABLE device_tokens (
  token text PRIMARY KEY,
  user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
  platform text NOT NULL CHECK (platform IN ('ios', 'android', 'web')),
  app_version varchar(20),
  last_seen_at timestamptz
);

CREATE TABLE feature_flags (
  flag text PRIMARY KEY,
  is_on boolean NOT NULL DEFAULT false,
  rollout smallint NOT NULL DEFAULT 0 CHECK (rollout BETWEEN 0 AND 100),
  rules jsonb,
  updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE onboarding_steps (
  user_id uuid REFERENCES users ON DELETE CASCADE,
  step smallint,
  answers jsonb,
  completed_at timestamptz,
  PRIMARY KEY (user_id, step)
);

CREATE TABLE consent_records (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
  purpose text NOT NULL,
  is_given boolean NOT NULL,
  document_version varchar(10),
  ip inet,
  given_at timestamptz NOT NULL DEFAULT now()
);

-- --------------------------------------------------------------------------------------------------------- Marketplace

CREATE TABLE products (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  seller_id uuid NOT NULL REFERENCES users,
  sku text NOT NULL UNIQUE,
  name text NOT NULL,
  price numeric(12,2) NOT NULL CHECK (price >= 0),
  stock integer NOT NULL DEFAULT 0,
  weight_kg real,
  attributes jsonb,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE orders (
  id bigint GENERATED BY DEFAULT AS IDENTITY (START WITH 9007199254740993) PRIMARY KEY,
  buyer_id uuid NOT NULL REFERENCES users,
  status order_state NOT NULL DEFAULT 'placed',
  total numeric(14,2) NOT NULL DEFAULT 0,
  shipping jsonb NOT NULL DEFAULT '{}',
  placed_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE order_items (
  order_id bigint REFERENCES orders ON DELETE CASCADE,
  line smallint,
  product_id uuid NOT NULL REFERENCES products,
  quantity integer NOT NULL,
  unit_price numeric(12,2) NOT NULL,
  line_total numeric(16,2) GENERATED ALWAYS AS (quantity * unit_price) STORED,
  PRIMARY KEY (order_id, line)
);

CREATE TABLE marketplace_transactions (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  order_id bigint NOT NULL REFERENCES orders,
  kind text NOT NULL CHECK (kind IN ('charge', 'refund')),
  amount numeric(14,2) NOT NULL,
  provider_answer json,
  booked_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE pricing_insights (
  product_id uuid REFERENCES products ON DELETE CASCADE,
  day date,
  prices numrange NOT NULL,
  median numeric(12,2),
  histogram integer[],
  PRIMARY KEY (product_id, day)
);

CREATE TABLE product_recommendations (
  product_id uuid REFERENCES products ON DELETE CASCADE,
  recommended_id uuid REFERENCES products ON DELETE CASCADE,
  score double precision,
  reason text,
  PRIMARY KEY (product_id, recommended_id)
);

CREATE TABLE product_embeddings (
  product_id uuid PRIMARY KEY REFERENCES products ON DELETE CASCADE,
  embedding vector(1536) NOT NULL,
  model text NOT NULL
);

-- ---------------------------------------------------------------------------------------------------------- E-commerce

CREATE TABLE carts (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  user_id uuid REFERENCES users ON DELETE CASCADE,
  coupon_code text,
  updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE cart_items (
  cart_id uuid REFERENCES carts ON DELETE CASCADE,
  product_id uuid REFERENCES products ON DELETE CASCADE,
  quantity integer NOT NULL DEFAULT 1,
  PRIMARY KEY (cart_id, product_id)
);

CREATE TABLE coupons (
  code text PRIMARY KEY,
  discount numeric(5,2) NOT NULL,
  valid tstzrange NOT NULL,
  uses_left integer
);

CREATE TABLE product_reviews (
  id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
  product_id uuid NOT NULL REFERENCES products ON DELETE CASCADE,
  user_id uuid REFERENCES users ON DELETE SET NULL,
  rating smallint NOT NULL CHECK (rating BETWEEN 1 AND 5),
  body text,
  created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE shipments (
  id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
  order_id bigint NOT NULL REFERENCES orders,
  carrier text NOT NULL,
  tracking_number text UNIQUE,
  events jsonb[],
  shipped_on date
);

-- ------------------------------------------------------------------------------------------------- AI chat, intelligence

CREATE TABLE ai_conversations (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
  title text,
  model text NOT NULL,
  settings jsonb NOT NULL DEFAULT '{}',
  is_archived boolean NOT NULL DEFAULT false,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE ai_messages (
  id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
  conversation_id uuid NOT NULL REFERENCES ai_conversations ON DELETE CASCADE,
  role chat_role NOT NULL,
  content text NOT NULL,
  tool_calls jsonb,
  tokens integer,
  created_at timestamptz NOT NULL DEFAULT now()
);
-- Out of line without compression: an update that leaves it alone does not carry it in the WAL.
ALTER TABLE ai_messages ALTER COLUMN content SET STORAGE EXTERNAL;

CREATE TABLE chat_sessions (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
  conversation_id uuid REFERENCES ai_conversations ON DELETE SET NULL,
  channel text NOT NULL DEFAULT 'web',
  started_at timestamptz NOT NULL DEFAULT now(),
  ended_at timestamptz
);

CREATE TABLE chat_analytics (
  day date,
  model text,
  messages bigint NOT NULL DEFAULT 0,
  cost numeric,
  p95 interval,
  sentiment real,
  PRIMARY KEY (day, model)
);

CREATE TABLE chat_embeddings (
  message_id bigint PRIMARY KEY REFERENCES ai_messages ON DELETE CASCADE,
  embedding vector(1536),
  model text NOT NULL
);

CREATE TABLE intelligence_subscription_tiers (
  tier text PRIMARY KEY,
  monthly_price numeric(8,2) NOT NULL,
  limits jsonb NOT NULL DEFAULT '{}',
  features text[] NOT NULL DEFAULT '{}'
);

CREATE TABLE intelligence_user_subscriptions (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  user_id uuid NOT NULL UNIQUE REFERENCES users ON DELETE CASCADE,
  tier text NOT NULL REFERENCES intelligence_subscription_tiers ON UPDATE CASCADE,
  valid tstzrange NOT NULL,
  renews boolean NOT NULL DEFAULT true
);

CREATE TABLE intelligence_usage_logs (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  user_id uuid REFERENCES users ON DELETE SET NULL,
  feature text NOT NULL,
  tokens integer,
  logged_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE TABLE intelligence_cache (
  key text PRIMARY KEY,
  value jsonb,
  hits bigint NOT NULL DEFAULT 0,
  expires_at timestamptz NOT NULL
);

CREATE TABLE smart_recall_events (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  user_id uuid REFERENCES users ON DELETE SET NULL,
  memory_id uuid,
  score real,
  happened_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE TABLE smart_recall_suggestions (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
  memory_ids uuid[] NOT NULL DEFAULT '{}',
  reason text,
  is_accepted boolean,
  shown_at timestamptz
);

CREATE TABLE smart_recall_feedback (
  suggestion_id uuid REFERENCES smart_recall_suggestions ON DELETE CASCADE,
  user_id uuid REFERENCES users ON DELETE CASCADE,
  rating smallint NOT NULL,
  note text,
  PRIMARY KEY (suggestion_id, user_id)
);

-- ------------------------------------------------------------------------------- functions, triggers, who may do what

-- The nearest memories, the nearest first: what the applications search by.
CREATE FUNCTION match_memories(query_embedding vector(1536), match_threshold double precision, match_count integer)
RETURNS TABLE (id uuid, title varchar, content text, similarity double precision) LANGUAGE sql STABLE AS $$
  SELECT m.id, m.title, m.content, 1 - (m.embedding <=> query_embedding)
    FROM memory_entries m
   WHERE 1 - (m.embedding <=> query_embedding) > match_threshold
   ORDER BY m.embedding <=> query_embedding LIMIT match_count
$$;

DO $$
DECLARE
  relation record;
BEGIN
  FOR relation IN
    SELECT c.oid::regclass AS name, c.relname,
           -- Whose rows they are; of a table without such a column, nobody's.
           coalesce((SELECT a.attname FROM pg_catalog.pg_attribute a WHERE a.attrelid = c.oid
                       AND a.attname IN ('user_id', 'owner_id', 'created_by')),
                    CASE WHEN c.relname = 'users' THEN 'id' END) AS owner,
           EXISTS (SELECT FROM pg_catalog.pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'updated_at') AS is_stamped
      FROM pg_catalog.pg_class c
     WHERE c.relnamespace IN ('public'::regnamespace, 'maas'::regnamespace, 'core'::regnamespace) AND c.relkind = 'r'
  LOOP
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', relation.name);
    EXECUTE format('CREATE POLICY "Service role does all" ON %s TO service_role USING (true) WITH CHECK (true)', relation.name);
    IF relation.owner IS NOT NULL THEN
      EXECUTE format('CREATE POLICY "Users reach their own rows" ON %s TO authenticated USING (%2$I = auth.uid()) WITH CHECK (%2$I = auth.uid())',
        relation.name, relation.owner);
    END IF;
    IF relation.is_stamped THEN
      EXECUTE format('CREATE TRIGGER %I BEFORE UPDATE ON %s FOR EACH ROW EXECUTE FUNCTION public.set_updated_at()',
        relation.relname || '_set_updated_at', relation.name);
    END IF;
  END LOOP;
END $$;
GRANT USAGE ON SCHEMA maas, core TO authenticated, service_role;
GRANT ALL ON ALL TABLES IN SCHEMA public, maas, core TO authenticated, service_role;
GRANT ALL ON ALL SEQUENCES IN SCHEMA public, maas, core TO authenticated, service_role;
