DROP TABLE relationships, observations, entities, chunks, sources;
DROP FUNCTION observations_never_change;
