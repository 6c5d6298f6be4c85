"""The pages on which people sign up, sign in, let agents in and go."""

from starlette.routing import BaseRoute

ROUTES: tuple[BaseRoute, ...] = ()
