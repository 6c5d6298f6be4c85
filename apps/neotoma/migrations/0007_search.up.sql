-- migrate: no transaction
-- Full-text search. The version before writes chunks as ever: a trigger keeps what is new here.
--
-- Row-level security hides the index from a search, for @@ is not leakproof. So the search is one function that sees all
-- and asks for the user itself, twice: by the column, and by a lexeme that the index knows. Such lexemes begin with
-- chr(1), which no parser lets through. They are of the owner (u), of the type (t), and of three sizes of "age" (a, b, c):
-- numbers grow with time, and a number shifted right by 12, 14 or 16 bits is the same for 4,096 to 65,536 neighbours.
-- So the index itself finds the newest matches, and a word that is in half of a large memory costs what a rare one does.
--
-- The index knows no positions, so a phrase of frequent words would be looked for in every chunk that has them. So it also
-- knows which words follow each other: each such pair is one of 4,096 lexemes that begin with chr(2). There are so few of
-- them that an upload finds their pages at hand, and so many that a phrase is looked for in few chunks that have it not.

CREATE SEQUENCE chunks_number START 1073741824;  -- what is there already is numbered downward from here

-- The first lock, however long it takes, is in nobody's way. Who has it need not wait for autovacuum with one that is.
DO $$
BEGIN
  SET LOCAL lock_timeout = 0;
  LOCK TABLE chunks IN SHARE UPDATE EXCLUSIVE MODE;
  SET LOCAL lock_timeout TO DEFAULT;
  ALTER TABLE chunks ADD COLUMN number bigint, ADD COLUMN words tsvector;
  ALTER TABLE chunks ALTER COLUMN words SET STORAGE MAIN, SET (toast_tuple_target = 8160);  -- a phrase is looked up there
END $$;

-- Without a path of its own, as it is part of whatever calls it: so it is quick, and its names are bound here and now.
CREATE FUNCTION chunk_pair(word text, next text) RETURNS text
IMMUTABLE LANGUAGE sql
RETURN chr(2) || left(encode(sha256(convert_to(word || ' ' || next, 'UTF8')), 'hex'), 3);
REVOKE ALL ON FUNCTION chunk_pair FROM PUBLIC;

CREATE FUNCTION chunk_words(body text, owner uuid, type text, number bigint) RETURNS tsvector
IMMUTABLE LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  words CONSTANT tsvector := to_tsvector('english', left(body, 20000));
BEGIN
  RETURN words || array_to_tsvector(array_remove(ARRAY[
    chr(1) || 'u' || owner, chr(1) || 't' || encode(convert_to(left(type, 200), 'UTF8'), 'hex'),
    chr(1) || 'a' || (number >> 12), chr(1) || 'b' || (number >> 14), chr(1) || 'c' || (number >> 16)], NULL))
    || array_to_tsvector(ARRAY(
      WITH word AS MATERIALIZED (SELECT lexeme, at FROM unnest(words), unnest(positions) AS at)
      SELECT chunk_pair(word.lexeme, next.lexeme) FROM word JOIN word AS next ON next.at = word.at + 1));
END $$;
REVOKE ALL ON FUNCTION chunk_words FROM PUBLIC;

-- Runs as the owner, so that nobody else needs any right on the sequence; it looks at the chunk's own source only.
CREATE FUNCTION chunks_words() RETURNS trigger
SECURITY DEFINER LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  NEW.number := coalesce(NEW.number, nextval('chunks_number'));
  NEW.words := chunk_words(NEW.text, NEW.user_id, (
    SELECT document_type FROM sources WHERE user_id = NEW.user_id AND id = NEW.source_id), NEW.number);
  RETURN NEW;
END $$;
REVOKE ALL ON FUNCTION chunks_words FROM PUBLIC;
DO $$
BEGIN
  SET LOCAL lock_timeout = 0;
  LOCK TABLE chunks IN SHARE UPDATE EXCLUSIVE MODE;
  SET LOCAL lock_timeout TO DEFAULT;
  CREATE TRIGGER chunks_words BEFORE INSERT OR UPDATE ON chunks FOR EACH ROW EXECUTE FUNCTION chunks_words();
END $$;

CREATE FUNCTION chunks_follow_type() RETURNS trigger
SECURITY DEFINER LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  UPDATE chunks SET words = NULL WHERE user_id = NEW.user_id AND source_id = NEW.id;  -- chunks_words() writes them anew
  RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION chunks_follow_type FROM PUBLIC;
DO $$
BEGIN
  SET LOCAL lock_timeout = 0;
  LOCK TABLE sources IN SHARE UPDATE EXCLUSIVE MODE;
  SET LOCAL lock_timeout TO DEFAULT;
  CREATE TRIGGER chunks_follow_type AFTER UPDATE OF document_type ON sources
    FOR EACH ROW WHEN (OLD.document_type IS DISTINCT FROM NEW.document_type) EXECUTE FUNCTION chunks_follow_type();
END $$;

