LOCK TABLE sources, chunks, entities, observations, relationships IN ACCESS EXCLUSIVE MODE;
ALTER TABLE relationships DROP COLUMN user_id;
ALTER TABLE observations  DROP COLUMN user_id;
ALTER TABLE entities      DROP COLUMN user_id;
ALTER TABLE chunks        DROP COLUMN user_id;
ALTER TABLE sources       DROP COLUMN user_id;
DROP FUNCTION owner_of_new_row;
