"""What every request needs, built once: a packrat's nest."""

from dataclasses import dataclass

from neotoma.database import Database
from neotoma.extractor import Extractor
from neotoma.metrics import Metrics
from neotoma.settings import Settings
from neotoma.storage import Storage


@dataclass(frozen=True)
class Nest:
    """The parts of one running service; ``request.app.state.nest`` and, for MCP, what the tools are built with."""

    settings: Settings
    database: Database
    storage: Storage
    extractor: Extractor
    metrics: Metrics
