"""The metadata every layer's table belongs to, with a naming convention for constraints."""

from sqlalchemy import MetaData
from sqlalchemy.orm import DeclarativeBase

NAMING_CONVENTION = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}

#: The reference system of every stored geometry (WGS 84, lon/lat).
STORED_SRID = 4326


class Base(DeclarativeBase):
    """Base of the mapped tables; relationships, where there are any, are ``lazy="raise"``."""

    metadata = MetaData(naming_convention=NAMING_CONVENTION)
