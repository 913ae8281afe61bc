"""Tokens and keys: made, limited, ended, rotated; and none that was forged holds."""

import base64
import hmac
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
from typer.testing import CliRunner

from api.security import tokens
from api.security.tokens import AUDIENCE, ISSUER, LIFETIME_S, TYPE, Tokens
from cli.main import app
from gis.access import Permission, Role
from gis.errors import ConfigurationError, CredentialsError
from gis.services import accounts
from gis.settings import get_settings
from tests.api.people import ADMIN, add_people, bearer, key_of, served, storing, token_of
from tests.api.serving import is_problem
from tests.people import EVERYWHERE, OWNER, PASSWORD, community, role_in

pytestmark = pytest.mark.api

UNVERIFIED = {"verify_signature": False}
USER = "6f9619ff-8b86-4d01-b42d-00cf4fc964ff"


@pytest.fixture
def mint(tmp_path: Path) -> Tokens:
    return Tokens(tmp_path / "home" / "jwt.keys")


def part(told: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(told).encode()).decode().rstrip("=")


def forged(mint: Tokens, *, secret: bytes | None = None, **changes: Any) -> str:
    """Return a token that is right but for some changes; ``None`` leaves a member out.

    It is signed by hand: a library would refuse to make some of these.
    """
    good, _ = mint.issue(USER)
    header, claims = jwt.get_unverified_header(good), jwt.decode(good, options=UNVERIFIED)
    key = mint._keys[header["kid"]].secret if secret is None else secret
    for name, value in changes.items():
        (header if name in {"kid", "typ", "alg"} else claims)[name] = value
    kept = ({k: v for k, v in one.items() if v is not None} for one in (header, claims))
    signed = ".".join(part(one) for one in kept)
    digest = {"HS384": "sha384", "HS512": "sha512"}.get(str(header.get("alg")), "sha256")
    signature = hmac.digest(key, signed.encode(), digest)
    return f"{signed}.{base64.urlsafe_b64encode(signature).decode().rstrip('=')}"


def test_a_token_says_whose_it_is_and_what_it_may(mint: Tokens):
    token, seconds = mint.issue(USER, [Permission.MATTERS_READ, Permission.GROUND_READ])
    claims = mint.read(token)
    assert seconds == LIFETIME_S == 900
    assert claims.user_id == USER
    assert claims.permissions == {Permission.MATTERS_READ, Permission.GROUND_READ}
    assert LIFETIME_S - 1 < claims.expires_at - claims.issued_at <= LIFETIME_S
    assert mint.read(mint.issue(USER)[0]).permissions is None
    assert mint.read(mint.issue(USER, [])[0]).permissions == frozenset()
    assert jwt.get_unverified_header(token)["typ"] == TYPE


NOW = int(time.time())  # of the collection: the test may come an hour later


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "somebody"},
        {"iss": None},
        {"aud": "another-api"},
        {"aud": ["wangge-api", "another-api"]},
        {"aud": None},
        {"exp": NOW - 60},
        {"exp": None},
        {"nbf": NOW + 86_400},
        {"nbf": None},
        {"iat": NOW + 86_400},
        {"iat": None},
        {"jti": None},
        {"sub": None},
        {"sub": 7},
        {"scope": "everything"},
        {"scope": 7},
        {"kid": "another"},
        {"kid": 7},
        {"kid": "../../etc/passwd"},
        {"typ": "JWT"},
        {"secret": b"x" * 32},
        {"alg": "HS512"},
        {"alg": "HS384"},
        {"alg": None},
        {"typ": None},
        {"kid": None},
    ],
)
def test_a_token_that_is_not_quite_right_does_not_hold(mint: Tokens, changes: dict[str, Any]):
    assert mint.read(forged(mint)).user_id == USER
    with pytest.raises(CredentialsError, match="does not hold"):
        mint.read(forged(mint, **changes))


