"""Why a demonstration cannot go on."""


class Failed(Exception):
    """It stops, and leaves nothing running. The message says what happened and what to do next."""
