-- Channels by provider and status without scanning them: status changes append differences, a loop folds them.
CREATE TABLE channel_counts (
    provider text NOT NULL,
    status int2 NOT NULL,
    total int8 NOT NULL,
    PRIMARY KEY (provider, status)
);
CREATE TABLE channel_count_changes (
    provider text NOT NULL,
    status int2 NOT NULL,
    change int8 NOT NULL
);

CREATE FUNCTION note_status_update() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO channel_count_changes (provider, status, change)
    VALUES (OLD.provider, OLD.status, -1), (NEW.provider, NEW.status, 1);
    RETURN NULL;
END $$;
CREATE FUNCTION note_status_insert() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO channel_count_changes (provider, status, change)
    SELECT provider, status, count(*) FROM after_rows GROUP BY provider, status;
    RETURN NULL;
END $$;
CREATE FUNCTION note_status_delete() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO channel_count_changes (provider, status, change)
    SELECT provider, status, -count(*) FROM before_rows GROUP BY provider, status;
    RETURN NULL;
END $$;
-- By row with a condition: claims and renewals, which leave the status alone, pay nothing.
CREATE TRIGGER status_updated AFTER UPDATE OF status, provider ON schedule
    FOR EACH ROW WHEN ((OLD.status, OLD.provider) IS DISTINCT FROM (NEW.status, NEW.provider))
    EXECUTE FUNCTION note_status_update();
CREATE TRIGGER status_inserted AFTER INSERT ON schedule
    REFERENCING NEW TABLE AS after_rows FOR EACH STATEMENT EXECUTE FUNCTION note_status_insert();
CREATE TRIGGER status_deleted AFTER DELETE ON schedule
    REFERENCING OLD TABLE AS before_rows FOR EACH STATEMENT EXECUTE FUNCTION note_status_delete();

CREATE FUNCTION forget_statuses() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM channel_counts;
    DELETE FROM channel_count_changes;
    RETURN NULL;
END $$;
CREATE TRIGGER status_emptied AFTER TRUNCATE ON schedule FOR EACH STATEMENT EXECUTE FUNCTION forget_statuses();
