-- The second statement fails, for it still uses the old name; the transaction takes the first back.

ALTER TABLE sources RENAME COLUMN name TO file_name;

CREATE INDEX sources_names ON sources (user_id, md5(name));
