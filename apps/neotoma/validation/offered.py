"""What this version offers to agents."""

TOOLS = {
    "search",
    "fetch",
    "list_entity_types",
    "retrieve_entities",
    "retrieve_entity_snapshot",
    "retrieve_related_entities",
    "list_observations",
    "retrieve_field_provenance",
    "list_timeline_events",
    "retrieve_file_url",
    "get_authenticated_user",
    "store",
    "upload_file",
    "correct",
    "create_relationship",
    "merge_entities",
    "delete_entity",
    "restore_entity",
}
