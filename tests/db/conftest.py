"""Fixtures of the tests over a real store."""

import pytest
from sqlalchemy.orm import Session, sessionmaker

from gis.scope import Scope
from tests.db.planning import drawn


@pytest.fixture
def draft(town_factory: sessionmaker[Session], scope: Scope) -> str:
    return drawn(town_factory, scope, name="Draft")
