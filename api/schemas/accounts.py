"""Accounts, roles, keys and the audit log: what may be sent, and what is told."""

from datetime import date
from typing import TYPE_CHECKING, Annotated, Any, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, SecretStr, model_validator

from api.params import Day
from api.schemas.codes import OneOf
from gis.access import AreaKind, Permission, Role
from gis.layers.audit import OUTCOMES

if TYPE_CHECKING:
    from sqlalchemy import Row

    from gis.layers.accounts import Given
    from gis.services.accounts import Account

Login = Annotated[
    str,
    Field(
        strict=True,
        min_length=2,
        max_length=63,
        description="A work name, never a person's.",
        examples=["grid-012"],
    ),
]
Password = Annotated[SecretStr, Field(min_length=1, max_length=1024)]
Outcome = Annotated[str, OneOf(OUTCOMES)]


class _Sent(BaseModel):
    model_config = ConfigDict(extra="forbid")


class TokenRequest(_Sent):
    """For whom a token is wanted: a login and its password, or a key."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"login": "desk", "password": "…", "permissions": ["matters.read"]},
                {"api_key": "wg_…"},
            ]
        }
    )

    login: Annotated[str, Field(strict=True, max_length=200)] | None = None
    password: Password | None = None
    api_key: Password | None = Field(None, description="A key of /v1/keys (wg_…).")
    permissions: list[Permission] | None = Field(
        None, max_length=100, description="The token may do only these of what its user may."
    )

    @model_validator(mode="after")
    def _one_way(self) -> "TokenRequest":
        by_password = self.login is not None and self.password is not None
        if by_password == (self.api_key is not None) or (
            self.api_key is not None and (self.login, self.password) != (None, None)
        ):
            msg = "give login and password, or api_key"
            raise ValueError(msg)
        return self


class TokenAnswer(BaseModel):
    """A token for the Authorization header."""

    access_token: str
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105 - the scheme's name
    expires_in: int = Field(description="Seconds until it ends.", examples=[900])


class Me(BaseModel):
    """Who asks."""

    login: str | None = Field(description="Null: nobody was asked, for there is no admin yet.")
    by: Literal["session", "token", "key"] | None = Field(description="How it is known.")
    roles: list[Role] = Field(description="Roles that are held today.")
    permissions: list[Permission] = Field(description="What may be done today, somewhere.")
    csrf_token: str | None = Field(
        description="Of a session: what changes must send as X-CSRF-Token."
    )


class SessionsEnded(BaseModel):
    """How many sessions were ended."""

    ended: int


class NewPassword(_Sent):
    """Another password for oneself."""

    old: Password = Field(description="The one that holds now.")
    new: Password = Field(description="At least 12 characters, none of the leaked ones.")


class GivenPassword(_Sent):
    """Another password for somebody."""

    password: Password = Field(description="At least 12 characters, none of the leaked ones.")


class NewUser(_Sent):
    """An account that is to be opened."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"login": "grid-012"}]})

    login: Login
    password: Password | None = Field(
        None, description="Without one nobody can sign in, but keys can be made."
    )
    language: Literal["zh-CN", "en"] | None = None


class NewGrant(_Sent):
    """A role in an area, for a time."""

    model_config = ConfigDict(
        populate_by_name=True,
        json_schema_extra={
            "examples": [
                {"role": "planner", "area_kind": "community", "area_code": "340102001001"},
                {"role": "viewer", "area_kind": "everywhere"},
            ]
        },
    )

    role: Role
    area_kind: AreaKind
    area_code: Annotated[str, Field(strict=True, min_length=1, max_length=64)] | None = Field(
        None, description="9 digits of a subdistrict, 12 of a community, or the code of a grid."
    )
    from_day: Day | None = Field(None, alias="from", description="First day; today if left out.")
    to_day: Day | None = Field(None, alias="to", description="The day after the last one.")
    organisation: Annotated[str, Field(strict=True, min_length=1, max_length=64)] | None = None


