ALTER TABLE sources RENAME COLUMN file_name TO name;
