"""Short-lived signed tokens (JWT, HS256) and the file of the keys that sign and verify them.

The file is ``jwt.keys`` in ``WANGGE_HOME``; only its owner can read it. The newest key signs; an
older one verifies until the last token that it signed has expired. Every process on the machine
reads the same file, and reads it again when it has changed.
"""

import base64
import json
import os
import secrets
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import jwt

from gis.access import Permission
from gis.database.processes import exclusive
from gis.errors import ConfigurationError, CredentialsError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from gis.settings import Settings

ALGORITHM = "HS256"
TYPE = "at+jwt"
ISSUER = "wangge"
AUDIENCE = "wangge-api"
LIFETIME_S = 15 * 60
#: How far the clocks of two machines may be apart.
LEEWAY_S = 5
KEYS = "jwt.keys"
_SECRET_BYTES = 32
_CLAIMS = ("iss", "aud", "exp", "nbf", "iat", "jti", "sub")
_MOST = 4096
_AGAIN = "Ask for a new token: POST /v1/auth/token."


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key of the file.

    Parameters
    ----------
    kid
        Its name in the header of a token.
    secret
        256 random bits.
    made_at
        Seconds since 1970.
    retired_at
        When another one took its place; ``None``: it signs.
    """

    kid: str
    secret: bytes = field(repr=False)
    made_at: int
    retired_at: int | None = None

    def verifies_at(self, moment: float) -> bool:
        """Return whether a token of it may still hold."""
        return self.retired_at is None or moment <= self.retired_at + LIFETIME_S + LEEWAY_S


@dataclass(frozen=True, slots=True)
class Claims:
    """What a token says that holds.

    Parameters
    ----------
    user_id
        Whose it is.
    token_id
        Its own name.
    issued_at, expires_at
        Seconds since 1970.
    permissions
        Those that it is limited to; ``None``: all of the user's.
    """

    user_id: str
    token_id: str
    issued_at: float
    expires_at: int
    permissions: frozenset[Permission] | None


@dataclass(slots=True)
class Tokens:
    """Makes tokens and reads them, by the keys of a file.

    Parameters
    ----------
    path
        The file; made with its first key when it is missing.
    """

    path: "Path"
    _keys: dict[str, SigningKey] = field(default_factory=dict, repr=False)
    _stamp: tuple[int, int] = (0, 0)

    @classmethod
    def of(cls, settings: "Settings") -> "Tokens":
        """Return those of an installation."""
        return cls(settings.home / KEYS)

    def issue(
        self, user_id: str, permissions: "Iterable[Permission] | None" = None
    ) -> tuple[str, int]:
        """Return a new token for a user, and the seconds until it expires.

        Raises
        ------
        gis.errors.ConfigurationError
            The file of the keys cannot be made, read or trusted.
        """
        self._refresh()
        key = next((one for one in self._keys.values() if one.retired_at is None), None)
        if key is None:
            key = self.rotate()
        moment = time.time()
        now = int(moment)
        claims: dict[str, Any] = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": user_id,
            "iat": moment,  # with its fraction: a password may change within the same second
            "nbf": now,
            "exp": now + LIFETIME_S,
            "jti": uuid4().hex,
        }
        if permissions is not None:
            claims["scope"] = " ".join(sorted(permissions))
        header = {"kid": key.kid, "typ": TYPE}
        return jwt.encode(claims, key.secret, ALGORITHM, header), LIFETIME_S

    def read(self, token: str) -> Claims:
        """Return what a token says.

        Raises
        ------
        gis.errors.CredentialsError
            It does not hold: another algorithm, key, issuer or audience, expired, not yet valid,
            or no token at all. Which of these is in the log alone.
        """
        try:
            key = self._key_of(token)
            told = jwt.decode(
                token,
                key.secret,
                algorithms=[ALGORITHM],
                audience=AUDIENCE,
                issuer=ISSUER,
                leeway=LEEWAY_S,
                options={"require": list(_CLAIMS), "strict_aud": True},
            )
            return _claims(told)
        except (jwt.PyJWTError, ValueError, TypeError) as error:
            raise CredentialsError(
                "The token does not hold.", remedy=_AGAIN, reason=type(error).__name__
            ) from None

    def rotate(self) -> SigningKey:
        """Make a new key that signs from now on; the older ones verify what they signed.

        Keys of which no token can be left are removed.

        Raises
        ------
        gis.errors.ConfigurationError
            The file cannot be written.
        """
        now = int(time.time())
        fresh = SigningKey(secrets.token_hex(8), secrets.token_bytes(_SECRET_BYTES), now)
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with exclusive(self.path.with_suffix(".lock")):
                self._refresh()
                kept = [
                    one if one.retired_at is not None else _retired(one, now)
                    for one in self._keys.values()
                    if one.verifies_at(now)
                ]
                self._write([*kept, fresh])
        except OSError as error:
            raise self._unusable(error) from error
        self._refresh()
        return fresh

    def _key_of(self, token: str) -> SigningKey:
        """Return the key that a token names; its own word for the algorithm counts for nothing."""
        if len(token) > _MOST:
            raise jwt.DecodeError
        header = jwt.get_unverified_header(token)
        if header.get("alg") != ALGORITHM or header.get("typ") != TYPE:
            raise jwt.InvalidAlgorithmError
        kid = header.get("kid")
        if not isinstance(kid, str):
            raise jwt.InvalidKeyError
        if kid not in self._keys:
            self._refresh()  # another process may have rotated
        key = self._keys.get(kid)
        if key is None or not key.verifies_at(time.time()):
            raise jwt.InvalidKeyError
        return key

    def _refresh(self) -> None:
        """Read the file if it has changed since."""
        try:
            found = self.path.stat()
            if found.st_mode & 0o077:
                raise ConfigurationError(
                    f"Others than its owner can use {self.path}, which holds signing keys.",
                    remedy=f"Run: chmod 600 {self.path}; then: wangge key rotate-signing.",
                )
            stamp = (found.st_mtime_ns, found.st_ino)
            if stamp != self._stamp:
                told = json.loads(self.path.read_text(encoding="utf-8"))
                self._keys = {one["kid"]: _key(one) for one in told["keys"]}
                self._stamp = stamp
        except FileNotFoundError:
            self._keys, self._stamp = {}, (0, 0)
        except OSError as error:
            raise self._unusable(error) from error
        except (ValueError, KeyError, TypeError) as error:
            raise ConfigurationError(
                f"{self.path} does not hold signing keys.",
                remedy="Remove it and run: wangge key rotate-signing; tokens end with it.",
            ) from error

    def _write(self, keys: "Iterable[SigningKey]") -> None:
        """Replace the file at once, so that nobody reads half of it."""
        told = {"keys": [_plain(one) for one in keys]}
        beside = self.path.with_name(f"{self.path.name}.{uuid4().hex}")
        door = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(door, "w", encoding="utf-8") as file:
            json.dump(told, file)
        beside.replace(self.path)

    def _unusable(self, error: OSError) -> ConfigurationError:
        return ConfigurationError(
            f"{self.path} cannot be used: {error.strerror}.",
            remedy="Make WANGGE_HOME a folder that can be written to.",
        )


def _claims(told: dict[str, Any]) -> Claims:
    scope = told.get("scope")
    if not isinstance(scope, str | None):
        raise jwt.InvalidTokenError
    permissions = None if scope is None else frozenset(Permission(one) for one in scope.split())
    return Claims(told["sub"], told["jti"], float(told["iat"]), int(told["exp"]), permissions)


def _retired(key: SigningKey, now: int) -> SigningKey:
    return SigningKey(key.kid, key.secret, key.made_at, now)


def _plain(key: SigningKey) -> dict[str, Any]:
    return {
        "kid": key.kid,
        "secret": base64.b64encode(key.secret).decode("ascii"),
        "made_at": key.made_at,
        "retired_at": key.retired_at,
    }


def _key(told: dict[str, Any]) -> SigningKey:
    secret = base64.b64decode(told["secret"], validate=True)
    if len(secret) < _SECRET_BYTES:
        msg = "too short"
        raise ValueError(msg)
    return SigningKey(str(told["kid"]), secret, int(told["made_at"]), told["retired_at"])
