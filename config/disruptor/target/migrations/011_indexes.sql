-- ferry: after-copy
-- Secondary indexes, which would slow the copy down. Apply waits for each table meanwhile, nobody else writes there yet. The lists
-- of ivfflat are cut out of the rows that are there, so it must not come before them.
CREATE INDEX IF NOT EXISTS idx_memory_entries_org ON security_service.memory_entries (organization_id);
CREATE INDEX IF NOT EXISTS idx_memory_entries_user ON security_service.memory_entries (user_id);
CREATE INDEX IF NOT EXISTS idx_memory_entries_embedding ON security_service.memory_entries
  USING ivfflat (embedding vector_cosine_ops) WITH (lists = 100);
CREATE INDEX IF NOT EXISTS idx_api_keys_org ON security_service.api_keys (organization_id);
CREATE INDEX IF NOT EXISTS idx_api_keys_prefix ON security_service.api_keys (key_prefix);

CREATE INDEX IF NOT EXISTS idx_memory_chunks_memory ON security_service.memory_chunks (memory_id);
CREATE INDEX IF NOT EXISTS idx_memory_entries_topic ON security_service.memory_entries (topic_id);
CREATE INDEX IF NOT EXISTS idx_api_keys_hash ON security_service.api_keys (key_hash);
CREATE INDEX IF NOT EXISTS idx_mcp_key_sessions_tool ON security_service.mcp_key_sessions (tool_id);
CREATE INDEX IF NOT EXISTS idx_sessions_user ON auth_gateway.sessions (user_id);
CREATE INDEX IF NOT EXISTS idx_oauth_tokens_client ON auth_gateway.oauth_tokens (client_id);
CREATE INDEX IF NOT EXISTS idx_audit_log_happened ON auth_gateway.audit_log (happened_at);
CREATE INDEX IF NOT EXISTS idx_outbox_unsent ON auth_gateway.outbox (id) WHERE sent_at IS NULL;
CREATE INDEX IF NOT EXISTS idx_user_activity_logs_user ON analytics.user_activity_logs (user_id, happened_at);
CREATE INDEX IF NOT EXISTS idx_search_analytics_terms ON analytics.search_analytics USING gin (terms);
CREATE INDEX IF NOT EXISTS idx_payment_items_bulk ON billing.payment_items (bulk_payment_id);
CREATE INDEX IF NOT EXISTS idx_vendor_billing_open ON billing.vendor_billing_records (due_on) WHERE paid_at IS NULL;
CREATE INDEX IF NOT EXISTS idx_usage_logs_organization ON vendors.usage_logs (organization_id, called_at);
CREATE INDEX IF NOT EXISTS idx_client_transactions_organization ON client_services.transactions (organization_id);
CREATE INDEX IF NOT EXISTS idx_orders_buyer ON marketplace.orders (buyer_id);
CREATE INDEX IF NOT EXISTS idx_order_items_product ON marketplace.order_items (product_id);
CREATE INDEX IF NOT EXISTS idx_messages_conversation ON ai_chat.messages (conversation_id);
CREATE INDEX IF NOT EXISTS idx_smart_recall_events_user ON intelligence.smart_recall_events (user_id);
CREATE INDEX IF NOT EXISTS idx_edoc_documents_owner ON app_seftec.edoc_documents (owner_id);
CREATE INDEX IF NOT EXISTS idx_product_reviews_product ON app_seftechub.product_reviews (product_id);
