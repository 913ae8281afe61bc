"""What a request carries to say who asks."""

import hashlib
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from gis.errors import CredentialsError

if TYPE_CHECKING:
    from starlette.requests import Request

    from api.security.browser import SessionCookie

Kind = Literal["token", "key", "session"]
#: What keys of programs begin with; tokens are longer and begin otherwise.
KEY_PREFIX = "wg_"
_BEARER = re.compile(r"[Bb]earer +([A-Za-z0-9._~+/=-]{1,4096})")


class NotSignedInError(CredentialsError):
    """The request carries nothing that says who asks, and must."""


@dataclass(frozen=True, slots=True)
class Credential:
    """A secret that a request carries.

    Parameters
    ----------
    kind
        A signed token, a key of a program, or the token of a session from a cookie.
    secret
        The secret.
    """

    kind: Kind
    secret: str = field(repr=False)

    @property
    def digest(self) -> bytes:
        """By what it is kept in memory: nothing there can be used to sign in."""
        text = f"{self.kind} {self.secret}"
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


def read_credential(request: "Request", cookie: "SessionCookie") -> Credential | None:
    """Return the credential of a request; ``None``: it has none.

    A header goes before a cookie: a program that sends it means it.

    Raises
    ------
    gis.errors.CredentialsError
        The header is of another kind than bearer.
    """
    header = request.headers.get("authorization")
    if header is not None:
        found = _BEARER.fullmatch(header.strip())
        if found is None:
            raise CredentialsError(
                "The Authorization header holds no bearer token.",
                remedy="Send Authorization: Bearer TOKEN, a token or a key.",
            )
        return Credential("key" if found[1].startswith(KEY_PREFIX) else "token", found[1])
    token = cookie.read(request)
    return None if token is None else Credential("session", token)
