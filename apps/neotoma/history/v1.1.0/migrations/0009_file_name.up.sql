-- A contract: v1.0.0 reads sources.name and does not work on this schema. Nothing is lost, either way.

ALTER TABLE sources RENAME COLUMN name TO file_name;
