"""MCP on standard input and output, for one user: the one whose token the environment holds."""

from mcp.server.stdio import stdio_server

from neotoma.accounts import current, tokens
from neotoma.accounts.caller import Caller
from neotoma.mcp import server
from neotoma.nest import Nest
from neotoma.problems import Problem


async def caller(nest: Nest) -> Caller:
    """Whose token it is, asked anew for each call: one that is revoked ends at once. Raises Problem.

    A token in the form of a person's is theirs or nobody's; any other is the legacy owner's, whose it is by being in
    the environment, as for the service.
    """
    token = nest.settings.token
    found = await (
        tokens.find(nest.database, token) if token.startswith(tokens.PREFIX) else current.by_token(nest, token)
    )
    if found is None:
        message = "NEOTOMA_TOKEN is no token that works: it expired or was revoked. Make another on the account page."
        raise Problem(401, "no_credential", message)
    return Caller(found.user, found.email, found.scopes, "stdio")


async def serve(nest: Nest) -> None:
    """Answer until standard input ends. While it serves, whatever else is printed goes to standard error."""
    served = server.build(nest, lambda _: caller(nest))
    async with stdio_server() as (receiving, sending):
        await served.run(receiving, sending, served.create_initialization_options())
