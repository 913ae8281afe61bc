"""Passwords: which are good enough, and their Argon2id hashes."""

import os
import unicodedata
from base64 import b64encode
from functools import lru_cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.profiles import RFC_9106_LOW_MEMORY

from gis.errors import InvalidInputError

SHORTEST, LONGEST = 12, 256
#: Guesses (a power of ten) that somebody who knows how people choose would need at least.
GUESSES_LOG10 = 8.0
#: zxcvbn looks no further; its work grows with the square of the length.
_LOOKED_AT = 72
_HASHER = PasswordHasher.from_parameters(RFC_9106_LOW_MEMORY)


def normalised(password: str) -> str:
    """Return a password in Unicode's composed form: however it was typed, it is the same."""
    return unicodedata.normalize("NFC", password)


def check(password: str, login: str) -> str:
    """Return a new password as it is stored, if it is good enough.

    At least 12 characters and at most 256; without the login in it; neither a leaked one nor one
    that follows from leaked ones, words, dates, repetitions or rows of keys.

    Raises
    ------
    gis.errors.InvalidInputError
        It is not; the message says why, never the password.
    """
    password = normalised(password)
    _check_length(password)
    if login.casefold() in password.casefold():
        raise InvalidInputError(
            "The password contains the login.", remedy="Choose one without it.", field="password"
        )
    if password.casefold() in _leaked() or _guesses_log10(password, login) < GUESSES_LOG10:
        raise InvalidInputError(
            "The password is easily guessed: it is a leaked one, or made of common words, "
            "repetitions, dates or rows of keys.",
            remedy="Take four words that have nothing to do with each other.",
            field="password",
        )
    return password


def hashed(password: str) -> str:
    """Return the Argon2id hash of a password with its parameters, as it is stored."""
    return _HASHER.hash(_bytes(password))


def verify(stored: str | None, password: str) -> bool:
    """Return whether a password is the stored one; without a stored one it never is.

    Either way exactly one hash is computed, so that the time tells nobody whether there is an
    account.
    """
    known = stored is not None and len(password) <= LONGEST
    try:
        _HASHER.verify(stored if stored is not None and known else decoy(), _bytes(password))
    except (VerificationError, InvalidHashError):
        return False
    return known


def is_outdated(stored: str) -> bool:
    """Return whether a hash was made with other parameters than are used now."""
    return _HASHER.check_needs_rehash(stored)


def decoy() -> str:
    """Return a hash that no password has, with the parameters that are used now."""
    salt, digest = (
        b64encode(os.urandom(size)).decode().rstrip("=")
        for size in (_HASHER.salt_len, _HASHER.hash_len)
    )
    cost = f"m={_HASHER.memory_cost},t={_HASHER.time_cost},p={_HASHER.parallelism}"
    return f"$argon2id$v=19${cost}${salt}${digest}"


def _check_length(password: str) -> None:
    if len(password) < SHORTEST:
        raise InvalidInputError(
            f"The password has fewer than {SHORTEST} characters.",
            remedy="Take four words that have nothing to do with each other.",
            field="password",
        )
    if len(password) > LONGEST:
        raise InvalidInputError(
            f"The password has more than {LONGEST} characters.",
            remedy="Choose a shorter one.",
            field="password",
        )


def _bytes(password: str) -> bytes:
    # JSON may carry half of a surrogate pair; such a password is wrong, not an error.
    return normalised(password).encode("utf-8", "surrogatepass")


@lru_cache(maxsize=1)
def _leaked() -> frozenset[str]:
    from zxcvbn.frequency_lists import FREQUENCY_LISTS  # type: ignore[import-untyped]

    return frozenset(FREQUENCY_LISTS["passwords"])


def _guesses_log10(password: str, login: str) -> float:
    from zxcvbn import zxcvbn  # type: ignore[import-untyped]  # it ships none

    told = zxcvbn(password[:_LOOKED_AT], user_inputs=[login, "wangge", "网格"])
    return float(told["guesses_log10"])
