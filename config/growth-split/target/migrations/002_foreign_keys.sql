-- ferry: after-copy
-- Foreign keys, within growth and to shared, once every row is there: they would slow the copy down, and the rows of a circle
-- arrive one after the other. NOT VALID is quick; the next file looks at the rows. May run again, and then changes nothing.

-- The locks are taken all at once or not at all, so that apply, which writes these tables in the order of its events, never
-- ends in a deadlock with this. Whoever does not get them in time lets everybody go on, and is run again by ferry: below
-- deadlock_timeout, so that as a rule it is not apply that is cancelled.
SET LOCAL lock_timeout = '300ms';
-- One schema after the other, the table that is written most first: once it is free the others are.
LOCK TABLE shared.activity_log, shared.users, shared.cross_links IN SHARE ROW EXCLUSIVE MODE;
LOCK TABLE growth.credit_accounts, growth.artifacts, growth.entities, growth.entity_tags, growth.jobs,
  growth.artifact_comments, growth.microsites, growth.microsite_sections, growth.generation_jobs,
  growth.templates, growth.prompts, growth.tags IN SHARE ROW EXCLUSIVE MODE;

DO $$
DECLARE
  key record;
BEGIN
  FOR key IN
    SELECT * FROM (VALUES
      ('shared.activity_log', 'activity_log_actor_fk', 'FOREIGN KEY (actor_id) REFERENCES shared.users (id)'),
      ('shared.cross_links', 'cross_links_created_by_fk', 'FOREIGN KEY (created_by) REFERENCES shared.users (id)'),
      ('growth.entities', 'entities_owner_fk', 'FOREIGN KEY (owner_id) REFERENCES shared.users (id)'),
      ('growth.entities', 'entities_parent_fk', 'FOREIGN KEY (parent_id) REFERENCES growth.entities (id) ON DELETE SET NULL'),
      ('growth.artifacts', 'artifacts_entity_fk', 'FOREIGN KEY (entity_id) REFERENCES growth.entities (id) ON DELETE CASCADE'),
      ('growth.artifact_comments', 'artifact_comments_artifact_fk', 'FOREIGN KEY (artifact_id) REFERENCES growth.artifacts (id) ON DELETE CASCADE'),
      ('growth.artifact_comments', 'artifact_comments_author_fk', 'FOREIGN KEY (author_id) REFERENCES shared.users (id)'),
      ('growth.artifact_comments', 'artifact_comments_parent_fk', 'FOREIGN KEY (parent_id) REFERENCES growth.artifact_comments (id) ON DELETE CASCADE'),
      ('growth.jobs', 'jobs_locked_by_fk', 'FOREIGN KEY (locked_by) REFERENCES shared.users (id)'),
      ('growth.microsites', 'microsites_owner_fk', 'FOREIGN KEY (owner_id) REFERENCES shared.users (id)'),
      ('growth.microsites', 'microsites_entity_fk', 'FOREIGN KEY (entity_id) REFERENCES growth.entities (id) ON DELETE SET NULL'),
      ('growth.microsites', 'microsites_template_fk', 'FOREIGN KEY (template_id) REFERENCES growth.templates (id)'),
      -- The circle: deferred, so that a site and its job may be written in either order.
      ('growth.microsites', 'microsites_current_job_fk', 'FOREIGN KEY (current_job_id) REFERENCES growth.generation_jobs (id) ON DELETE SET NULL DEFERRABLE INITIALLY DEFERRED'),
      ('growth.generation_jobs', 'generation_jobs_microsite_fk', 'FOREIGN KEY (microsite_slug) REFERENCES growth.microsites (slug) ON UPDATE CASCADE ON DELETE CASCADE'),
      ('growth.generation_jobs', 'generation_jobs_prompt_fk', 'FOREIGN KEY (prompt_id) REFERENCES growth.prompts (id)'),
      ('growth.microsite_sections', 'microsite_sections_microsite_fk', 'FOREIGN KEY (microsite_slug) REFERENCES growth.microsites (slug) ON UPDATE CASCADE ON DELETE CASCADE'),
      ('growth.entity_tags', 'entity_tags_entity_fk', 'FOREIGN KEY (entity_id) REFERENCES growth.entities (id) ON DELETE CASCADE'),
      ('growth.entity_tags', 'entity_tags_tag_fk', 'FOREIGN KEY (tag_id) REFERENCES growth.tags (id) ON DELETE CASCADE'),
      ('growth.credit_accounts', 'credit_accounts_owner_fk', 'FOREIGN KEY (owner_id) REFERENCES shared.users (id)'),
      ('engineering.entities', 'entities_owner_fk', 'FOREIGN KEY (owner_id) REFERENCES shared.users (id)'),
      ('engineering.artifacts', 'artifacts_entity_fk', 'FOREIGN KEY (entity_id) REFERENCES engineering.entities (id) ON DELETE CASCADE'),
      ('engineering.wiki_pages', 'wiki_pages_author_fk', 'FOREIGN KEY (author_id) REFERENCES shared.users (id)'),
      ('product.entities', 'entities_owner_fk', 'FOREIGN KEY (owner_id) REFERENCES shared.users (id)'),
      ('product.artifacts', 'artifacts_entity_fk', 'FOREIGN KEY (entity_id) REFERENCES product.entities (id) ON DELETE CASCADE')
    ) AS wanted (table_name, constraint_name, definition)
    WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_constraint
                      WHERE conrelid = table_name::regclass AND conname = constraint_name)
  LOOP
    EXECUTE format('ALTER TABLE %s ADD CONSTRAINT %I %s NOT VALID', key.table_name, key.constraint_name, key.definition);
  END LOOP;
END $$;
