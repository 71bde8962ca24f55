-- The ledger: every act, once, for ever. Plain SQL because only so can a trigger be ENABLE ALWAYS,
-- which also holds under session_replication_role = replica.
CREATE SCHEMA ledger;

-- payload is bytea, not jsonb: jsonb merges duplicate keys and rewrites numbers, and the hash is over the exact bytes.
CREATE TABLE ledger.entry (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    stream text NOT NULL CHECK (stream ~ '^(system|[a-z]+:[0-9a-z-]{1,80})$'),
    stream_seq bigint NOT NULL CHECK (stream_seq > 0),
    kind text NOT NULL,
    payload bytea NOT NULL CHECK (octet_length(payload) < 65535),
    prev_hash bytea NOT NULL CHECK (octet_length(prev_hash) IN (0, 32)),
    -- RFC 9162, 2.1.1: the hash of a leaf is SHA-256(0x00 || leaf).
    leaf_hash bytea GENERATED ALWAYS AS (sha256('\x00'::bytea || payload)) STORED,
    xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
    inserted_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    UNIQUE (stream, stream_seq)
);
CREATE INDEX entry_kind ON ledger.entry (kind, id);

CREATE TABLE ledger.stream_head (
    stream text PRIMARY KEY,
    seq bigint NOT NULL,
    hash bytea NOT NULL
);

CREATE FUNCTION ledger.refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '%.% is append-only: % is refused', TG_TABLE_SCHEMA, TG_TABLE_NAME, TG_OP
        USING ERRCODE = 'insufficient_privilege';
END $$;

CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON ledger.entry
    FOR EACH ROW EXECUTE FUNCTION ledger.refuse();
CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON ledger.entry
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse();
CREATE TRIGGER refuse_delete BEFORE DELETE ON ledger.stream_head
    FOR EACH ROW EXECUTE FUNCTION ledger.refuse();
CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON ledger.stream_head
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse();

-- A head only ever moves on by the entry that was just appended.
CREATE FUNCTION ledger.head_moves_by_one() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.stream <> OLD.stream OR NEW.seq <> OLD.seq + 1 OR NOT EXISTS (
        SELECT 1 FROM ledger.entry e WHERE e.stream = NEW.stream AND e.stream_seq = NEW.seq AND e.leaf_hash = NEW.hash
    ) THEN
        RAISE EXCEPTION 'the head of stream % can only follow its next entry', OLD.stream
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END $$;
CREATE FUNCTION ledger.head_starts_at_zero() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.seq <> 0 OR NEW.hash <> ''::bytea THEN
        RAISE EXCEPTION 'stream % starts before its first entry', NEW.stream USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER start_at_zero BEFORE INSERT ON ledger.stream_head
    FOR EACH ROW EXECUTE FUNCTION ledger.head_starts_at_zero();
CREATE TRIGGER move_by_one BEFORE UPDATE ON ledger.stream_head
    FOR EACH ROW EXECUTE FUNCTION ledger.head_moves_by_one();

ALTER TABLE ledger.entry ENABLE ALWAYS TRIGGER refuse_change;
ALTER TABLE ledger.entry ENABLE ALWAYS TRIGGER refuse_truncate;
ALTER TABLE ledger.stream_head ENABLE ALWAYS TRIGGER refuse_delete;
ALTER TABLE ledger.stream_head ENABLE ALWAYS TRIGGER refuse_truncate;
ALTER TABLE ledger.stream_head ENABLE ALWAYS TRIGGER start_at_zero;
ALTER TABLE ledger.stream_head ENABLE ALWAYS TRIGGER move_by_one;

-- Locks one stream's head, which is the only lock that writers share, and returns where the stream stands.
CREATE FUNCTION ledger.lock_head(p_stream text, OUT seq bigint, OUT hash bytea)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO ledger.stream_head VALUES (p_stream, 0, ''::bytea) ON CONFLICT DO NOTHING;
    SELECT h.seq, h.hash INTO seq, hash FROM ledger.stream_head h WHERE h.stream = p_stream FOR UPDATE;
END $$;

-- The only way in. What the payload says of itself must be what the arguments and the head say.
CREATE FUNCTION ledger.append(p_stream text, p_seq bigint, p_prev bytea, p_kind text, p_payload bytea) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    head ledger.stream_head;
    said jsonb := convert_from(p_payload, 'UTF8')::jsonb;
    new_id bigint;
    new_hash bytea;
BEGIN
    SELECT * INTO head FROM ledger.stream_head WHERE stream = p_stream FOR UPDATE;
    IF head IS NULL OR p_seq <> head.seq + 1 OR p_prev <> head.hash THEN
        RAISE EXCEPTION 'entry % does not follow the head of stream %', p_seq, p_stream
            USING ERRCODE = 'serialization_failure';
    END IF;
    IF said->>'stream' IS DISTINCT FROM p_stream OR (said->>'seq')::bigint IS DISTINCT FROM p_seq
       OR said->>'kind' IS DISTINCT FROM p_kind OR said->>'prev' IS DISTINCT FROM encode(p_prev, 'hex') THEN
        RAISE EXCEPTION 'the payload of entry % of stream % contradicts its place', p_seq, p_stream
            USING ERRCODE = 'check_violation';
    END IF;
    INSERT INTO ledger.entry (stream, stream_seq, kind, payload, prev_hash)
        VALUES (p_stream, p_seq, p_kind, p_payload, p_prev) RETURNING id, leaf_hash INTO new_id, new_hash;
    UPDATE ledger.stream_head SET seq = p_seq, hash = new_hash WHERE stream = p_stream;
    RETURN new_id;
END $$;

REVOKE ALL ON FUNCTION ledger.lock_head(text), ledger.append(text, bigint, bytea, text, bytea) FROM PUBLIC;
