-- ferry: after-copy
-- Foreign keys and updated_at triggers, once every row is there. NOT VALID is quick; the next file looks at the rows. There is none
-- on user_id of api_keys, memory_entries and security_service.users, as the document has it, and none on api_key_id of
-- key_usage_analytics: the key that was used may have given way to another one. May run again, and then changes nothing.

CREATE OR REPLACE FUNCTION shared_services.set_updated_at() RETURNS trigger LANGUAGE plpgsql SET search_path = '' AS $$
BEGIN
  NEW.updated_at := clock_timestamp();
  RETURN NEW;
END $$;

-- The locks are taken all at once or not at all, so that apply, which writes these tables in the order of its events, never
-- ends in a deadlock with this. Whoever does not get them in time lets everybody go on, and is run again by ferry: below
-- deadlock_timeout, so that as a rule it is not apply that is cancelled.
SET LOCAL lock_timeout = '300ms';
DO $$
BEGIN
  EXECUTE (
    SELECT 'LOCK TABLE ' || string_agg(c.oid::regclass::text, ', ' ORDER BY n.nspname, c.relname) || ' IN SHARE ROW EXCLUSIVE MODE'
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind = 'r' AND (n.nspname LIKE 'app\_%' OR n.nspname IN ('security_service', 'auth_gateway', 'shared_services',
      'control_room', 'analytics', 'billing', 'vendors', 'client_services', 'marketplace', 'ai_chat', 'intelligence')));
END $$;

DO $$
DECLARE
  key record;
