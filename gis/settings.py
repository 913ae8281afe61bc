"""Settings by environment: ``WANGGE_*`` and ``DATABASE_URL``; the table is in docs/settings.md."""

import os
from functools import lru_cache
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic_settings import BaseSettings, SettingsConfigDict

from gis.errors import ConfigurationError


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
        description="Let the API listen beyond loopback though it knows no accounts yet: only "
        "where something else keeps strangers out, as docker-compose.yml does.",
    )
    host: str = Field("127.0.0.1", description="Address the API listens on; loopback only for now.")
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

    @field_validator("host")
    @classmethod
    def _stay_at_home(cls, host: str, info: ValidationInfo) -> str:
        if _is_loopback(host) or info.data.get("allow_non_loopback"):
            return host
        msg = (
            f"{host} is not loopback, and the API knows no accounts yet; set "
            "WANGGE_ALLOW_NON_LOOPBACK=true if something else keeps strangers out"
        )
        raise ValueError(msg)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


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
