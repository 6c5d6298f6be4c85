"""From bytes to facts, by rules only: the same file gives the same facts on every machine, today and next year."""

MEDIA_TYPES = {
    ".pdf": "application/pdf",
    ".csv": "text/csv",
    ".txt": "text/plain",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
}
"""What can be read, by the ending of the sender's name in lower case."""