class GrantAnswer(BaseModel):
    """A role that somebody was granted."""

    id: UUID
    role: Role
    area_kind: AreaKind
    area_code: str | None
    from_day: date | None = Field(serialization_alias="from")
    to_day: date | None = Field(serialization_alias="to")
    organisation: str | None
    granted_by: str
    granted_at: AwareDatetime
    revoked_at: AwareDatetime | None

    @classmethod
    def of(cls, given: "Given") -> "GrantAnswer":
        """Return a grant as it is told."""
        grant = given.grant
        return cls(
            id=UUID(given.id),
            role=grant.role,
            area_kind=grant.area.kind,
            area_code=grant.area.code,
            from_day=grant.from_day,
            to_day=grant.to_day,
            organisation=grant.organisation,
            granted_by=given.granted_by,
            granted_at=given.granted_at,
            revoked_at=given.revoked_at,
        )


class UserAnswer(BaseModel):
    """An account, with what it was granted."""

    id: UUID
    login: str
    language: Literal["zh-CN", "en"] | None
    has_password: bool
    disabled_at: AwareDatetime | None
    locked_until: AwareDatetime | None
    password_changed_at: AwareDatetime | None
    created_at: AwareDatetime
    grants: list[GrantAnswer]

    @classmethod
    def of(cls, account: "Account") -> "UserAnswer":
        """Return an account as it is told."""
        told: dict[str, Any] = {
            name: getattr(account, name) for name in cls.model_fields if name != "grants"
        }
        return cls(**told, grants=[GrantAnswer.of(one) for one in account.grants])


class UsersAnswer(BaseModel):
    """Accounts, by login."""

    users: list[UserAnswer]


class NewKey(_Sent):
    """A key that is wanted."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"label": "nightly report", "permissions": ["exports.make"], "days": 90}]
        }
    )

    label: Annotated[str, Field(strict=True, min_length=1, max_length=100)] = Field(
        description="What it is for."
    )
    permissions: list[Permission] | None = Field(
        None,
        max_length=100,
        description="What it may do of what you may; left out: all but managing accounts.",
    )
    days: Annotated[int, Field(strict=True, ge=1, le=366)] = Field(
        90, description="For how many days it holds."
    )


class KeyAnswer(BaseModel):
    """A key, without its secret."""

    id: UUID
    prefix: str
    label: str
    permissions: list[str] | None
    created_at: AwareDatetime
    expires_at: AwareDatetime
    last_used_on: date | None
    revoked_at: AwareDatetime | None

    @classmethod
    def of(cls, row: "Row[Any]") -> "KeyAnswer":
        """Return a key as it is told."""
        return cls(**{name: getattr(row, name) for name in cls.model_fields})


class KeysAnswer(BaseModel):
    """Keys, newest first."""

    keys: list[KeyAnswer]


class MadeKeyAnswer(BaseModel):
    """A key that was just made."""

    id: UUID
    prefix: str
    secret: str = Field(description="Shown this once; only its hash is kept.", examples=["wg_…"])
    expires_at: AwareDatetime


class PermissionAnswer(BaseModel):
    """Something that may be allowed."""

    code: Permission
    meaning: str


class RoleAnswer(BaseModel):
    """A role, and what it may do."""

    role: Role
    full_counts: bool = Field(description="Whether small counts of areas are shown as they are.")
    full_building_counts: bool = Field(description="Whether those of single buildings are as well.")
    permissions: list[Permission]


class RolesAnswer(BaseModel):
    """The roles, and what each may do."""

    roles: list[RoleAnswer]
    permissions: list[PermissionAnswer]


class AuditEntryAnswer(BaseModel):
    """What somebody did or tried."""

    id: int
    at: AwareDatetime
    principal: str
    role: str | None
    action: str
    layer: str
    row_id: str
    outcome: Outcome
    request_id: str | None
    address: str | None
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    before_hash: str | None
    after_hash: str | None

    @classmethod
    def of(cls, row: "Row[Any]") -> "AuditEntryAnswer":
        """Return an entry as it is told."""
        return cls(**{name: getattr(row, name) for name in cls.model_fields})


class AuditLogAnswer(BaseModel):
    """Entries of the audit log, newest first."""

    entries: list[AuditEntryAnswer]
    next_before: int | None = Field(description="Send it as `before` for the page after this one.")
