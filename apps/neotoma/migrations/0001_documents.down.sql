DROP TABLE facts;
DROP TABLE documents;
