-- A contract: v1.0.0 reads documents.body and does not work on this schema. Nothing is lost, either way.

ALTER TABLE documents RENAME COLUMN body TO content;
