"""What ``neotoma demo`` is made of: a PostgreSQL of its own, the service as a process, and a person who uploads."""
