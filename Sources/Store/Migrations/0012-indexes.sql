-- Each index costs every message (docs/decisions/0012). Events are old in the order of their ids.
DROP INDEX event_expanded;
-- What is open of a subject, and once for each reason.
DROP INDEX incidents_open, incidents_open_cause;
CREATE UNIQUE INDEX incidents_open ON incidents (cause_id, cause_kind, reason) WHERE closed_at IS NULL;
