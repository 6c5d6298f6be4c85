ALTER TABLE documents DROP CONSTRAINT documents_name_once;
ALTER TABLE documents DROP COLUMN shelf;
