"""Every page and what it is made of. Each module has the pages of one part of the memory; templates are beside them."""

from starlette.responses import Response
from starlette.routing import BaseRoute, Mount
from starlette.staticfiles import StaticFiles

from neotoma.web import accounts, changes, entities, home, search, sources, timeline
from neotoma.web.rendering import FOLDER


class _Kept(StaticFiles):
    """Files that browsers keep: their address changes with the version."""

    def file_response(self, *given: object, **named: object) -> Response:
        response = super().file_response(*given, **named)  # type: ignore[arg-type]
        response.headers["Cache-Control"] = "public, max-age=3600"
        return response


ROUTES: tuple[BaseRoute, ...] = (
    *home.ROUTES,
    *sources.ROUTES,
    *entities.ROUTES,
    *changes.ROUTES,
    *timeline.ROUTES,
    *search.ROUTES,
    *accounts.ROUTES,
    Mount("/static", _Kept(directory=FOLDER / "static"), name="static"),
)
