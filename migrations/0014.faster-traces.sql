-- depends: 0013.explanations
-- What made ingestion slow: finding a trace's root among all its steps, and foreign keys checked row by row.

CREATE INDEX trace_steps_roots ON trace_steps (user_id, run_id, started_at, step_id) WHERE parent_step_id IS NULL;

-- As events and steps, contents and what uses them are written and erased only while the user's key is held.
ALTER TABLE trace_content_refs DROP CONSTRAINT trace_content_refs_user_id_run_id_fkey;
ALTER TABLE trace_content_refs DROP CONSTRAINT trace_content_refs_user_id_content_hash_fkey;
ALTER TABLE trace_contents DROP CONSTRAINT trace_contents_user_id_fkey;
COMMENT ON TABLE trace_contents IS 'Written and erased only while the user''s key is held, so no foreign key is checked row by row.';
COMMENT ON COLUMN trace_events.fingerprint IS 'HMAC-SHA-256, 16 bytes, of the event as received, before redaction: tells a resend from a conflict.';
