ALTER TABLE documents RENAME COLUMN content TO body;
