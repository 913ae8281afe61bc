"""Columns that several layers share."""

from gis.frames.contract import Column

ID = Column(
    "id",
    "str",
    "UUID, the key of the row; derived from the source where it has ids.",
    required=True,
)
SOURCE_ID = Column("source_id", "str", "The source's own id of this feature.")
NAME = Column("name", "str", "Name as people say it.")
COMMUNITY_ID = Column("community_id", "str", "UUID of the community it lies in.")
VALID_FROM = Column("valid_from", "date", "First day on which it exists; empty: since ever.")
VALID_TO = Column(
    "valid_to", "date", "First day on which it exists no more; empty: it still exists."
)
