"""All the tools, in the order in which agents see them."""

from neotoma.mcp.changing import CORRECT, DELETE_ENTITY, MERGE_ENTITIES, RESTORE_ENTITY
from neotoma.mcp.connectors import FETCH, SEARCH
from neotoma.mcp.exploring import (
    LIST_ENTITY_TYPES,
    LIST_TIMELINE_EVENTS,
    RETRIEVE_FIELD_PROVENANCE,
    RETRIEVE_RELATED_ENTITIES,
)
from neotoma.mcp.files import RETRIEVE_FILE_URL, UPLOAD_FILE
from neotoma.mcp.person import GET_AUTHENTICATED_USER
from neotoma.mcp.reading import LIST_OBSERVATIONS, RETRIEVE_ENTITIES, RETRIEVE_ENTITY_SNAPSHOT
from neotoma.mcp.tool import Tool
from neotoma.mcp.writing import CREATE_RELATIONSHIP, STORE

TOOLS: tuple[Tool, ...] = (
    SEARCH,
    FETCH,
    LIST_ENTITY_TYPES,
    RETRIEVE_ENTITIES,
    RETRIEVE_ENTITY_SNAPSHOT,
    RETRIEVE_RELATED_ENTITIES,
    LIST_OBSERVATIONS,
    RETRIEVE_FIELD_PROVENANCE,
    LIST_TIMELINE_EVENTS,
    RETRIEVE_FILE_URL,
    GET_AUTHENTICATED_USER,
    STORE,
    UPLOAD_FILE,
    CORRECT,
    CREATE_RELATIONSHIP,
    MERGE_ENTITIES,
    DELETE_ENTITY,
    RESTORE_ENTITY,
)