-- The newest first, so that the search, which prefers them, finds the same as later. One source is one transaction, which
-- holds its row before those of its chunks, as a deletion does: so the two wait for each other and never in a circle.
SET lock_timeout = 0;
SET statement_timeout = 0;
SET synchronous_commit = off;
DO $$
DECLARE source record; next bigint := 1073741824;
BEGIN
  IF NOT EXISTS (SELECT FROM planted) THEN
    RAISE EXCEPTION 'this role does not see all rows, and would fill none: ALTER ROLE % BYPASSRLS', current_user;
  END IF;
  FOR source IN SELECT user_id, id FROM sources ORDER BY created_at DESC, id DESC, user_id LOOP
    PERFORM FROM sources WHERE user_id = source.user_id AND id = source.id FOR KEY SHARE;
    next := next - 1 - (SELECT coalesce(max(position), 0) FROM chunks
                        WHERE user_id = source.user_id AND source_id = source.id);
    UPDATE chunks SET number = next + position
      WHERE user_id = source.user_id AND source_id = source.id AND number IS NULL;
    COMMIT;
  END LOOP;
END $$;
RESET synchronous_commit;

-- No pending list: what an upload saves by one, every search would pay for.
CREATE INDEX CONCURRENTLY chunks_words ON chunks USING gin (words) WITH (fastupdate = off);
ANALYZE chunks;
RESET lock_timeout;
RESET statement_timeout;

-- The same query, in which each phrase also asks for its pairs. A chunk with the phrase has them, so nothing else is found,
-- also where a phrase is one of several or must not be there. Between words that are further apart nothing is asked for.
CREATE FUNCTION query_pairs(query tsquery) RETURNS tsquery
IMMUTABLE LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  written text := substring(query::text FROM '^[^'']*');
  word text;
  operator text;
  previous text;
  pairs text := '';
BEGIN
  FOR word, operator IN
    SELECT part[1], part[2] FROM regexp_matches(query::text, '(''(?:[^'']|'''')*'')([^'']*)', 'g') AS part
  LOOP
    IF previous IS NOT NULL THEN
      pairs := pairs || format(' & ''%s''', chunk_pair(previous, (tsvector_to_array(word::tsvector))[1]));
    END IF;
    previous := CASE operator WHEN ' <-> ' THEN (tsvector_to_array(word::tsvector))[1] END;
    IF operator LIKE ' <%' THEN
      written := written || word || operator;
    ELSE  -- the phrase is at its end: & binds less than <-> and more than |, and around what follows ! there are brackets
      written := written || word || pairs || operator;
      pairs := '';
    END IF;
  END LOOP;
  RETURN written;
END $$;
REVOKE ALL ON FUNCTION query_pairs FROM PUBLIC;

-- The member's sources that answer best, each by its best chunk. Only the newest 500 chunks that match are ranked: taken
-- from as few of the newest ages as hold so many, which gives the same 500 as looking everywhere.
CREATE FUNCTION search_chunks(asked text, type text, most integer)
RETURNS TABLE (source_id text, place text, marked text, rank real)
STABLE SECURITY DEFINER LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp SET enable_seqscan = off AS $$
#variable_conflict use_column
DECLARE
  ranked CONSTANT integer := 500;
  member CONSTANT uuid := member_id();
  query CONSTANT tsquery := websearch_to_tsquery('english', asked);
  walled tsquery;
  newest bigint;
  age text;
  shift integer;
  ages tsquery;
  seen tsquery;
  found tid[] := '{}';
BEGIN
  IF member IS NULL OR numnode(query) = 0 THEN
    RETURN;
  END IF;
  walled := query_pairs(query) && format('''%su%s''', chr(1), member)::tsquery;
  IF type IS NOT NULL THEN
    walled := walled && format('''%st%s''', chr(1), encode(convert_to(left(type, 200), 'UTF8'), 'hex'))::tsquery;
  END IF;
  newest := (SELECT last_value FROM chunks_number);
  FOREACH age IN ARRAY ARRAY['a', 'b', 'c', ''] LOOP
    CONTINUE WHEN age = 'b' AND cardinality(found) < ranked / 5;  -- four times as many would not be enough
    shift := CASE age WHEN 'a' THEN 12 WHEN 'b' THEN 14 ELSE 16 END;
    ages := format('''%1$s%2$s%3$s'' | ''%1$s%2$s%4$s''', chr(1), age, newest >> shift, (newest >> shift) - 1)::tsquery;
    found := found || ARRAY(
      SELECT ctid FROM chunks
      WHERE words @@ (walled && CASE WHEN age = '' THEN ''::tsquery ELSE ages END && coalesce(!! seen, ''))
        AND (user_id = member) IS TRUE  -- so written that no other index than that of the words fits
      ORDER BY number DESC LIMIT ranked - cardinality(found));
    EXIT WHEN cardinality(found) = ranked;
    seen := ages;  -- the next size holds all of these, and more
  END LOOP;
  RETURN QUERY
    WITH best AS (
      SELECT DISTINCT ON (source_id) source_id, place, text, number, ts_rank(words, query) AS rank
      FROM chunks WHERE ctid = ANY (found) AND user_id = member ORDER BY source_id, rank DESC, number
    ), top AS (SELECT * FROM best ORDER BY rank DESC, number DESC, source_id LIMIT most)
    SELECT source_id, place, ts_headline('english', translate(text, U&'\E000\E001', ''), query,
             U&'StartSel=\E000, StopSel=\E001, MaxWords=30, MinWords=15'), rank
    FROM top ORDER BY rank DESC, number DESC, source_id;
END $$;
REVOKE ALL ON FUNCTION search_chunks FROM PUBLIC;
GRANT EXECUTE ON FUNCTION search_chunks TO neotoma_member;
