"""Rows of a user in every table of the memory."""

from apps.neotoma.tests.support import Database


def fill(database: Database, user: str) -> None:
    """A row of this user in every table of the memory, each referring to others."""
    database.query(f"""
        INSERT INTO sources (user_id, id, sha256, name, media_type, bytes, kind, status)
        VALUES ('{user}', 'src_1', 'sha', 'a.txt', 'text/plain', 1, 'file', 'ready');
        INSERT INTO chunks (user_id, source_id, position, place, text) VALUES ('{user}', 'src_1', 0, 'line 1', 'words');
        INSERT INTO entities (user_id, id, type, name, merged_into) VALUES
          ('{user}', 'ent_1', 'person', 'A', NULL), ('{user}', 'ent_2', 'person', 'B', NULL),
          ('{user}', 'ent_3', 'person', 'C', 'ent_1');
        INSERT INTO observations (user_id, id, entity_id, source_id, kind, fields) VALUES
          ('{user}', 'obs_1', 'ent_1', 'src_1', 'extracted', '{{}}'),
          ('{user}', 'obs_2', 'ent_2', 'src_1', 'extracted', '{{}}'),
          ('{user}', 'obs_3', 'ent_3', NULL, 'correction', '{{}}');
        INSERT INTO relationships (user_id, id, type, from_id, to_id, source_id)
        VALUES ('{user}', 'rel_1', 'knows', 'ent_1', 'ent_2', 'src_1');
    """)
