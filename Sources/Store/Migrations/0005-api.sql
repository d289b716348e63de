-- What people and applications changed; what the machine does to a channel stands in audit.
CREATE TABLE changes (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT now(),
    actor text NOT NULL,
    address text,
    request_id text,
    tenant_id text,
    action text NOT NULL,
    subject text NOT NULL,
    detail text
);
CREATE INDEX changes_tenant ON changes (tenant_id, id);
CREATE INDEX changes_subject ON changes (subject, id);
CREATE INDEX changes_at ON changes (at);

-- Pages of lists: each filter that may match few rows has an index that finds them.
CREATE INDEX channels_user ON channels (user_id, id) WHERE user_id IS NOT NULL;
CREATE INDEX channels_provider ON channels (provider, id);
CREATE INDEX schedule_unusual ON schedule (status, channel_id) WHERE status <> 1;

-- Any part of id, names or account id: the three-letter parts of the text, found by an index that every PostgreSQL has.
CREATE FUNCTION search_text(id text, display_name text, local_name text, external_id text) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$ SELECT lower(id || ' ' || coalesce(display_name, '') || ' ' || coalesce(local_name, '') || ' '
                       || coalesce(external_id, '')) $$;
CREATE FUNCTION search_parts(text text) RETURNS text[]
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$ SELECT coalesce(array_agg(DISTINCT substr($1, n, 3)), '{}') FROM generate_series(1, length($1) - 2) n $$;
CREATE INDEX channels_search ON channels
    USING gin (search_parts(search_text(id, display_name, local_name, external_id)));

-- How often a caller took a channel's token.
CREATE TABLE token_reads (
    channel_id text NOT NULL REFERENCES channels ON DELETE CASCADE,
    caller text NOT NULL,
    reads int8 NOT NULL,
    last_at timestamptz NOT NULL,
    PRIMARY KEY (channel_id, caller)
);

-- The newest report of a rejected token that was checked.
CREATE TABLE token_reports (
    channel_id text PRIMARY KEY REFERENCES channels ON DELETE CASCADE,
    epoch int8 NOT NULL,
    at timestamptz NOT NULL
);

-- Work that outlives the request that asked for it. attempt fences what a worker writes.
CREATE TABLE jobs (
    id text PRIMARY KEY,
    kind text NOT NULL,
    state text NOT NULL CHECK (state IN ('waiting', 'active', 'completed', 'failed', 'cancelled')),
    tenant_id text,
    request jsonb NOT NULL,
    actor text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    run_at timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz,
    attempt int8 NOT NULL DEFAULT 0,
    lease_until timestamptz,
    cursor text,
    total int8,
    processed int8 NOT NULL DEFAULT 0,
    succeeded int8 NOT NULL DEFAULT 0,
    failed int8 NOT NULL DEFAULT 0,
    skipped int8 NOT NULL DEFAULT 0
);
CREATE INDEX jobs_open ON jobs (run_at) WHERE state IN ('waiting', 'active');
CREATE INDEX jobs_tenant ON jobs (tenant_id, created_at, id);
CREATE INDEX jobs_newest ON jobs (created_at, id);

CREATE TABLE job_results (
    job_id text NOT NULL REFERENCES jobs ON DELETE CASCADE,
    n int4 NOT NULL,
    channel_id text NOT NULL,
    outcome text NOT NULL,
    reason text NOT NULL,
    message text NOT NULL,
    expires_at timestamptz,
    next_refresh_at timestamptz,
    provider_request_id text,
    PRIMARY KEY (job_id, n)
);
