"""All the tools, in the order in which agents see them."""

from neotoma.mcp.connectors import SEARCH
from neotoma.mcp.reading import LIST_OBSERVATIONS, RETRIEVE_ENTITIES, RETRIEVE_ENTITY_SNAPSHOT
from neotoma.mcp.tool import Tool
from neotoma.mcp.writing import CREATE_RELATIONSHIP, STORE

TOOLS: tuple[Tool, ...] = (
    SEARCH,
    RETRIEVE_ENTITIES,
    RETRIEVE_ENTITY_SNAPSHOT,
    LIST_OBSERVATIONS,
    STORE,
    CREATE_RELATIONSHIP,
)
