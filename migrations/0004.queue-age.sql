-- depends: 0003.imports-and-limits
-- How far behind the background work is, for requests: they have the application's login only, and may not see jobs of others.

-- Seconds that the oldest waiting job of anybody has waited; 0 if none waits.
CREATE FUNCTION oldest_queued_job() RETURNS double precision
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
    AS $$
        SELECT coalesce(extract(epoch FROM now() - min(created_at)), 0)::double precision FROM jobs WHERE status = 'queued'
    $$;

ALTER FUNCTION oldest_queued_job() OWNER TO glia_system;
REVOKE EXECUTE ON FUNCTION oldest_queued_job() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION oldest_queued_job() TO glia_app;
