-- What a message costs (docs/decisions/0012). The relay writes both ends of these references in one transaction, and
-- cleanup removes what belongs together in one statement.
ALTER TABLE delivery_items DROP CONSTRAINT delivery_items_delivery_id_fkey,
    DROP CONSTRAINT delivery_items_incident_id_fkey;
ALTER TABLE delivery_attempts DROP CONSTRAINT delivery_attempts_delivery_id_fkey;
ALTER TABLE deliveries DROP CONSTRAINT deliveries_destination_id_fkey;
-- The attempt that was taken; those that failed are rows of delivery_attempts.
ALTER TABLE deliveries ADD COLUMN sent_ms int4, ADD COLUMN sent_message text, ADD COLUMN sent_excerpt text;
-- Ids are in the order of their time.
DROP INDEX deliveries_newest;
-- Most incidents of a platform have neither.
DROP INDEX incidents_open_app;
CREATE INDEX incidents_open_app ON incidents (app_id) WHERE closed_at IS NULL AND app_id IS NOT NULL;
DROP INDEX incidents_tenant;
CREATE INDEX incidents_tenant ON incidents (tenant_id, id) WHERE tenant_id IS NOT NULL;
