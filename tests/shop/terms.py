"""What can be set when a shop is made."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

_TOML = """\
service = "shop"
owner = "owner"

[migrations]
files = "migrations/*.up.sql"
up = ["python3", "migrate.py", "up"]
down = ["python3", "migrate.py", "down", "--to", "{schema}"]
current = ["python3", "migrate.py", "current"]
timeout = "30s"

[run]
command = ["python3", "service.py", "{port}"]
start_timeout = "%(start)s"
drain = "5s"
stop_grace = "5s"

[hold]
limit = "%(hold)s"

[validate]
integration = ["python3", "probe.py", "integration", "{base_url}"]
smoke = ["python3", "probe.py", "smoke", "{base_url}"]
timeout = "30s"

[[validate.checklist]]
id = "look"
ask = "Does it look right?"

[[notify.announce]]
command = ["sh", "-c", 'echo "$GOAROUND_KEY" >> %(told)s']

[[notify.alert]]
command = ["sh", "-c", 'echo "$GOAROUND_KEY" >> %(told)s']

[environments.staging]
listen = "127.0.0.1:%(staging_port)d"
env = { SHOP_ENVIRONMENT = "staging" }

[environments.production]
listen = "127.0.0.1:%(production_port)d"
env = { SHOP_ENVIRONMENT = "production" }

[environments.production.watch]
for = "%(watch)s"
errors = "< 5%%"
minimum_requests = 1
extend = "20s"
after_rollback = "%(after_rollback)s"

[environments.production.triggers]
errors = "> 10%%"
window = "10s"
minimum_requests = 5
"""


@dataclass(frozen=True)
class Terms:
    """Durations are as ``goaround.toml`` has them."""

    staging_port: int
    production_port: int
    told: Path
    """Where announcements and alerts leave their keys, one a line."""
    slow_seconds: float = 0
    """How long a migration takes besides what it does."""
    watch: str = "1s"
    after_rollback: str = "1s"
    hold: str = "10s"
    start: str = "10s"

    @property
    def toml(self) -> str:
        return _TOML % {name: getattr(self, name) for name in self.__dataclass_fields__}
