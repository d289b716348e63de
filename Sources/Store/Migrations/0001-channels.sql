-- Who a channel is: rarely written.
CREATE TABLE channels (
    id text PRIMARY KEY,
    tenant_id text NOT NULL DEFAULT 'default',
    user_id text,
    provider text NOT NULL,
    display_name text,
    local_name text,
    external_id text,
    meta jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    disconnected_at timestamptz
);
CREATE INDEX channels_tenant ON channels (tenant_id, id);

-- The fence row (PROTOCOL §1): narrow and hot. Status 1 active, 2 warning, 3 paused, 4 disconnected.
CREATE TABLE schedule (
    channel_id text PRIMARY KEY REFERENCES channels ON DELETE CASCADE,
    provider text NOT NULL,
    app_id text NOT NULL,
    status int2 NOT NULL DEFAULT 1,
    reason text,
    due_at timestamptz,
    lease_until timestamptz,
    attempt int8 NOT NULL,
    grant_id int8 NOT NULL,
    written int8 NOT NULL,
    doubt boolean NOT NULL DEFAULT false,
    fails int4 NOT NULL DEFAULT 0,
    denials int4 NOT NULL DEFAULT 0,
    CHECK (attempt >= written AND attempt >= grant_id)
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_cost_delay = 0);
CREATE INDEX schedule_due ON schedule (provider, due_at) WHERE due_at IS NOT NULL;

-- Follows the fence row, written only by a statement that won it.
CREATE TABLE credentials (
    channel_id text PRIMARY KEY REFERENCES channels ON DELETE CASCADE,
    tenant_id text NOT NULL,
    written int8 NOT NULL,
    epoch int8 NOT NULL DEFAULT 1,
    kid text NOT NULL,
    sealed bytea NOT NULL,
    has_refresh_token boolean NOT NULL DEFAULT false,
    scopes text[] NOT NULL DEFAULT '{}',
    access_issued_at timestamptz,
    access_expires_at timestamptz,
    refresh_expires_at timestamptz,
    human_deadline_at timestamptz,
    last_refresh_at timestamptz
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_cost_delay = 0);
ALTER TABLE credentials ALTER COLUMN sealed SET STORAGE EXTERNAL;

-- What is wrong with a channel now, and its newest outcome; written with status changes and failures only.
CREATE TABLE conditions (
    channel_id text PRIMARY KEY REFERENCES channels ON DELETE CASCADE,
    code text,
    message text,
    since timestamptz,
    last_outcome text,
    last_error text,
    last_at timestamptz
);

-- Append only; one row for each end of an attempt and each change by a person.
CREATE TABLE audit (
    channel_id text NOT NULL,
    attempt int8 NOT NULL,
    outcome text NOT NULL,
    at timestamptz NOT NULL DEFAULT now(),
    actor text NOT NULL,
    code text,
    message text,
    request_id text,
    PRIMARY KEY (channel_id, attempt, outcome)
);

-- What the relay turns into incidents and deliveries, once each, in order of id (PROTOCOL §9).
-- kind: warning | recovered | app_rejected | app_recovered | security
CREATE TABLE event (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    channel_id text,
    app_id text,
    attempt int8 NOT NULL DEFAULT 0,
    kind text NOT NULL,
    reason text,
    code text,
    message text,
    at timestamptz NOT NULL DEFAULT now(),
    expanded_at timestamptz
);
CREATE INDEX event_pending ON event (id) WHERE expanded_at IS NULL;

CREATE TABLE apps (
    id text PRIMARY KEY,
    provider text NOT NULL,
    tenant_id text,
    state text NOT NULL DEFAULT 'ok',
    reason text,
    since timestamptz NOT NULL DEFAULT now(),
    probe_at timestamptz,
    -- A keyed digest of id and secrets: a change probes a paused app at once.
    fingerprint text
);

-- One row for each key id: proof that a ring opens what the database holds.
CREATE TABLE keys (
    kid text PRIMARY KEY,
    check_value bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    retired_at timestamptz
);

-- A replica's journal identity and what it still holds (PROTOCOL §5).
CREATE TABLE replica (
    journal_id uuid PRIMARY KEY,
    seen_at timestamptz NOT NULL DEFAULT now(),
    open_entries int4 NOT NULL DEFAULT 0,
    kids text[] NOT NULL DEFAULT '{}'
);

CREATE TABLE api_tokens (
    id text PRIMARY KEY,
    name text NOT NULL,
    digest bytea NOT NULL UNIQUE,
    role text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz,
    revoked_at timestamptz
);

CREATE VIEW channel_tokens AS
SELECT c.id, c.tenant_id, c.user_id, c.provider, c.display_name, s.status,
       k.access_expires_at AS token_expires_at, k.last_refresh_at AS last_token_refresh_at
  FROM channels c JOIN schedule s ON s.channel_id = c.id JOIN credentials k ON k.channel_id = c.id;
