-- Verdicts of an app whose channels are denied alike are held while canaries decide (PROTOCOL §7).
ALTER TABLE apps ADD COLUMN held_since timestamptz;
ALTER TABLE apps ADD COLUMN hold_probe_at timestamptz;
ALTER TABLE apps ADD COLUMN released_at timestamptz;
-- The denied channels of an app: few, and only their own denials touch it.
CREATE INDEX schedule_denied ON schedule (app_id) WHERE denials > 0;
