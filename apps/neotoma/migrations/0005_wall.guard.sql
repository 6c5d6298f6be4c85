-- Before the wall there is one user. A row for what others would lose or, worse, show.

SELECT format('There are %s other users, with %s sources, %s entities, %s observations and %s relationships. The schema '
              'before has no place for them, so nothing was taken back. Export and delete their accounts first, or leave '
              'the schema as it is: the version before works on it and sees its own rows only.',
              others, sources, entities, observations, relationships)
FROM (SELECT
  (SELECT count(*) FROM users WHERE user_id <> '00000000-0000-4000-8000-000000000001') AS others,
  (SELECT count(*) FROM sources WHERE user_id <> '00000000-0000-4000-8000-000000000001') AS sources,
  (SELECT count(*) FROM entities WHERE user_id <> '00000000-0000-4000-8000-000000000001') AS entities,
  (SELECT count(*) FROM observations WHERE user_id <> '00000000-0000-4000-8000-000000000001') AS observations,
  (SELECT count(*) FROM relationships WHERE user_id <> '00000000-0000-4000-8000-000000000001') AS relationships
) AS counted
WHERE others + sources + entities + observations + relationships > 0
