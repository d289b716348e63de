-- Work that comes again. Whoever moves next_at inserts the slot's job in the same transaction; turn is the fence.
CREATE TABLE schedules (
    id text PRIMARY KEY,
    kind text NOT NULL,
    tenant_id text,
    request jsonb NOT NULL,
    interval_seconds int8 CHECK (interval_seconds > 0),
    cron text,
    time_zone text,
    -- From which the runs of an interval are counted.
    anchor_at timestamptz NOT NULL,
    -- Null: never again.
    next_at timestamptz,
    last_at timestamptz,
    last_job_id text,
    turn int8 NOT NULL DEFAULT 0,
    runs int8 NOT NULL DEFAULT 0,
    -- Slots passed over because the job before was not finished.
    skipped int8 NOT NULL DEFAULT 0,
    actor text NOT NULL,
    -- The settings': put and removed when a replica starts.
    is_setting boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT now(),
    CHECK ((interval_seconds IS NULL) <> (cron IS NULL)),
    CHECK ((cron IS NULL) = (time_zone IS NULL))
);
CREATE INDEX schedules_due ON schedules (next_at) WHERE next_at IS NOT NULL;
CREATE INDEX schedules_tenant ON schedules (tenant_id, id);

-- tries: those that threw since the last progress. cleanup: what one removed.
ALTER TABLE jobs ADD COLUMN schedule_id text;
ALTER TABLE jobs ADD COLUMN tries int4 NOT NULL DEFAULT 0;
ALTER TABLE jobs ADD COLUMN error text;
ALTER TABLE jobs ADD COLUMN cleanup jsonb;
-- Claimed, cancelled and removed all the time: dead rows go early.
ALTER TABLE jobs SET (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_cost_delay = 0);
ALTER TABLE job_results SET (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_cost_delay = 0);
-- The newest finished jobs of a tenant, and how many there are in each state.
CREATE INDEX jobs_finished ON jobs (coalesce(tenant_id, ''), state, finished_at, id) WHERE finished_at IS NOT NULL;
CREATE INDEX jobs_states ON jobs (tenant_id, state, run_at);

-- Set when a disconnected channel's secrets are gone.
ALTER TABLE channels ADD COLUMN shredded_at timestamptz;
CREATE INDEX channels_to_shred ON channels (disconnected_at)
    WHERE disconnected_at IS NOT NULL AND shredded_at IS NULL;
