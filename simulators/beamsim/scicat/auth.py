"""Login, tokens, and who one is."""

from __future__ import annotations

import hashlib

from .answers import Answer, ApiError, forbidden_resource, not_found, refusal
from .backend import Call
from .routing import Route
from .site import Account
from .state import Document
from .tokens import lifetime


def _user(account: Account) -> Document:
    identifier = account.identifier
    return {
        "username": account.username,
        "email": account.address,
        "authStrategy": "local",
        "_id": identifier,
        "__v": 0,
        "id": identifier,
    }


def _required_account(call: Call) -> Account:
    if call.account is None:
        raise refusal(401, "Unauthenticated")
    return call.account


def login(call: Call) -> Answer:
    sent = call.body if isinstance(call.body, dict) else {}
    account = call.backend.site.account(str(sent.get("username", "")))
    if account is None or sent.get("password") != account.password:
        raise ApiError(Answer(401, {"message": "Unauthorized", "statusCode": 401}))
    seconds = call.backend.site.token_lifetime
    token = call.backend.tokens.issue(account, seconds)
    return Answer(
        201,
        {
            "access_token": token,
            "id": token,
            "expires_in": int(seconds),
            "ttl": int(seconds),
            "created": call.backend.now(),
            "userId": account.identifier,
            "user": _user(account),
        },
    )


def dead_login(_call: Call) -> Answer:
    """The old login route still answers, with nothing."""
    return Answer(201)


def logout(_call: Call) -> Answer:
    """Says it worked; the token stays valid."""
    return Answer(200, {"logout": "successful"})


def whoami(call: Call) -> Answer:
    if call.account is None:
        return Answer(200)
    return Answer(
        200,
        {
            "_id": call.account.identifier,
            "username": call.account.username,
            "email": call.account.address,
            "currentGroups": list(call.account.groups),
            "authStrategy": "local",
        },
    )


def myself(call: Call) -> Answer:
    return Answer(200, _user(_required_account(call)))


def _derived_id(account: Account, part: str) -> str:
    """The identifier of a document that belongs to an account."""
    return hashlib.sha256(f"{account.identifier} {part}".encode()).hexdigest()[:24]


def my_identity(call: Call) -> Answer:
    account = _required_account(call)
    identity, profile = (_derived_id(account, part) for part in ("identity", "profile"))
    described = {
        "displayName": account.username,
        "email": account.address,
        "username": account.username,
        "thumbnailPhoto": "error: no photo found",
        "id": account.identifier,
        "emails": [{"value": account.address}],
        "accessGroups": list(account.groups),
        "_id": profile,
    }
    return Answer(
        200,
        {
            "authStrategy": "local",
            "externalId": "",
            "profile": described,
            "provider": "local",
            "userId": account.identifier,
            "_id": identity,
            "created": call.backend.started,
            "modified": call.backend.started,
            "__v": 0,
            "id": identity,
        },
    )


def _token_for(call: Call, account: Account) -> Answer:
    sent = call.body if isinstance(call.body, dict) else {}
    try:
        seconds = lifetime(sent.get("expiresIn"), call.backend.site.token_lifetime)
    except ValueError as error:
        raise refusal(400, str(error)) from None
    return Answer(201, {"jwt": call.backend.tokens.issue(account, seconds)})


def token_of_another(call: Call) -> Answer:
    """An administrator mints a token of any life for any account."""
    if not call.rights.admin:
        raise forbidden_resource()
    account = call.backend.site.account_by_id(call.params["id"])
    if account is None:
        raise not_found("User", call.params["id"])
    return _token_for(call, account)


def own_token(call: Call) -> Answer:
    return Answer(201, {"jwt": call.backend.tokens.issue(_required_account(call), call.backend.site.token_lifetime)})


ROUTES = (
    Route("POST", "/api/v3/auth/login", login),
    Route("POST", "/api/v3/users/login", dead_login),
    Route("POST", "/api/v3/auth/logout", logout),
    Route("GET", "/api/v3/auth/whoami", whoami),
    Route("GET", "/api/v3/users/my/self", myself),
    Route("GET", "/api/v3/users/my/identity", my_identity),
    Route("POST", "/api/v3/users/jwt", own_token),
    Route("POST", "/api/v3/users/{id}/jwt", token_of_another),
)