@pytest.mark.parametrize("algorithm", ["none", "None", "nOnE", ""])
def test_without_a_signature_nothing_holds(mint: Tokens, algorithm: str):
    _, claims, signature = forged(mint).split(".")
    kid = next(iter(mint._keys))
    header = part({"alg": algorithm, "typ": TYPE, "kid": kid})
    for end in ("", signature):
        with pytest.raises(CredentialsError):
            mint.read(f"{header}.{claims}.{end}")


@pytest.mark.parametrize(
    "text", ["", ".", "..", "a.b.c", "x" * 5000, "é.é.é", "\x00", part({"alg": "HS256"}) + ".e30."]
)
def test_what_is_no_token_is_told_so(mint: Tokens, text: str):
    mint.issue(USER)
    with pytest.raises(CredentialsError):
        mint.read(text)


def test_a_changed_claim_breaks_the_signature(mint: Tokens):
    header, _, signature = forged(mint).split(".")
    claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": "somebody-else", "exp": NOW + 900}
    with pytest.raises(CredentialsError):
        mint.read(f"{header}.{part(claims)}.{signature}")


def test_after_a_rotation_the_new_key_signs_and_the_old_verifies_what_it_signed(
    mint: Tokens, monkeypatch: pytest.MonkeyPatch
):
    old, _ = mint.issue(USER)
    fresh = mint.rotate()
    new, _ = mint.issue(USER)
    assert jwt.get_unverified_header(new)["kid"] == fresh.kid
    assert jwt.get_unverified_header(old)["kid"] != fresh.kid
    assert mint.read(old).user_id == mint.read(new).user_id == USER
    later = time.time() + LIFETIME_S + 60
    monkeypatch.setattr(tokens.time, "time", lambda: later)
    with pytest.raises(CredentialsError):
        mint.read(old)
    mint.rotate()
    assert len(json.loads(mint.path.read_text())["keys"]) == 2  # the first one is gone


def test_another_process_sees_a_rotation(mint: Tokens):
    other = Tokens(mint.path)
    token, _ = mint.issue(USER)
    assert other.read(token).user_id == USER
    mint.rotate()
    assert other.read(mint.issue(USER)[0]).user_id == USER
    assert jwt.get_unverified_header(other.issue(USER)[0]) == jwt.get_unverified_header(
        mint.issue(USER)[0]
    )


def test_swapping_the_name_of_the_key_does_not_help(mint: Tokens):
    mint.issue(USER)
    first = next(iter(mint._keys))
    mint.rotate()
    second = next(k for k in mint._keys if k != first)
    secret = mint._keys[second].secret
    with pytest.raises(CredentialsError):
        mint.read(forged(mint, secret=secret, kid=first))


def test_the_file_is_its_owners_alone(mint: Tokens):
    mint.issue(USER)
    assert mint.path.stat().st_mode & 0o777 == 0o600
    mint.path.chmod(0o640)
    os.utime(mint.path)
    with pytest.raises(ConfigurationError, match="Others than its owner"):
        mint.issue(USER)


@pytest.mark.parametrize("text", ["", "{}", '{"keys": [{"kid": "a"}]}', "\x00\xff"])
def test_a_broken_file_is_named(mint: Tokens, text: str):
    mint.path.parent.mkdir(parents=True)
    mint.path.write_text(text)
    mint.path.chmod(0o600)
    with pytest.raises(ConfigurationError, match=r"jwt\.keys does not hold signing keys"):
        mint.issue(USER)


def test_a_weak_key_is_none(mint: Tokens):
    mint.path.parent.mkdir(parents=True)
    weak = {"kid": "a", "secret": "c2hvcnQ=", "made_at": 1, "retired_at": None}
    mint.path.write_text(json.dumps({"keys": [weak]}))
    mint.path.chmod(0o600)
    with pytest.raises(ConfigurationError):
        mint.issue(USER)


