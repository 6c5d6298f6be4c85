ALTER TABLE sources DROP CONSTRAINT sources_name_once;
ALTER TABLE sources DROP COLUMN shelf;
