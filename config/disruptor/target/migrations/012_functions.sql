-- ferry: after-copy
-- The nearest memories, the nearest first. Its names are bound now: whoever calls it needs no search_path, and it is still
-- planned with the query around it, so that it takes the index.
CREATE OR REPLACE FUNCTION security_service.match_memories(
  query_embedding vector(1536), match_threshold double precision, match_count integer)
RETURNS TABLE (id uuid, title varchar, content text, similarity double precision) LANGUAGE sql STABLE
BEGIN ATOMIC
  SELECT m.id, m.title, m.content, 1 - (m.embedding <=> query_embedding)
    FROM security_service.memory_entries m
   WHERE 1 - (m.embedding <=> query_embedding) > match_threshold
   ORDER BY m.embedding <=> query_embedding LIMIT match_count;
END;
GRANT EXECUTE ON FUNCTION security_service.match_memories(vector, double precision, integer) TO authenticated, service_role;
