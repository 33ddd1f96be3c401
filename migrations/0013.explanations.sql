-- depends: 0012.content-texts
-- What explains Glia's own doings: each row names the run of traces that tells how it came about.

ALTER TABLE turns ADD COLUMN trace_run_id uuid;
ALTER TABLE topic_router_runs ADD COLUMN trace_run_id uuid;
ALTER TABLE card_extract_runs ADD COLUMN trace_run_id uuid;
ALTER TABLE stories ADD COLUMN trace_run_id uuid;
ALTER TABLE design_session_events ADD COLUMN trace_run_id uuid;
COMMENT ON COLUMN turns.trace_run_id IS 'Allotted with the row; the run is there once the turn has ended, until the user erases it. Null in rows older than explanations.';
COMMENT ON COLUMN topic_router_runs.trace_run_id IS 'That of the turn the message was routed for; null for imported messages.';
COMMENT ON COLUMN card_extract_runs.trace_run_id IS 'Of the last attempt: each claim allots one anew, and the run is there once that attempt has ended.';
COMMENT ON COLUMN stories.trace_run_id IS 'A story that is shown again names the run that told it first.';
COMMENT ON COLUMN design_session_events.trace_run_id IS 'Of messages only.';
