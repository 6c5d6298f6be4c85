"""What this version offers to agents."""

TOOLS = {
    "search",
    "retrieve_entities",
    "retrieve_entity_snapshot",
    "list_observations",
    "store",
    "create_relationship",
}
