DROP INDEX facts_words;
ALTER TABLE facts DROP COLUMN words;
ALTER TABLE documents DROP COLUMN title;
