"""PostgreSQL as a neighbour: one that goaround runs itself, or any other by URL; and its backups."""
