"""Settings by environment: ``WANGGE_*`` and ``DATABASE_URL``; the table is in docs/settings.md."""

import os
import re
from functools import lru_cache
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
)
from pydantic_settings import BaseSettings, SettingsConfigDict

from gis.errors import ConfigurationError

#: So many in a time: 600/minute, 10/30 seconds.
_RATE = r"^[1-9][0-9]{0,8}/([1-9][0-9]{0,4} ?)?(second|minute|hour)s?$"


def psycopg2_url(url: str) -> str:
    """Return a database URL that names the psycopg2 driver.

    SQLAlchemy 2.1 takes psycopg 3 for a bare ``postgresql://``.

    Examples
    --------
    >>> psycopg2_url("postgres://u@h/db")
    'postgresql+psycopg2://u@h/db'
    """
    for prefix in ("postgresql://", "postgres://"):
        if url.startswith(prefix):
            return "postgresql+psycopg2://" + url.removeprefix(prefix)
    return url


def _default_home() -> Path:
    if os.geteuid() == 0:
        return Path("/var/lib/wangge")
    return Path.home() / ".local/share/wangge"


class Settings(BaseSettings):
    """Everything an operator may set; each field is the variable ``WANGGE_<NAME>``."""

    model_config = SettingsConfigDict(env_prefix="WANGGE_", frozen=True, populate_by_name=True)

    database_url: Annotated[
        str | None, AfterValidator(lambda u: psycopg2_url(u) if u else None)
    ] = Field(
        None,
        validation_alias="DATABASE_URL",
        description="Where PostGIS is; unset: the private cluster that Wangge manages itself.",
    )
    database_name: str = Field(
        "wangge",
        pattern=r"^[a-z_][a-z0-9_]{0,62}$",
        description="Database used in the private cluster.",
    )
    home: Path = Field(
        default_factory=_default_home, description="Where the private cluster and other state live."
    )
    pg_bin: Path | None = Field(
        None,
        description="Folder of initdb, pg_ctl and postgres, if not on PATH nor in Debian's place.",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="The least severe log line that is written."
    )
    log_format: Literal["console", "json"] = Field(
        "console", description="How log lines are written."
    )
    language: Literal["zh-CN", "en"] = Field(
        "zh-CN", description="Language where the reader gave none."
    )
    timezone: str = Field("Asia/Shanghai", description="Time zone of the places that are served.")
    allow_non_loopback: bool = Field(
        default=False,
        description="Requests come from other machines though the API listens on loopback, or by "
        "names that it does not know: through a proxy, or the published port of a container. Any "
        "host name is answered, and nobody is taken for the owner of this machine.",
    )
    host: str = Field(
        "127.0.0.1",
        min_length=1,
        description="Address the API listens on. Beyond loopback everybody is asked who they are; "
        "until there is an admin, everybody is shown what a viewer sees and nothing can be "
        "changed.",
    )
    port: int = Field(8000, ge=0, le=65535, description="Port the API listens on; 0: any free one.")
    pool_size: int = Field(10, ge=1, le=200, description="Database connections the API keeps open.")
    statement_timeout_s: int = Field(
        60, ge=1, description="Seconds after which an API query is cancelled."
    )
    tile_url: str | None = Field(
        None,
        description="Tile background of maps ({z}/{x}/{y} template); unset: no network needed.",
    )
    tile_attribution: str = Field(
        "", description="Attribution shown when a tile background is set."
    )
    token_key: SecretStr | None = Field(
        None,
        min_length=32,
        description="Secret by which a complainant becomes a token; unset: that of the file "
        "token.key in WANGGE_HOME, made when it is missing. With another one the same person has "
        "another token.",
    )
    upload_limit_mb: int = Field(
        2048, ge=1, description="Largest file that the API receives for an import, in MiB."
    )
    suppress_below: int = Field(
        3, ge=1, description="Counts below this are not shown in density cells and exports."
    )

    https: bool = Field(
        default=False,
        description="People reach the API by HTTPS, which a proxy in front of it ends: the cookie "
        "is Secure and named __Host-wangge, and browsers are told to stay with HTTPS.",
    )
    trusted_proxies: str = Field(
        "",
        description="Addresses or networks of proxies, by commas, whose X-Forwarded-For is "
        "believed; empty: none.",
    )
    cors_origins: str = Field(
        "",
        description="Origins (https://host, by commas) whose pages may read the API with a bearer "
        "token; empty: none. Cookies are never taken from them.",
    )
    access_cache_s: float = Field(
        5.0,
        ge=0.0,
        le=300.0,
        description="Seconds for which the API remembers who somebody is and what they were "
        "granted; so long what another process takes back still holds.",
    )
    rate_limit: str = Field(
        "1200/minute",
        pattern=_RATE,
        description="Points that one account, or one address without an account, may use; most "
        "requests take one, costly ones more.",
    )
    rate_limit_sign_in: str = Field(
        "20/minute", pattern=_RATE, description="Tries to sign in from one address."
    )
    body_timeout_s: float = Field(
        30.0, gt=0.0, description="Seconds for which the API waits for the next part of a body."
    )

    @field_validator("trusted_proxies")
    @classmethod
    def _are_networks(cls, text: str) -> str:
        for one in _listed(text):
            ip_network(one)
        return text

    @field_validator("cors_origins")
    @classmethod
    def _are_origins(cls, text: str) -> str:
        for one in _listed(text):
            if not re.fullmatch(r"https?://[A-Za-z0-9.\-\[\]:]+", one):
                msg = f"{one} is no origin: https://host or https://host:port; * is never one"
                raise ValueError(msg)
        return text


def _listed(text: str) -> list[str]:
    """Return the parts of a list by commas."""
    return [one.strip() for one in text.split(",") if one.strip()]


@lru_cache(maxsize=1)
def get_settings() -> Settings:
    """Return the settings of this process, read once from the environment.

    Raises
    ------
    gis.errors.ConfigurationError
        If a variable has a value that cannot be used; every bad one is named.
    """
    try:
        return Settings()
    except ValidationError as error:
        bad = "; ".join(
            f"{'.'.join(str(part) for part in item['loc'])}: {item['msg']}"
            for item in error.errors()
        )
        msg = f"These settings cannot be used: {bad}."
        raise ConfigurationError(msg, remedy="See docs/settings.md for each variable.") from error
