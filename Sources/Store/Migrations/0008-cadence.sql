-- Cadence, quiet and escalation (PROTOCOL §9).
ALTER TABLE incidents ADD COLUMN title text;
ALTER TABLE incidents ADD COLUMN link text;
ALTER TABLE incidents ADD COLUMN data jsonb;
-- Queued for somebody; null while a parent or a silence holds it back, or while it goes nowhere.
ALTER TABLE incidents ADD COLUMN told_at timestamptz;
-- When the cadence looks at it next: to tell, to remind, to end; null: not before something happens.
ALTER TABLE incidents ADD COLUMN remind_at timestamptz;
ALTER TABLE incidents ADD COLUMN reminders int4 NOT NULL DEFAULT 0;
ALTER TABLE incidents ADD COLUMN escalated_at timestamptz;
ALTER TABLE incidents ADD COLUMN acked_at timestamptz;
ALTER TABLE incidents ADD COLUMN acked_by text;
ALTER TABLE incidents ADD COLUMN ack_note text;
-- How often it came back soon after it had ended.
ALTER TABLE incidents ADD COLUMN flaps int4 NOT NULL DEFAULT 0;
CREATE INDEX incidents_remind ON incidents (remind_at) WHERE closed_at IS NULL AND remind_at IS NOT NULL;
CREATE INDEX incidents_closed_cause ON incidents (cause, closed_at) WHERE closed_at IS NOT NULL;

-- What an earlier version told is reminded of from tomorrow on.
UPDATE incidents n SET told_at = n.tell_at, remind_at = now() + interval '24 hours'
 WHERE n.closed_at IS NULL AND n.parent_id IS NULL;

ALTER TABLE destinations ADD COLUMN escalates_to text;
-- Failed attempts since the last success: the breaker.
ALTER TABLE destinations ADD COLUMN failures int4 NOT NULL DEFAULT 0;

-- A silence ends at ends_at; removing one sets that to the time of the removal.
CREATE TABLE silences (
    id text PRIMARY KEY,
    tenant_id text,
    match jsonb NOT NULL,
    incident_id bigint REFERENCES incidents ON DELETE CASCADE,
    starts_at timestamptz NOT NULL,
    ends_at timestamptz NOT NULL,
    author text NOT NULL,
    comment text NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL DEFAULT now(),
    -- When what it covers was last told to be quiet; null: it has not begun.
    applied_at timestamptz
);
CREATE INDEX silences_ends ON silences (ends_at);
CREATE INDEX silences_incident ON silences (incident_id) WHERE incident_id IS NOT NULL;

-- Receivers that asked for no more; an empty recipient is the whole destination.
CREATE TABLE mutes (
    destination_id text NOT NULL REFERENCES destinations ON DELETE CASCADE,
    recipient text NOT NULL DEFAULT '',
    muted_by text NOT NULL,
    muted_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (destination_id, recipient)
);

-- What a transport got back for the newest root message about an incident to a receiver.
CREATE TABLE delivery_threads (
    incident_id bigint NOT NULL REFERENCES incidents ON DELETE CASCADE,
    destination_id text NOT NULL,
    recipient text NOT NULL,
    handle text NOT NULL,
    PRIMARY KEY (incident_id, destination_id, recipient)
);
CREATE INDEX delivery_threads_handle ON delivery_threads (destination_id, handle);

ALTER TABLE event ADD COLUMN destination_id text;
ALTER TABLE event ADD COLUMN payload jsonb;

-- Ids of the platform's own events: the same id is the same event.
CREATE TABLE platform_events (
    tenant_id text NOT NULL DEFAULT '',
    id text NOT NULL,
    at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, id)
);
CREATE INDEX platform_events_at ON platform_events (at);
