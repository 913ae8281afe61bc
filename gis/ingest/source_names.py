"""What a file's source is called: its name without what changes from delivery to delivery."""

import re
import unicodedata
from pathlib import Path

#: What may stand in a name beside the source's own: dates, versions, copies, numbers.
_CHANGING = re.compile(
    r"\d{2,4}年(?:\d{1,2}月)?(?:\d{1,2}[日号])?|\d{1,2}月(?:\d{1,2}[日号])?|第\d+[批次版期]"
    r"|(?:^|[\W_])(?:v|ver|version|copy|new|final|rev)[\s._-]*\d*(?=$|[\W_])|副本|复制|最新版?|终版|\d+"
)
_SUFFIXES = (".gz", ".zip", ".geojson", ".json", ".gpkg", ".shp", ".csv", ".xlsx", ".xls")
LONGEST = 40


def source_of(path: Path) -> str:
    """Return the short name of the source that a file comes from.

    Examples
    --------
    >>> source_of(Path("明光路街道楼栋台账_2024年8月(1).xlsx"))
    '明光路街道楼栋台账'
    >>> source_of(Path("Buildings-2024-08-05_v2.shp.zip")), source_of(Path("2024.csv"))
    ('buildings', 'file')
    """
    name = unicodedata.normalize("NFKC", path.name).lower()
    while Path(name).suffix in _SUFFIXES:
        name = name[: -len(Path(name).suffix)]
    name = _CHANGING.sub("_", name)
    name = re.sub(r"[\W_]+", "_", name).strip("_")[:LONGEST].strip("_")
    return name if name and not name[0].isdigit() else "file"