def test_secrets_are_in_no_repr(mint: Tokens):
    mint.issue(USER)
    key = next(iter(mint._keys.values()))
    assert str(key.secret) not in repr(key)
    assert str(key.secret) not in repr(mint)


@pytest.fixture(scope="module")
def people(town_url: str) -> dict[str, str]:
    return add_people(town_url, desk=role_in(Role.DISPATCHER, EVERYWHERE))


@pytest.fixture(scope="module")
def guarded(town_url: str, people: dict[str, str], tmp_path_factory: Any) -> Iterator[httpx.Client]:
    with served(town_url, home=tmp_path_factory.mktemp("home")) as client:
        yield client


def test_a_password_gives_a_token_that_does_what_its_user_may(guarded: httpx.Client):
    token = token_of(guarded, "desk")
    assert guarded.get("/v1/incidents", headers=bearer(token)).status_code == 200
    body = is_problem(guarded.get("/v1/plans", headers=bearer(token)), 403)
    assert "plans.read" in body["detail"]
    me = guarded.get("/v1/auth/me", headers=bearer(token)).json()
    assert (me["login"], me["by"], me["roles"]) == ("desk", "token", ["dispatcher"])
    assert "matters.write" in me["permissions"]
    assert "plans.read" not in me["permissions"]
    assert me["csrf_token"] is None


def test_a_token_may_be_made_to_do_less_but_never_more(guarded: httpx.Client):
    token = token_of(guarded, "desk", permissions=["ground.read", "plans.read"])
    assert guarded.get("/v1/grids", headers=bearer(token)).status_code == 200
    is_problem(guarded.get("/v1/incidents", headers=bearer(token)), 403)
    is_problem(guarded.get("/v1/plans", headers=bearer(token)), 403)


def test_a_key_works_as_it_is_and_for_a_token_and_stays_limited(
    guarded: httpx.Client, people: dict[str, str], town_url: str
):
    secret = key_of(town_url, people["desk"], Permission.MATTERS_READ)
    assert guarded.get("/v1/incidents", headers=bearer(secret)).status_code == 200
    is_problem(guarded.get("/v1/grids", headers=bearer(secret)), 403)
    answer = guarded.post("/v1/auth/token", json={"api_key": secret}).json()
    assert (answer["token_type"], answer["expires_in"]) == ("Bearer", 900)
    token = answer["access_token"]
    assert guarded.get("/v1/incidents", headers=bearer(token)).status_code == 200
    is_problem(guarded.get("/v1/grids", headers=bearer(token)), 403)
    wider = {"api_key": secret, "permissions": ["ground.read", "matters.read"]}
    token = guarded.post("/v1/auth/token", json=wider).json()["access_token"]
    is_problem(guarded.get("/v1/grids", headers=bearer(token)), 403)


def test_keys_are_made_listed_and_taken_back_by_their_owner(guarded: httpx.Client):
    desk = bearer(token_of(guarded, "desk"))
    chief = bearer(token_of(guarded, ADMIN))
    made = guarded.post("/v1/keys", json={"label": "board", "days": 2}, headers=desk)
    assert made.status_code == 201
    key = made.json()
    listed = guarded.get("/v1/keys", headers=desk)
    assert key["secret"] not in listed.text
    assert key["id"] in {one["id"] for one in listed.json()["keys"]}
    assert guarded.get("/v1/grids", headers=bearer(key["secret"])).status_code == 200
    is_problem(guarded.get("/v1/keys", headers=bearer(key["secret"])), 403)
    is_problem(guarded.delete(f"/v1/keys/{key['id']}", headers=chief), 404)
    assert guarded.delete(f"/v1/keys/{key['id']}", headers=desk).status_code == 204
    is_problem(guarded.get("/v1/grids", headers=bearer(key["secret"])), 401)


