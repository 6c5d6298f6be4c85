"""How people come in, on pages and by REST alike: signing up, signing in and going, each within its limits."""

from uuid import UUID

from starlette.requests import Request

from neotoma.accounts import limits, sweep, users
from neotoma.accounts.caller import Caller
from neotoma.nest import Nest
from neotoma.problems import Problem


async def sign_up(request: Request, email: object, password: object) -> UUID:
    """A new user. Raises Problem: 403 where sign-up is closed, 409, 422, 429."""
    nest: Nest = request.app.state.nest
    if not nest.settings.sign_up:
        message = "Nobody new can sign up here. Ask whoever runs this service for an account."
        raise Problem(403, "sign_up_closed", message)
    await limits.attempt(nest.database, [limits.counted(limits.SIGN_UP_FROM_ONE, limits.address(request))])
    user = await users.sign_up(nest, email, password)
    await sweep.sweep(nest)
    return user


async def sign_in(request: Request, email: object, password: object) -> UUID:
    """The user with this e-mail and password. Raises Problem: 401, 429."""
    nest: Nest = request.app.state.nest
    counted = limits.logins(request, email.strip().lower() if isinstance(email, str) else "")
    await limits.attempt(nest.database, counted)
    user = await users.prove(nest.database, email, password)
    await limits.forgive(nest.database, counted)
    await sweep.sweep(nest)
    return user


async def change_password(request: Request, caller: Caller, old: object, new: object) -> None:
    """A new password for somebody who is signed in. Raises Problem: 401, 409, 422, 429."""
    nest: Nest = request.app.state.nest
    counted = [limits.counted(limits.PASSWORD_OF_ONE, str(caller.user))]
    await limits.attempt(nest.database, counted)
    await users.change_password(nest.database, caller, old, new)
    await limits.forgive(nest.database, counted)


async def depart(request: Request, caller: Caller, password: object, confirm: object = None) -> None:
    """Delete the caller's account and all that is in it. Raises Problem: 401, 422, 429.

    A person gives the password; a program that has only a token, the account's e-mail in ``confirm``.
    """
    nest: Nest = request.app.state.nest
    if password is None and caller.via == "token":
        if confirm != caller.email:
            message = "Send the password, or your e-mail as confirm. Deleting cannot be undone: export first."
            raise Problem(422, "not_confirmed", message)
    else:
        counted = [limits.counted(limits.PASSWORD_OF_ONE, str(caller.user))]
        await limits.attempt(nest.database, counted)
        if await users.prove(nest.database, caller.email, password) != caller.user:
            raise Problem(401, "wrong_credentials", "The password is wrong. Nothing was deleted.")
        await limits.forgive(nest.database, counted)
    await users.delete(nest, caller.user)
