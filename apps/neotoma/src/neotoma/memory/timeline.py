"""What happened when: the date fields of live entities, in an order that is the same for everybody at any time.

The database keeps the table of events itself, whichever version writes the entities.
"""

from datetime import date

from neotoma.database import Connection
from neotoma.memory import entities, paging
from neotoma.memory.errors import Invalid
from neotoma.memory.model import Event
from neotoma.memory.paging import Page
from neotoma.memory.values import searchable

PAGE = """
SELECT at, entity_id, type, name, field, observation_id FROM timeline_events
WHERE (type = %(type)s OR %(type)s::text IS NULL) AND (entity_id = %(entity)s OR %(entity)s::text IS NULL)
  AND at BETWEEN coalesce(%(start)s::date, '-infinity') AND coalesce(%(end)s::date, 'infinity')
"""
AFTER = "AND (at, entity_id, field) > (%(after_at)s, %(after_entity)s, %(after_field)s)"


async def page(
    connection: Connection,
    type: str | None = None,
    entity: str | None = None,
    start: date | None = None,
    end: date | None = None,
    limit: int = 50,
    cursor: str | None = None,
) -> Page[Event]:
    """Events by date, entity and field, from the day ``start`` to the day ``end``. Raises NotThere for the entity."""
    key = paging.after(cursor, 3)
    searchable(type or "")
    root = (await entities.find(connection, entity)).id if entity else None
    asked = {"type": type, "entity": root, "start": start, "end": end, "limit": limit + 1}
    keys = {"after_at": _day(key[0]), "after_entity": key[1], "after_field": key[2]} if key else {}
    query = f"{PAGE} {AFTER if key else ''} ORDER BY at, entity_id, field LIMIT %(limit)s"
    found = [Event(*row) for row in await (await connection.execute(query, {**asked, **keys})).fetchall()]
    last = found[limit - 1] if len(found) > limit else None
    next_ = paging.cursor(last.at.isoformat(), last.entity_id, last.field) if last else None
    return Page(tuple(found[:limit]), next_)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise Invalid("bad_cursor", "This page address is not one of ours. Begin again at the first page.") from error
