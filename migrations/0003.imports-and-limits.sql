-- depends: 0002.roles
-- Imported history finds its topics again by the importer's own key; turns are counted per user and time for limits.

ALTER TABLE topics ADD COLUMN import_key text, ADD UNIQUE (user_id, import_key);
COMMENT ON COLUMN topics.import_key IS 'What an import called it: source and topic of the imported file.';
CREATE INDEX turns_by_user_time ON turns (user_id, created_at);
