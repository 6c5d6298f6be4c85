DROP TABLE relationships, observations, entities, chunks, sources;
DROP FUNCTION observations_never_change, relationships_close_no_circle;
