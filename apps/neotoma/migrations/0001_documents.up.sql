-- Documents as they were uploaded, and the facts found in them.

CREATE TABLE documents (
  id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  sha256     text        NOT NULL UNIQUE,
  name       text        NOT NULL,
  kind       text        NOT NULL CHECK (kind IN ('text', 'csv', 'pdf')),
  original   bytea       NOT NULL,
  body       text        NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE facts (
  document_id bigint  NOT NULL REFERENCES documents ON DELETE CASCADE,
  position    integer NOT NULL,
  place       text    NOT NULL,
  text        text    NOT NULL,
  PRIMARY KEY (document_id, position)
);