BEGIN
  FOR key IN
    SELECT wanted.table_name, split_part(wanted.table_name, '.', 2) || '_' || wanted.column_name || '_fkey' AS constraint_name,
           wanted.column_name, wanted.refers_to
    FROM (VALUES
      ('security_service.users', 'organization_id', 'security_service.organizations (id) ON DELETE CASCADE'),
      ('security_service.api_key_projects', 'organization_id', 'security_service.organizations (id) ON DELETE CASCADE'),
      ('security_service.api_key_projects', 'owner_id', 'auth_gateway.user_accounts (id) ON DELETE CASCADE'),
      ('security_service.api_keys', 'organization_id', 'security_service.organizations (id) ON DELETE CASCADE'),
      ('security_service.key_rotation_policies', 'key_id', 'security_service.api_keys (id) ON DELETE CASCADE'),
      ('security_service.key_security_events', 'key_id', 'security_service.api_keys (id) ON DELETE SET NULL'),
      ('security_service.stored_api_keys', 'user_id', 'auth_gateway.user_accounts (id) ON DELETE CASCADE'),
      ('security_service.topics', 'organization_id', 'security_service.organizations (id) ON DELETE CASCADE'),
      ('security_service.topics', 'parent_id', 'security_service.topics (id) ON DELETE SET NULL'),
      ('security_service.memory_entries', 'organization_id', 'security_service.organizations (id) ON DELETE CASCADE'),
      ('security_service.memory_entries', 'topic_id', 'security_service.topics (id) ON DELETE SET NULL'),
      ('security_service.memory_chunks', 'memory_id', 'security_service.memory_entries (id) ON DELETE CASCADE'),
      ('security_service.memory_versions', 'memory_id', 'security_service.memory_entries (id) ON DELETE CASCADE'),
      ('security_service.memory_versions', 'changed_by', 'auth_gateway.user_accounts (id) ON DELETE SET NULL'),
      ('security_service.mcp_key_tools', 'key_id', 'security_service.api_keys (id) ON DELETE CASCADE'),
      ('security_service.mcp_key_sessions', 'tool_id', 'security_service.mcp_key_tools (id) ON DELETE CASCADE'),
      ('security_service.mcp_key_access_requests', 'tool_id', 'security_service.mcp_key_tools (id) ON DELETE CASCADE'),
      ('security_service.mcp_key_access_requests', 'requested_by', 'security_service.users (id) ON DELETE CASCADE'),
      ('security_service.mcp_key_audit_log', 'access_request_id', 'security_service.mcp_key_access_requests (id) ON DELETE SET NULL'),
      ('security_service.mcp_proxy_tokens', 'session_id', 'security_service.mcp_key_sessions (id) ON DELETE CASCADE'),
      ('auth_gateway.sessions', 'user_id', 'auth_gateway.user_accounts (id) ON DELETE CASCADE'),
      ('auth_gateway.oauth_clients', 'owner_id', 'auth_gateway.user_accounts (id) ON DELETE SET NULL'),
      ('auth_gateway.oauth_sessions', 'client_id', 'auth_gateway.oauth_clients (client_id) ON UPDATE CASCADE ON DELETE CASCADE'),
      ('auth_gateway.oauth_sessions', 'user_id', 'auth_gateway.user_accounts (id) ON DELETE CASCADE'),
      ('auth_gateway.oauth_tokens', 'client_id', 'auth_gateway.oauth_clients (client_id) ON UPDATE CASCADE ON DELETE CASCADE'),
      ('auth_gateway.oauth_tokens', 'user_id', 'auth_gateway.user_accounts (id) ON DELETE CASCADE'),
      ('auth_gateway.oauth_authorization_codes', 'client_id', 'auth_gateway.oauth_clients (client_id) ON UPDATE CASCADE ON DELETE CASCADE'),
      ('auth_gateway.oauth_authorization_codes', 'user_id', 'auth_gateway.user_accounts (id) ON DELETE CASCADE'),
      ('auth_gateway.auth_codes', 'user_id', 'auth_gateway.user_accounts (id) ON DELETE CASCADE'),
      ('auth_gateway.audit_log', 'actor_id', 'auth_gateway.user_accounts (id) ON DELETE SET NULL'),
      ('auth_gateway.admin_sessions', 'user_id', 'auth_gateway.user_accounts (id)'),
      ('auth_gateway.admin_access_log', 'admin_session_id', 'auth_gateway.admin_sessions (id)'),
      ('shared_services.settings', 'user_id', 'auth_gateway.user_accounts (id) ON DELETE CASCADE'),
      ('shared_services.profiles', 'id', 'auth_gateway.user_accounts (id) ON DELETE CASCADE'),
      ('analytics.usage_tracking', 'user_id', 'auth_gateway.user_accounts (id) ON DELETE SET NULL'),
      ('analytics.user_activity_logs', 'user_id', 'auth_gateway.user_accounts (id) ON DELETE SET NULL'),
      ('analytics.ai_usage_logs', 'user_id', 'auth_gateway.user_accounts (id) ON DELETE SET NULL'),
      ('analytics.search_analytics', 'user_id', 'auth_gateway.user_accounts (id) ON DELETE SET NULL'),
      ('billing.vendor_billing_records', 'vendor_organization_id', 'vendors.organizations (id)'),
      ('billing.subscriptions', 'user_id', 'auth_gateway.user_accounts (id) ON DELETE CASCADE'),
      ('billing.stripe_connect_accounts', 'user_id', 'auth_gateway.user_accounts (id)'),
      ('billing.beneficiaries', 'owner_id', 'auth_gateway.user_accounts (id)'),
      ('billing.bulk_payments', 'created_by', 'auth_gateway.user_accounts (id)'),
      ('billing.payment_items', 'bulk_payment_id', 'billing.bulk_payments (id) ON DELETE CASCADE'),
      ('billing.payment_items', 'beneficiary_id', 'billing.beneficiaries (id)'),
      ('billing.payment_audit', 'payment_item_id', 'billing.payment_items (id) ON DELETE SET NULL'),
      ('billing.user_payments', 'user_id', 'auth_gateway.user_accounts (id)'),
      ('vendors.api_keys', 'created_by', 'auth_gateway.user_accounts (id)'),
      ('vendors.api_keys', 'organization_id', 'vendors.organizations (id)'),
      ('vendors.platform_sessions', 'organization_id', 'vendors.organizations (id) ON DELETE CASCADE'),
      ('vendors.usage_logs', 'organization_id', 'vendors.organizations (id) ON DELETE CASCADE'),
      ('vendors.billing_records', 'organization_id', 'vendors.organizations (id)'),
      ('client_services.api_keys', 'organization_id', 'client_services.organizations (id) ON DELETE CASCADE'),
      ('client_services.transactions', 'organization_id', 'client_services.organizations (id)'),
      ('client_services.usage_logs', 'organization_id', 'client_services.organizations (id) ON DELETE CASCADE'),
      ('client_services.billing_records', 'organization_id', 'client_services.organizations (id)'),
      ('marketplace.products', 'seller_id', 'auth_gateway.user_accounts (id)'),
      ('marketplace.orders', 'buyer_id', 'auth_gateway.user_accounts (id)'),
      ('marketplace.order_items', 'order_id', 'marketplace.orders (id) ON DELETE CASCADE'),
      ('marketplace.order_items', 'product_id', 'marketplace.products (id)'),
      ('marketplace.transactions', 'order_id', 'marketplace.orders (id)'),
      ('marketplace.pricing_insights', 'product_id', 'marketplace.products (id) ON DELETE CASCADE'),
      ('marketplace.recommendations', 'product_id', 'marketplace.products (id) ON DELETE CASCADE'),
      ('marketplace.recommendations', 'recommended_id', 'marketplace.products (id) ON DELETE CASCADE'),
      ('marketplace.product_embeddings', 'product_id', 'marketplace.products (id) ON DELETE CASCADE'),
      ('ai_chat.conversations', 'user_id', 'auth_gateway.user_accounts (id) ON DELETE CASCADE'),
      ('ai_chat.messages', 'conversation_id', 'ai_chat.conversations (id) ON DELETE CASCADE'),
      ('ai_chat.chat_sessions', 'user_id', 'auth_gateway.user_accounts (id) ON DELETE CASCADE'),
      ('ai_chat.chat_sessions', 'conversation_id', 'ai_chat.conversations (id) ON DELETE SET NULL'),
      ('ai_chat.chat_embeddings', 'message_id', 'ai_chat.messages (id) ON DELETE CASCADE'),
      ('intelligence.voice_memories', 'user_id', 'auth_gateway.user_accounts (id) ON DELETE CASCADE'),
      ('intelligence.screenshot_memories', 'user_id', 'auth_gateway.user_accounts (id) ON DELETE CASCADE'),
      ('intelligence.user_subscriptions', 'user_id', 'auth_gateway.user_accounts (id) ON DELETE CASCADE'),
      ('intelligence.user_subscriptions', 'tier', 'intelligence.subscription_tiers (tier) ON UPDATE CASCADE'),
      ('intelligence.usage_logs', 'user_id', 'auth_gateway.user_accounts (id) ON DELETE SET NULL'),
      ('intelligence.smart_recall_events', 'user_id', 'auth_gateway.user_accounts (id) ON DELETE SET NULL'),
      ('intelligence.smart_recall_suggestions', 'user_id', 'auth_gateway.user_accounts (id) ON DELETE CASCADE'),
      ('intelligence.smart_recall_feedback', 'suggestion_id', 'intelligence.smart_recall_suggestions (id) ON DELETE CASCADE'),
      ('intelligence.smart_recall_feedback', 'user_id', 'auth_gateway.user_accounts (id) ON DELETE CASCADE'),
      ('control_room.apps', 'vendor_organization_id', 'vendors.organizations (id) ON DELETE CASCADE'),
      ('control_room.project_audit_log', 'app_id', 'control_room.apps (id) ON DELETE SET NULL'),
      ('control_room.project_audit_log', 'stage_id', 'control_room.project_stages (id)'),
      ('app_mcp_monorepo.encrypted_secrets', 'owner_id', 'auth_gateway.user_accounts (id) ON DELETE CASCADE'),
      ('app_mcp_monorepo.secret_access_log', 'secret_id', 'app_mcp_monorepo.encrypted_secrets (id) ON DELETE SET NULL'),
      ('app_mcp_monorepo.secret_access_log', 'user_id', 'auth_gateway.user_accounts (id) ON DELETE SET NULL'),
      ('app_lanonasis_maas.memory_access_log', 'user_id', 'auth_gateway.user_accounts (id) ON DELETE SET NULL'),
      ('app_seftec.edoc_documents', 'template_id', 'app_seftec.edoc_templates (id)'),
      ('app_seftec.edoc_documents', 'owner_id', 'auth_gateway.user_accounts (id)'),
      ('app_seftec.edoc_signatures', 'document_id', 'app_seftec.edoc_documents (id) ON DELETE CASCADE'),
      ('app_seftec.business_profiles', 'owner_id', 'auth_gateway.user_accounts (id)'),
      ('app_seftec.business_contacts', 'business_id', 'app_seftec.business_profiles (id) ON DELETE CASCADE'),
      ('app_seftec.business_invoices', 'business_id', 'app_seftec.business_profiles (id)'),
      ('app_seftec.business_expenses', 'business_id', 'app_seftec.business_profiles (id)'),
      ('app_vortexcore.notification_preferences', 'user_id', 'auth_gateway.user_accounts (id) ON DELETE CASCADE'),
      ('app_vortexcore.user_dashboards', 'user_id', 'auth_gateway.user_accounts (id) ON DELETE CASCADE'),
      ('app_seftechub.saved_searches', 'user_id', 'auth_gateway.user_accounts (id) ON DELETE CASCADE'),
      ('app_vortexcore.device_tokens', 'user_id', 'auth_gateway.user_accounts (id) ON DELETE CASCADE'),
      ('app_the_fixer_initiative.onboarding_steps', 'user_id', 'auth_gateway.user_accounts (id) ON DELETE CASCADE'),
      ('app_the_fixer_initiative.consent_records', 'user_id', 'auth_gateway.user_accounts (id) ON DELETE CASCADE'),
      ('app_seftechub.carts', 'user_id', 'auth_gateway.user_accounts (id) ON DELETE CASCADE'),
      ('app_seftechub.cart_items', 'cart_id', 'app_seftechub.carts (id) ON DELETE CASCADE'),
      ('app_seftechub.cart_items', 'product_id', 'marketplace.products (id) ON DELETE CASCADE'),
      ('app_seftechub.product_reviews', 'product_id', 'marketplace.products (id) ON DELETE CASCADE'),
      ('app_seftechub.product_reviews', 'user_id', 'auth_gateway.user_accounts (id) ON DELETE SET NULL'),
      ('app_seftechub.shipments', 'order_id', 'marketplace.orders (id)')
    ) AS wanted (table_name, column_name, refers_to)
    WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_constraint c
                      WHERE c.conrelid = wanted.table_name::regclass
                        AND c.conname = split_part(wanted.table_name, '.', 2) || '_' || wanted.column_name || '_fkey')
  LOOP
    EXECUTE format('ALTER TABLE %s ADD CONSTRAINT %I FOREIGN KEY (%I) REFERENCES %s NOT VALID',
      key.table_name, key.constraint_name, key.column_name, key.refers_to);
  END LOOP;
END $$;

DO $$
DECLARE
  stamped record;
BEGIN
  FOR stamped IN
    SELECT c.oid::regclass AS table_name, c.relname || '_set_updated_at' AS trigger_name
    FROM pg_catalog.pg_class c
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attname = 'updated_at' AND NOT a.attisdropped
    WHERE c.relkind = 'r' AND (n.nspname LIKE 'app\_%' OR n.nspname IN ('security_service', 'auth_gateway', 'shared_services',
        'control_room', 'analytics', 'billing', 'vendors', 'client_services', 'marketplace', 'ai_chat', 'intelligence'))
      AND NOT EXISTS (SELECT FROM pg_catalog.pg_trigger t WHERE t.tgrelid = c.oid AND t.tgname = c.relname || '_set_updated_at')
  LOOP
    EXECUTE format('CREATE TRIGGER %I BEFORE UPDATE ON %s FOR EACH ROW EXECUTE FUNCTION shared_services.set_updated_at()',
      stamped.trigger_name, stamped.table_name);
  END LOOP;
END $$;
