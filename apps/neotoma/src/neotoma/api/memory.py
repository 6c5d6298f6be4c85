from starlette.routing import BaseRoute

ROUTES: tuple[BaseRoute, ...] = ()
