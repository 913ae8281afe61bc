"""Passwords: which are taken, and that every check costs exactly one hash."""

import unicodedata

import pytest
from argon2 import PasswordHasher
from hypothesis import given, settings
from hypothesis import strategies as st
from zxcvbn.frequency_lists import FREQUENCY_LISTS

from gis.errors import InvalidInputError
from gis.services import passwords

pytestmark = pytest.mark.unit

GOOD = ("four unrelated words here", "x9$kQ2!vbn7Lp", "明光路边的四棵梧桐树在开会", "rZ7-mul.berry")
LEAKED = sorted(word for word in FREQUENCY_LISTS["passwords"] if len(word) >= passwords.SHORTEST)


@pytest.mark.parametrize("password", GOOD)
def test_a_good_password_is_taken(password: str):
    assert passwords.check(password, "planner") == password


@pytest.mark.parametrize(
    ("password", "why"),
    [
        ("elevenchars", "fewer than 12"),
        ("x" * 257, "more than 256"),
        ("", "fewer than 12"),
        ("our-Planner-here-7f", "contains the login"),
        ("passwordpassword", "easily guessed"),
        ("123456789012", "easily guessed"),
        ("QWERTYUIOP[]", "easily guessed"),
        ("aaaaaaaaaaaaaaaa", "easily guessed"),
        ("密码密码密码密码密码密码", "easily guessed"),
    ],
)
def test_a_bad_password_is_refused_with_the_reason_and_never_repeated(password: str, why: str):
    with pytest.raises(InvalidInputError, match=why) as refused:
        passwords.check(password, "planner")
    assert refused.value.remedy
    if password:
        assert password not in str(refused.value)


def test_every_leaked_password_is_refused_in_any_case():
    assert len(LEAKED) > 200
    for leaked in LEAKED:
        for written in (leaked, leaked.upper(), leaked.capitalize()):
            with pytest.raises(InvalidInputError, match="easily guessed"):
                passwords.check(written, "planner")


def test_however_it_was_typed_it_is_the_same_password():
    typed = unicodedata.normalize("NFD", "crème brûlée à la façade")
    stored = passwords.hashed(passwords.check(typed, "planner"))
    assert passwords.verify(stored, unicodedata.normalize("NFC", typed))
    assert passwords.verify(stored, typed)


@pytest.mark.slow
def test_only_the_password_itself_is_right():
    stored = passwords.hashed(GOOD[0])
    assert stored.startswith("$argon2id$")
    assert GOOD[0] not in stored
    assert passwords.hashed(GOOD[0]) != stored
    assert not passwords.verify(stored, GOOD[0] + " ")
    assert not passwords.verify(stored, GOOD[0].upper())
    assert not passwords.verify(stored, "")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("stored", "password"),
    [
        (None, "whatever it may be"),
        (None, ""),
        ("known", "not the right one"),
        ("known", "four unrelated words here"),
        ("known", "x" * 100_000),
        ("known", "half a pair \ud800 of surrogates"),
    ],
)
def test_every_check_costs_one_hash_of_the_same_parameters(
    stored: str | None, password: str, monkeypatch: pytest.MonkeyPatch
):
    known = passwords.hashed(GOOD[0])
    asked: list[str] = []
    verify = PasswordHasher.verify

    def counted(self: PasswordHasher, against: str, given: str | bytes) -> bool:
        asked.append(against)
        return verify(self, against, given)

    monkeypatch.setattr(PasswordHasher, "verify", counted)
    right = passwords.verify(known if stored else None, password)
    assert right == (stored is not None and password == GOOD[0])
    assert len(asked) == 1
    assert asked[0].split("$")[:4] == known.split("$")[:4]
    assert [len(part) for part in asked[0].split("$")] == [len(p) for p in known.split("$")]


def test_a_decoy_is_another_each_time():
    assert passwords.decoy() != passwords.decoy()


def test_a_hash_of_weaker_parameters_is_outdated():
    weak = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(GOOD[0])
    assert passwords.is_outdated(weak)
    assert passwords.verify(weak, GOOD[0])
    assert not passwords.is_outdated(passwords.hashed(GOOD[0]))


@settings(max_examples=30, deadline=None)
@given(st.text(max_size=300), st.sampled_from(["planner", "grid-012"]))
def test_whatever_is_typed_is_taken_or_refused_for_a_reason(password: str, login: str):
    try:
        taken = passwords.check(password, login)
    except InvalidInputError as refused:
        told = refused
    else:
        assert passwords.SHORTEST <= len(taken) <= passwords.LONGEST
        assert login not in taken.casefold()
        return
    assert told.context["field"] == "password"
    assert told.remedy
