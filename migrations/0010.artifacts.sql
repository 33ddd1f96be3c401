-- depends: 0009.design-sessions
-- Artifacts: payloads kept by the hash of their redacted content. The bytes are in S3; a raw upload lives 15 minutes at most.

CREATE TABLE artifacts (
    artifact_id      uuid PRIMARY KEY,
    user_id          uuid NOT NULL REFERENCES users,
    status           text NOT NULL CHECK (status IN ('pending', 'clean', 'redacted', 'failed')),
    media_type       text NOT NULL,
    declared_bytes   bigint NOT NULL CHECK (declared_bytes >= 0),
    declared_sha256  text,
    upload_expires_at  timestamptz,
    bytes            bigint,
    content_hash     text,
    object_key       text,
    ruleset          text,
    redaction_counts jsonb,
    failure          text,
    created_at       timestamptz NOT NULL DEFAULT now(),
    settled_at       timestamptz,
    UNIQUE (artifact_id, user_id),
    CHECK ((status IN ('clean', 'redacted')) = (object_key IS NOT NULL)),
    CHECK ((status = 'failed') = (failure IS NOT NULL)),
    CHECK ((status = 'pending') = (settled_at IS NULL))
);
CREATE INDEX artifacts_by_content ON artifacts (user_id, content_hash) WHERE content_hash IS NOT NULL;
CREATE INDEX artifacts_pending ON artifacts (upload_expires_at) WHERE status = 'pending';
COMMENT ON COLUMN artifacts.content_hash IS 'SHA-256 of the redacted bytes; several artifacts of a user may share one object.';
COMMENT ON COLUMN artifacts.declared_sha256 IS 'Of the raw upload, to tell a damaged one; forgotten once it is settled.';

ALTER TABLE artifacts ENABLE ROW LEVEL SECURITY;
ALTER TABLE artifacts FORCE ROW LEVEL SECURITY;
CREATE POLICY own_rows ON artifacts TO glia_app
    USING (user_id = current_user_id()) WITH CHECK (user_id = current_user_id());
GRANT SELECT, INSERT, UPDATE, DELETE ON artifacts TO glia_app;

-- The sweep sees which uploads never came or were never settled, and nothing of what they hold.
CREATE POLICY system_expired ON artifacts FOR SELECT TO glia_system
    USING (status = 'pending' AND upload_expires_at < now());
GRANT SELECT (artifact_id, user_id, status, upload_expires_at) ON artifacts TO glia_system;
