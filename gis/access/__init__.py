"""Who may do what, where: roles, permissions, grants, and the scope that comes of them.

Pure: what is here decides; ``gis.layers`` keeps the accounts, ``api.security`` asks who calls, and
every query takes the :class:`~gis.scope.Scope` that :func:`scope_of` returns.
"""

from gis.access.grants import Area, AreaKind, Grant, Held, Principal, authorise, scope_of
from gis.access.permissions import Permission
from gis.access.roles import AREA_COUNTS, FULL_COUNTS, MATRIX, Role, sees_in_full

__all__ = [
    "AREA_COUNTS",
    "FULL_COUNTS",
    "MATRIX",
    "Area",
    "AreaKind",
    "Grant",
    "Held",
    "Permission",
    "Principal",
    "Role",
    "authorise",
    "scope_of",
    "sees_in_full",
]
