-- One row for each authorization code that was redeemed: written before the code is sent (PROTOCOL §8).
CREATE TABLE authorizations (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    state_hash bytea NOT NULL UNIQUE,
    state text NOT NULL DEFAULT 'redeeming' CHECK (state IN ('redeeming', 'exchanged', 'stored', 'refused')),
    channel_id text NOT NULL,
    tenant_id text NOT NULL,
    user_id text,
    provider text NOT NULL,
    app_id text NOT NULL,
    display_name text,
    -- The grant that is replaced; null connects a new channel.
    grant_id int8,
    actor text NOT NULL,
    signed_in boolean NOT NULL,
    nonce_hash bytea,
    -- The provider's answer, from `exchanged` until the end.
    kid text,
    sealed bytea,
    -- Whoever finishes it has it until then.
    busy_until timestamptz,
    reason text,
    created_at timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz
);
CREATE INDEX authorizations_open ON authorizations (created_at) WHERE state IN ('redeeming', 'exchanged');
CREATE INDEX authorizations_finished ON authorizations (finished_at) WHERE finished_at IS NOT NULL;

-- A keyed digest of each grant's first token: the same token is no two channels'.
CREATE TABLE grant_fingerprints (
    digest bytea PRIMARY KEY,
    channel_id text NOT NULL REFERENCES channels ON DELETE CASCADE,
    noted_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX grant_fingerprints_channel ON grant_fingerprints (channel_id);
CREATE INDEX channels_account ON channels (external_id, provider) WHERE external_id IS NOT NULL;
