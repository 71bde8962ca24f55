-- What can be searched, kept by triggers beside each row, so that no way of writing a row can leave it behind.
-- Models do not declare the columns: no page reads them, and every SELECT would carry them along.

-- Marks of ASCII become blanks: PostgreSQL's parser would else take "claims.search" for the name of a host.
CREATE FUNCTION registry_plain(text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
$$ SELECT translate(coalesce($1, ''), '!"#$%&''()*+,-./:;<=>?@[\]^_`{|}~', repeat(' ', 32)) $$;

-- Each word as it stands, for its beginning to be found, and its English stem, for "payments" to find "payment".
CREATE FUNCTION registry_words(said text, weight "char") RETURNS tsvector LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
$$ SELECT setweight(to_tsvector('pg_catalog.simple', registry_plain(said)) ||
                    to_tsvector('pg_catalog.english', registry_plain(said)), weight) $$;

ALTER TABLE registry_agent ADD COLUMN words tsvector;
ALTER TABLE registry_packet ADD COLUMN words tsvector;
ALTER TABLE registry_tool ADD COLUMN words tsvector;
ALTER TABLE registry_datasource ADD COLUMN words tsvector;

-- What an agent can be filtered by stands among its words, as "status:live": no text gives such a word, and one index
-- answers words and filters together.
CREATE FUNCTION registry_agent_words() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.words := registry_words(concat_ws(' ', NEW.name, NEW.slug), 'A')
        || registry_words(concat_ws(' ', (SELECT name FROM accounts_team WHERE id = NEW.team_id),
                                         (SELECT name FROM accounts_person WHERE id = NEW.owner_id)), 'B')
        || registry_words(NEW.summary, 'C')
        || array_to_tsvector(ARRAY['team:' || NEW.team_id, 'owner:' || NEW.owner_id, 'status:' || NEW.status,
                                   'risk:' || NEW.risk_class, 'gate:' || NEW.gate, 'autonomy:' || NEW.autonomy]);
    RETURN NEW;
END $$;
CREATE TRIGGER words
    BEFORE INSERT OR UPDATE OF name, slug, summary, team_id, owner_id, status, risk_class, gate, autonomy
    ON registry_agent FOR EACH ROW EXECUTE FUNCTION registry_agent_words();

CREATE FUNCTION registry_packet_words() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.words := registry_words(concat_ws(' ', 'packet', NEW.number, NEW.version), 'A')
        || registry_words((SELECT concat_ws(' ', name, slug) FROM registry_agent WHERE id = NEW.agent_id), 'B');
    RETURN NEW;
END $$;
CREATE TRIGGER words BEFORE INSERT OR UPDATE OF number, version, agent_id ON registry_packet
    FOR EACH ROW EXECUTE FUNCTION registry_packet_words();

CREATE FUNCTION registry_tool_words() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.words := registry_words(concat_ws(' ', NEW.slug, NEW.name), 'A')
        || registry_words(concat_ws(' ', NEW.system, array_to_string(NEW.tags, ' ')), 'C');
    RETURN NEW;
END $$;
CREATE TRIGGER words BEFORE INSERT OR UPDATE OF slug, name, system, tags ON registry_tool
    FOR EACH ROW EXECUTE FUNCTION registry_tool_words();

CREATE FUNCTION registry_datasource_words() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.words := registry_words(concat_ws(' ', NEW.slug, NEW.name), 'A')
        || registry_words(concat_ws(' ', NEW.description, NEW.classification), 'C');
    RETURN NEW;
END $$;
CREATE TRIGGER words BEFORE INSERT OR UPDATE OF slug, name, description, classification ON registry_datasource
    FOR EACH ROW EXECUTE FUNCTION registry_datasource_words();

-- Names that stand in other rows' words.
CREATE FUNCTION registry_renamed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_TABLE_NAME = 'accounts_team' THEN
        UPDATE registry_agent SET team_id = team_id WHERE team_id = NEW.id;
    ELSIF TG_TABLE_NAME = 'accounts_person' THEN
        UPDATE registry_agent SET owner_id = owner_id WHERE owner_id = NEW.id;
    ELSE
        UPDATE registry_packet SET agent_id = agent_id WHERE agent_id = NEW.id;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER renamed AFTER UPDATE OF name ON accounts_team FOR EACH ROW
    WHEN (OLD.name IS DISTINCT FROM NEW.name) EXECUTE FUNCTION registry_renamed();
CREATE TRIGGER renamed AFTER UPDATE OF name ON accounts_person FOR EACH ROW
    WHEN (OLD.name IS DISTINCT FROM NEW.name) EXECUTE FUNCTION registry_renamed();
CREATE TRIGGER renamed AFTER UPDATE OF name, slug ON registry_agent FOR EACH ROW
    WHEN ((OLD.name, OLD.slug) IS DISTINCT FROM (NEW.name, NEW.slug)) EXECUTE FUNCTION registry_renamed();

UPDATE registry_agent SET name = name;
UPDATE registry_packet SET number = number;
UPDATE registry_tool SET slug = slug;
UPDATE registry_datasource SET slug = slug;

-- Without the list of pending entries, which every search would have to read through until a vacuum empties it.
CREATE INDEX registry_agent_words ON registry_agent USING gin (words) WITH (fastupdate = off);
CREATE INDEX registry_packet_words ON registry_packet USING gin (words) WITH (fastupdate = off);
CREATE INDEX registry_tool_words ON registry_tool USING gin (words) WITH (fastupdate = off);
CREATE INDEX registry_datasource_words ON registry_datasource USING gin (words) WITH (fastupdate = off);
CREATE INDEX registry_agent_begins ON registry_agent (lower(name) text_pattern_ops);

-- How many agents stand in which status and gate: the sum of `n`. One statement adds at most one row a pair.
CREATE FUNCTION registry_count_agents() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO registry_agentcount (status, gate, n) SELECT status, gate, count(*) FROM after GROUP BY 1, 2;
    ELSIF TG_OP = 'DELETE' THEN
        INSERT INTO registry_agentcount (status, gate, n) SELECT status, gate, -count(*) FROM before GROUP BY 1, 2;
    ELSE
        INSERT INTO registry_agentcount (status, gate, n)
            SELECT status, gate, sum(n) FROM (SELECT status, gate, -1 AS n FROM before
                                              UNION ALL SELECT status, gate, 1 FROM after) AS changed
            GROUP BY 1, 2 HAVING sum(n) <> 0;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER counted_new AFTER INSERT ON registry_agent REFERENCING NEW TABLE AS after
    FOR EACH STATEMENT EXECUTE FUNCTION registry_count_agents();
CREATE TRIGGER counted_gone AFTER DELETE ON registry_agent REFERENCING OLD TABLE AS before
    FOR EACH STATEMENT EXECUTE FUNCTION registry_count_agents();
CREATE TRIGGER counted_changed AFTER UPDATE ON registry_agent REFERENCING OLD TABLE AS before NEW TABLE AS after
    FOR EACH STATEMENT EXECUTE FUNCTION registry_count_agents();
INSERT INTO registry_agentcount (status, gate, n) SELECT status, gate, count(*) FROM registry_agent GROUP BY 1, 2;
