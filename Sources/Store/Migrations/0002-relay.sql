-- Something a human must know until it is closed (PROTOCOL §9). cause = kind/reason/id.
CREATE TABLE incidents (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    cause text NOT NULL,
    cause_kind text NOT NULL CHECK (cause_kind IN ('channel', 'app', 'provider', 'platform')),
    cause_id text NOT NULL,
    reason text NOT NULL,
    severity text NOT NULL CHECK (severity IN ('critical', 'warning', 'info')),
    provider text,
    tenant_id text,
    app_id text,
    code text,
    message text,
    -- The open app incident under which this one is silent.
    parent_id bigint REFERENCES incidents ON DELETE SET NULL,
    members int4 NOT NULL DEFAULT 0,
    -- Nobody is told before this time.
    tell_at timestamptz NOT NULL DEFAULT now(),
    deadline_at timestamptz,
    opened_at timestamptz NOT NULL DEFAULT now(),
    closed_at timestamptz
);
CREATE UNIQUE INDEX incidents_open ON incidents (cause) WHERE closed_at IS NULL;
CREATE INDEX incidents_open_cause ON incidents (cause_id, cause_kind) WHERE closed_at IS NULL;
CREATE INDEX incidents_open_app ON incidents (app_id) WHERE closed_at IS NULL;
CREATE INDEX incidents_parent ON incidents (parent_id) WHERE parent_id IS NOT NULL;
CREATE INDEX incidents_tenant ON incidents (tenant_id, id);
CREATE INDEX incidents_closed ON incidents (closed_at) WHERE closed_at IS NOT NULL;

CREATE TABLE incident_members (
    incident_id bigint NOT NULL REFERENCES incidents ON DELETE CASCADE,
    channel_id text NOT NULL,
    joined_at timestamptz NOT NULL DEFAULT now(),
    left_at timestamptz,
    PRIMARY KEY (incident_id, channel_id)
);
CREATE INDEX incident_members_channel ON incident_members (channel_id, incident_id);

CREATE TABLE destinations (
    id text PRIMARY KEY,
    tenant_id text,
    name text NOT NULL,
    kind text NOT NULL,
    is_default boolean NOT NULL DEFAULT false,
    match jsonb NOT NULL DEFAULT '{}',
    recipients text[] NOT NULL DEFAULT '{}',
    -- URL, password, signing secret; bound to id, tenant and revision.
    revision int8 NOT NULL DEFAULT 1,
    kid text NOT NULL,
    sealed bytea NOT NULL,
    -- No claim before: parked_until is what the receiver asked for, paced_until our own pace.
    parked_until timestamptz,
    paced_until timestamptz,
    served_at timestamptz,
    fault text,
    created_at timestamptz NOT NULL DEFAULT now(),
    removed_at timestamptz
);
CREATE INDEX destinations_tenant ON destinations (tenant_id) WHERE removed_at IS NULL;

-- One message to one receiver. While pending or sending, run_at is when somebody must look at it again.
CREATE TABLE deliveries (
    id text PRIMARY KEY DEFAULT 'msg_' || replace(gen_random_uuid()::text, '-', ''),
    destination_id text NOT NULL REFERENCES destinations,
    recipient text NOT NULL DEFAULT '',
    kind text NOT NULL,
    type text NOT NULL,
    state text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'sending', 'sent', 'dead', 'suppressed')),
    run_at timestamptz NOT NULL,
    lease_until timestamptz,
    claim_id uuid,
    -- All attempts, and those since it was queued or replayed.
    attempts int4 NOT NULL DEFAULT 0,
    tries int4 NOT NULL DEFAULT 0,
    maybe_arrived boolean NOT NULL DEFAULT false,
    -- Rendered at the first claim and the same ever after.
    content bytea,
    code text,
    error text,
    created_at timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz
);
CREATE INDEX deliveries_due ON deliveries (destination_id, run_at) WHERE state IN ('pending', 'sending');
CREATE INDEX deliveries_joinable ON deliveries (destination_id, recipient, kind, type, run_at)
    WHERE state = 'pending' AND attempts = 0;
CREATE INDEX deliveries_dead ON deliveries (finished_at) WHERE state = 'dead';
CREATE INDEX deliveries_finished ON deliveries (finished_at) WHERE finished_at IS NOT NULL;
CREATE INDEX deliveries_newest ON deliveries (created_at, id);

-- Which incidents a delivery carries. seq orders the messages of one incident to one receiver.
-- dropped: it ended before the message was rendered, so the message does not name it.
CREATE TABLE delivery_items (
    delivery_id text NOT NULL REFERENCES deliveries ON DELETE CASCADE,
    incident_id bigint NOT NULL REFERENCES incidents ON DELETE CASCADE,
    destination_id text NOT NULL,
    recipient text NOT NULL,
    seq int4 NOT NULL,
    dropped boolean NOT NULL DEFAULT false,
    PRIMARY KEY (delivery_id, incident_id),
    UNIQUE (incident_id, destination_id, recipient, seq)
);

CREATE TABLE delivery_attempts (
    delivery_id text NOT NULL REFERENCES deliveries ON DELETE CASCADE,
    n int4 NOT NULL,
    at timestamptz NOT NULL DEFAULT now(),
    outcome text NOT NULL,
    code text NOT NULL,
    message text NOT NULL,
    ms int4 NOT NULL,
    excerpt text,
    PRIMARY KEY (delivery_id, n)
);

-- Why an event could not be expanded; it is set aside so that it delays nobody.
ALTER TABLE event ADD COLUMN fault text;
CREATE INDEX event_expanded ON event (expanded_at) WHERE expanded_at IS NOT NULL;