@pytest.mark.parametrize(
    "secret",
    ["wg_", "wg_00000000_" + "A" * 43, "eyJhbGciOiJub25lIn0.e30.", "x", "wg_" + "a" * 4000],
)
def test_a_made_up_credential_is_a_401_that_says_so(guarded: httpx.Client, secret: str):
    answer = guarded.get("/v1/grids", headers=bearer(secret))
    is_problem(answer, 401)
    assert 'error="invalid_token"' in answer.headers["www-authenticate"]
    assert secret not in answer.text or len(secret) < 4


@pytest.mark.parametrize(
    "header", ["Basic ZGVzazpwYXNz", "Bearer", "Bearer a b", "bearer", "Token x", ""]
)
def test_another_kind_of_header_is_a_401(guarded: httpx.Client, header: str):
    is_problem(guarded.get("/v1/grids", headers={"Authorization": header}), 401)


@pytest.mark.parametrize(
    "sent",
    [
        {"login": "desk", "password": "not the password at all"},
        {"login": "nobody-here", "password": PASSWORD},
        {"login": "'; DROP TABLE users --", "password": PASSWORD},
        {"login": "", "password": "x"},
        {"api_key": "wg_00000000_" + "A" * 43},
        {"api_key": "nonsense"},
    ],
)
def test_what_is_wrong_is_a_401_whatever_is_wrong(guarded: httpx.Client, sent: dict[str, str]):
    body = is_problem(guarded.post("/v1/auth/token", json=sent), 401)
    assert "password" in body["detail"] or "key" in body["detail"]


@pytest.mark.parametrize(
    "sent",
    [
        {},
        {"login": "desk"},
        {"password": "x"},
        {"login": "desk", "password": "x", "api_key": "y"},
        {"login": "desk", "api_key": "y"},
        {"login": "desk", "password": "x", "permissions": ["everything"]},
        {"login": 7, "password": "x"},
    ],
)
def test_what_is_half_said_is_a_422_and_repeats_no_secret(
    guarded: httpx.Client, sent: dict[str, Any]
):
    answer = guarded.post("/v1/auth/token", json=sent)
    is_problem(answer, 422)


def test_an_export_holds_only_what_its_reader_may_read_otherwise(
    guarded: httpx.Client, town_url: str
):
    with storing(town_url) as session:
        mixed = accounts.add_user(session, OWNER, "mixed")
        accounts.grant(session, OWNER, mixed, role_in(Role.DISPATCHER, EVERYWHERE))
        accounts.grant(session, OWNER, mixed, role_in(Role.MANAGER, community("A")))
    headers = bearer(key_of(town_url, mixed))
    asked = {"format": "geojson", "crs": "EPSG:4326"}

    def rows(layer: str) -> list[Any]:
        answer = guarded.get("/v1/exports", params={**asked, "layers": layer}, headers=headers)
        assert answer.status_code == 200, answer.text
        return list(answer.json()["features"])

    listed = guarded.get("/v1/buildings?limit=1000", headers=headers).json()["features"]
    assert len({one["properties"]["community_code"] for one in rows("grids")}) == 1
    of_a = {one["properties"]["id"] for one in rows("buildings")}
    assert of_a
    assert of_a < {one["id"] for one in listed}
    is_problem(guarded.get("/v1/exports?layers=findings", headers=headers), 403)
    is_problem(guarded.get("/v1/exports?layers=grids,findings", headers=headers), 403)


def test_a_closed_account_ends_its_tokens_and_keys(
    guarded: httpx.Client, people: dict[str, str], town_url: str
):
    with storing(town_url) as session:
        gone = accounts.add_user(session, OWNER, "gone", password=PASSWORD)
        accounts.grant(session, OWNER, gone, role_in(Role.VIEWER, EVERYWHERE))
    token, key = token_of(guarded, "gone"), key_of(town_url, gone)
    for secret in (token, key):
        assert guarded.get("/v1/grids", headers=bearer(secret)).status_code == 200
    chief = bearer(token_of(guarded, ADMIN))
    assert guarded.post(f"/v1/users/{gone}/disable", headers=chief).status_code == 200
    for secret in (token, key):
        is_problem(guarded.get("/v1/grids", headers=bearer(secret)), 401)
    assert guarded.post(f"/v1/users/{gone}/enable", headers=chief).status_code == 200
    assert guarded.get("/v1/grids", headers=bearer(token)).status_code == 200


