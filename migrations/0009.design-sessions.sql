-- depends: 0008.reextractions
-- Design sessions: the record, which is permanent; the live state, which expires; every event; and users' own tools.

CREATE TABLE design_sessions (
    session_id        uuid PRIMARY KEY,
    user_id           uuid NOT NULL REFERENCES users,
    status            text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'completed', 'abandoned')),
    stage             text NOT NULL,
    name              text,
    final_prompt      text,
    workflow_json     jsonb,
    tools_config      jsonb,
    acceptance_cases  jsonb,
    created_at        timestamptz NOT NULL DEFAULT now(),
    updated_at        timestamptz NOT NULL DEFAULT now(),
    completed_at      timestamptz,
    UNIQUE (session_id, user_id)
);
CREATE INDEX design_sessions_by_user ON design_sessions (user_id, session_id);
COMMENT ON COLUMN design_sessions.final_prompt IS 'With the three that follow: what the session came to when it was completed last.';

CREATE TABLE design_session_states (
    session_id  uuid PRIMARY KEY,
    user_id     uuid NOT NULL,
    version     integer NOT NULL,
    state       jsonb NOT NULL,
    expires_at  timestamptz NOT NULL,
    FOREIGN KEY (session_id, user_id) REFERENCES design_sessions (session_id, user_id) ON DELETE CASCADE
);
CREATE INDEX design_session_states_by_expiry ON design_session_states (expires_at);

CREATE TABLE design_session_events (
    session_id   uuid NOT NULL,
    seq          integer NOT NULL,
    user_id      uuid NOT NULL,
    kind         text NOT NULL,
    content      text,
    reply        text,
    patch        jsonb,
    version      integer NOT NULL,
    request_id   text NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (session_id, seq),
    FOREIGN KEY (session_id, user_id) REFERENCES design_sessions (session_id, user_id) ON DELETE CASCADE
);
COMMENT ON COLUMN design_session_events.patch IS 'What was read in the message, or typed: applied to the state before, it gives the state of `version`.';

CREATE TABLE design_tools (
    tool_id     uuid PRIMARY KEY,
    user_id     uuid NOT NULL REFERENCES users,
    name        text NOT NULL,
    tool        jsonb NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now(),
    UNIQUE (user_id, name)
);

DO $$
DECLARE t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['design_sessions', 'design_session_states', 'design_session_events', 'design_tools']
    LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
        EXECUTE format('CREATE POLICY own_rows ON %I TO glia_app '
                       'USING (user_id = current_user_id()) WITH CHECK (user_id = current_user_id())', t);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO glia_app', t);
    END LOOP;
END $$;

-- The sweep sees which sessions have long expired, and nothing of what they hold.
CREATE POLICY system_expired ON design_session_states FOR SELECT TO glia_system USING (expires_at < now());
CREATE POLICY system_statuses ON design_sessions FOR SELECT TO glia_system USING (true);
CREATE POLICY system_abandons ON design_sessions FOR UPDATE TO glia_system
    USING (status = 'active') WITH CHECK (status = 'abandoned');
GRANT SELECT (session_id, expires_at) ON design_session_states TO glia_system;
GRANT SELECT (session_id, status), UPDATE (status, updated_at) ON design_sessions TO glia_system;
