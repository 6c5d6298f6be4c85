"""Any PostgreSQL that somebody else runs, by URL."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from goaround.adapters.postgres import backup, connection
from goaround.domain.errors import Unavailable
from goaround.ports import Backup, Commands, DatabaseUrls


class ExternalPostgres:
    """``ports.Database`` by two URLs that lead to the same database: as the application, and as the schema's owner."""

    def __init__(
        self,
        environment: str,
        service_url: str,
        migration_url: str,
        *,
        backup_jobs: int = 2,
        backup_timeout_seconds: float = 3600.0,
    ) -> None:
        self._environment = environment
        self._service_url = service_url
        self._migration_url = migration_url
        self._backup_jobs = backup_jobs
        self._backup_timeout_seconds = backup_timeout_seconds

    def ensure(self) -> DatabaseUrls:
        """See the port. It looks only: what is wrong, somebody else has to correct."""
        service, migration = connection.server(self._service_url), connection.server(self._migration_url)
        if service.identity != migration.identity:
            raise Unavailable(
                f"the URLs of {self._environment} for the service and for migrations lead to different databases",
                state="nothing was done with either",
                remedy="correct database or migration_database of this environment",
            )
        if migration.standby:
            raise Unavailable(
                f"the database of {self._environment} is a standby, which can only be read",
                state="nothing was done with it",
                remedy="give the URL of the primary, or add target_session_attrs=read-write to it",
            )
        given = [connection.parameters(url) for url in (self._service_url, self._migration_url)]
        return DatabaseUrls(
            service=self._service_url,
            migration=self._migration_url,
            service_role=service.role,
            passwords=tuple(parts["password"] for parts in given if parts.get("password")),
        )

    def backup(self, destination: Path, key: str, commands: Commands, on_output: Callable[[int, str], None]) -> Backup:
        """See the port."""
        order = backup.Order(self._environment, destination, key, self._backup_jobs, self._backup_timeout_seconds)
        return backup.take(order, lambda: self._migration_url, commands, on_output)

    def size_bytes(self) -> int:
        """See the port."""
        return connection.size_bytes(self._migration_url)
