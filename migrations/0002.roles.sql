-- depends: 0001.foundation
-- Who may do what: glia_app acts as one user at a time; glia_system looks up identities and sweeps jobs.

DO $$
DECLARE t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['users', 'api_keys', 'conversations', 'topics', 'messages', 'topic_router_runs',
        'topic_corrections', 'topic_windows', 'turns', 'turn_events', 'jobs', 'idempotency_keys', 'card_extract_runs',
        'card_extract_attempts', 'cards', 'card_citations']
    LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
        EXECUTE format('CREATE POLICY own_rows ON %I TO glia_app '
                       'USING (user_id = current_user_id()) WITH CHECK (user_id = current_user_id())', t);
    END LOOP;
END $$;

GRANT SELECT ON users TO glia_app;
GRANT SELECT, INSERT, UPDATE ON api_keys, conversations, topics, turns, jobs, idempotency_keys, card_extract_runs TO glia_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON messages, topic_windows, cards, card_citations TO glia_app;
GRANT SELECT, INSERT ON topic_router_runs, topic_corrections, card_extract_attempts TO glia_app;
GRANT SELECT, INSERT, DELETE ON turn_events TO glia_app;

-- The system role: identities, and the sweep's view of open jobs. No content.
CREATE POLICY system_identities ON users TO glia_system USING (true) WITH CHECK (true);
CREATE POLICY system_keys ON api_keys FOR SELECT TO glia_system USING (true);
CREATE POLICY system_open_jobs ON jobs TO glia_system USING (status IN ('queued', 'running'));
CREATE POLICY system_old_keys ON idempotency_keys TO glia_system USING (created_at < now() - interval '7 days');
GRANT SELECT, INSERT ON users TO glia_system;
GRANT SELECT ON api_keys TO glia_system;
GRANT SELECT (job_id, user_id, kind, subject, status, request_id, lease_until, due_at, created_at),
      UPDATE (lease_until, due_at) ON jobs TO glia_system;
GRANT SELECT (created_at), DELETE ON idempotency_keys TO glia_system;

-- The id of the user (issuer, subject), made on first sight. new_user_id is taken only then.
CREATE FUNCTION identify_user(p_issuer text, p_subject text, new_user_id uuid) RETURNS uuid
    LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
    AS $$
        WITH made AS (
            INSERT INTO users (user_id, issuer, subject) VALUES (new_user_id, p_issuer, p_subject)
            ON CONFLICT (issuer, subject) DO NOTHING RETURNING user_id
        )
        SELECT user_id FROM made
        UNION ALL SELECT user_id FROM users WHERE issuer = p_issuer AND subject = p_subject
        LIMIT 1
    $$;

-- The user of an API key that has not been revoked, by the SHA-256 of the key; no row otherwise.
CREATE FUNCTION user_of_api_key(p_key_sha256 bytea) RETURNS uuid
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
    AS $$ SELECT user_id FROM api_keys WHERE key_sha256 = p_key_sha256 AND revoked_at IS NULL $$;

ALTER FUNCTION identify_user(text, text, uuid) OWNER TO glia_system;
ALTER FUNCTION user_of_api_key(bytea) OWNER TO glia_system;
REVOKE EXECUTE ON FUNCTION identify_user(text, text, uuid), user_of_api_key(bytea) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION identify_user(text, text, uuid), user_of_api_key(bytea) TO glia_app;
