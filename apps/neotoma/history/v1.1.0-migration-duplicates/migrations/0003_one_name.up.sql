-- Passes on an empty table and fails where two documents share a name: fine in staging, not in production.

ALTER TABLE documents ADD COLUMN shelf text;

ALTER TABLE documents ADD CONSTRAINT documents_name_once UNIQUE (name);