@pytest.mark.slow
def test_a_new_password_ends_the_tokens_that_the_old_one_gave(
    guarded: httpx.Client, people: dict[str, str], town_url: str
):
    with storing(town_url) as session:
        user = accounts.add_user(session, OWNER, "renewed", password=PASSWORD)
        accounts.grant(session, OWNER, user, role_in(Role.VIEWER, EVERYWHERE))
    token, key = token_of(guarded, "renewed"), key_of(town_url, user)
    chief = bearer(token_of(guarded, ADMIN))
    path, fresh = f"/v1/users/{user}/password", "another four words entirely"
    assert guarded.put(path, json={"password": fresh}, headers=chief).is_success
    refused = guarded.get("/v1/grids", headers=bearer(token))
    assert "password" in is_problem(refused, 401)["detail"]
    renewed = token_of(guarded, "renewed", password=fresh)
    assert guarded.get("/v1/grids", headers=bearer(renewed)).status_code == 200
    assert guarded.get("/v1/grids", headers=bearer(key)).status_code == 200  # keys end by their own


@pytest.mark.slow
def test_what_is_kept_in_memory_is_forgotten_after_an_own_write(
    town_url: str, people: dict[str, str], tmp_path: Path
):
    with served(town_url, access_cache_s=300.0, home=tmp_path) as client:
        chief = bearer(token_of(client, ADMIN))
        sent = {"login": "newcomer", "password": PASSWORD}
        user = client.post("/v1/users", json=sent, headers=chief).json()
        token = bearer(token_of(client, "newcomer"))
        is_problem(client.get("/v1/grids", headers=token), 403)
        role = {"role": "viewer", "area_kind": "everywhere"}
        made = client.post(f"/v1/users/{user['id']}/grants", json=role, headers=chief)
        assert made.status_code == 201, made.text
        assert client.get("/v1/grids", headers=token).status_code == 200
        path = f"/v1/users/{user['id']}/grants/{made.json()['id']}"
        assert client.delete(path, headers=chief).status_code == 204
        is_problem(client.get("/v1/grids", headers=token), 403)


def test_refusals_are_written_down_with_who_and_what_but_no_secret(
    guarded: httpx.Client,
):
    desk, chief = bearer(token_of(guarded, "desk")), bearer(token_of(guarded, ADMIN))
    asked = guarded.get("/v1/plans", headers={**desk, "X-Request-ID": "refused-1"})
    is_problem(asked, 403)
    guarded.get("/v1/plans", headers={**bearer("wg_nonsense"), "X-Request-ID": "refused-2"})
    answer = guarded.get("/v1/audit-log?outcome=refused&limit=50", headers=chief)
    found = {one["request_id"]: one for one in answer.json()["entries"]}
    assert (found["refused-1"]["principal"], found["refused-1"]["row_id"]) == ("desk", "list_plans")
    assert found["refused-1"]["address"] == "127.0.0.1"
    assert found["refused-2"]["principal"] == "unknown"
    assert "nonsense" not in answer.text
    is_problem(guarded.get("/v1/audit-log", headers=desk), 403)


def test_the_command_rotates_the_key_of_the_installation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("WANGGE_HOME", str(tmp_path))
    get_settings.cache_clear()
    mint = Tokens(tmp_path / "jwt.keys")
    token, _ = mint.issue(USER)
    told = CliRunner().invoke(app, ["key", "rotate-signing"])
    assert told.exit_code == 0, told.output
    assert "15 minutes" in told.output
    assert mint.read(token).user_id == USER
    assert jwt.get_unverified_header(mint.issue(USER)[0])["kid"] in told.output
    get_settings.cache_clear()
