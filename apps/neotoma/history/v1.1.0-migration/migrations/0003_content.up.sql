-- The second statement fails, for it still uses the old name; the transaction takes the first back.

ALTER TABLE documents RENAME COLUMN body TO content;

CREATE INDEX documents_content ON documents (md5(body));
