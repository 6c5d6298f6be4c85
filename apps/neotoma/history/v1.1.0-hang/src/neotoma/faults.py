"""The fault of this version: its health check never answers."""

from starlette.types import ASGIApp, Receive, Scope, Send


class Hanging:
    """Lets every health check wait until its client gives up."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] == "http" and scope["path"] == "/health":
            while (await receive())["type"] != "http.disconnect":
                pass
            return
        await self.app(scope, receive, send)
