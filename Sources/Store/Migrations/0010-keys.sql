-- When a key sealed last: journals keep what it sealed for a while, so it is retired only after that.
ALTER TABLE keys ADD COLUMN sealed_at timestamptz;
-- What is still sealed with another key.
CREATE INDEX credentials_kid ON credentials (kid, channel_id);
