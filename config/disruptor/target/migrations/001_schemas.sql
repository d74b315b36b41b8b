-- The new project of the disruptor pipeline: 18 schemas, who may use them, what they are for. Default privileges come before
-- the tables, so that every table of a service schema has them. May run again, and then changes nothing.

CREATE SCHEMA IF NOT EXISTS security_service;
CREATE SCHEMA IF NOT EXISTS auth_gateway;
CREATE SCHEMA IF NOT EXISTS shared_services;
CREATE SCHEMA IF NOT EXISTS control_room;
CREATE SCHEMA IF NOT EXISTS analytics;
CREATE SCHEMA IF NOT EXISTS billing;
CREATE SCHEMA IF NOT EXISTS vendors;
CREATE SCHEMA IF NOT EXISTS client_services;
CREATE SCHEMA IF NOT EXISTS marketplace;
CREATE SCHEMA IF NOT EXISTS ai_chat;
CREATE SCHEMA IF NOT EXISTS intelligence;

CREATE SCHEMA IF NOT EXISTS app_the_fixer_initiative;
CREATE SCHEMA IF NOT EXISTS app_onasis_core;
CREATE SCHEMA IF NOT EXISTS app_lanonasis_maas;
CREATE SCHEMA IF NOT EXISTS app_seftec;
CREATE SCHEMA IF NOT EXISTS app_seftechub;
CREATE SCHEMA IF NOT EXISTS app_vortexcore;
CREATE SCHEMA IF NOT EXISTS app_mcp_monorepo;

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
    CREATE FUNCTION auth.uid() RETURNS uuid LANGUAGE sql STABLE AS $uid$
      SELECT coalesce(nullif(pg_catalog.current_setting('request.jwt.claim.sub', true), ''),
        nullif(pg_catalog.current_setting('request.jwt.claims', true), '')::pg_catalog.jsonb ->> 'sub')::pg_catalog.uuid
    $uid$;
    GRANT USAGE ON SCHEMA auth TO anon, authenticated, service_role;
  END IF;
END $$;

DO $$
DECLARE
  service text;
BEGIN
  FOREACH service IN ARRAY ARRAY['security_service', 'auth_gateway', 'shared_services', 'control_room', 'analytics', 'billing',
    'vendors', 'client_services', 'marketplace', 'ai_chat', 'intelligence']
  LOOP
    EXECUTE format('GRANT USAGE ON SCHEMA %I TO authenticated', service);
    EXECUTE format('GRANT USAGE ON SCHEMA %I TO service_role', service);
    EXECUTE format('ALTER DEFAULT PRIVILEGES IN SCHEMA %I GRANT ALL ON TABLES TO authenticated', service);
    EXECUTE format('ALTER DEFAULT PRIVILEGES IN SCHEMA %I GRANT ALL ON SEQUENCES TO authenticated', service);
  END LOOP;
END $$;

COMMENT ON SCHEMA security_service IS 'API keys, secrets, memory service, MCP tools';
COMMENT ON SCHEMA auth_gateway IS 'Authentication, authorization, OAuth, sessions';
COMMENT ON SCHEMA shared_services IS 'Cross-cutting: profiles, settings';
COMMENT ON SCHEMA control_room IS 'Admin cockpit, app registry, system health';
COMMENT ON SCHEMA analytics IS 'Usage tracking, logs, metrics';
COMMENT ON SCHEMA billing IS 'Payments, subscriptions, invoicing';
COMMENT ON SCHEMA vendors IS 'Vendor/platform management';
COMMENT ON SCHEMA client_services IS 'Client organizations and their resources';
COMMENT ON SCHEMA marketplace IS 'E-commerce: products, orders, transactions';
COMMENT ON SCHEMA ai_chat IS 'AI chat services and conversations';
COMMENT ON SCHEMA intelligence IS 'Intelligence API features';

CREATE EXTENSION IF NOT EXISTS "uuid-ossp";
CREATE EXTENSION IF NOT EXISTS pgcrypto;
CREATE EXTENSION IF NOT EXISTS vector;
