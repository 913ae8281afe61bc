"""The 18-column export of a 12345 hotline as matters without a place and without persons.

Who asks becomes a token, who dispatches is dropped, and texts are masked before anything else sees
them. Where it is stands in words only: :attr:`HotlineRows.places` are for the address matcher.
"""

import base64
import hashlib
import hmac
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from gis.errors import InvalidInputError
from gis.frames import INCIDENTS, stable_ids
from gis.frames.hotline import HOTLINE_COLUMNS, HOTLINE_PERSONAL, HOTLINE_REQUIRED
from gis.frames.personal import mask_personal_text
from gis.ingest.formats import open_source
from gis.ingest.hotline_words import category_of, mask_rooms, place_text, served_group_of
from gis.ingest.rejects import Rejects
from gis.ingest.rows import RowBatch, SourceOptions
from gis.ingest.values import MendLog, clean_dates

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

#: Columns beyond the required ones that a file must have to be taken for such an export.
_MORE_COLUMNS = 3
#: Bytes that a secret key must have at least.
SECRET_BYTES = 16
_TOKEN_LENGTH = 32
#: Facts that are kept beside the columns of the layer: ours, the export's.
DETAILS = MappingProxyType(
    {
        "channel": "办件来源",
        "city_number": "市级编号",
        "subject": "诉求主题",
        "unit": "办理单位",
        "office": "办理科室",
        "result": "处理结果",
        "major_class": "事项大类",
        "minor_class": "事项小类",
        "due_at": "承诺完成时间",
        "status": "办件状态",
        "alert": "预警状态",
    }
)
#: Rejects may repeat only what stands in these columns: the others hold persons' data.
_SHOWN = frozenset({"办件编号", "派发时间"})
_FREE_TEXTS = frozenset({"诉求主题", "诉求内容", "处理结果"})
_NOBODY = re.compile(
    r"^(匿名|无|不详|未知|未留|保密|市民|居民|群众|业主|先生|女士|系统|管理员|[-*xX/]+)?(用户|人士)?$"
)
_WORD = re.compile(r"[^\W_]")
_NAME = re.compile(r"^[\u4e00-\u9fff·]{2,}$")
_ASKS = re.compile(r"(先生|女士|小姐|同志|师傅|阿姨|大爷|大妈|老师)$")


@dataclass(frozen=True, slots=True)
class HotlineOrder:
    """How an export is to be read.

    Parameters
    ----------
    secret
        Key of the tokens, at least 16 bytes, kept by the deployment. With another key the same
        person has another token; who has the key can try numbers until a token fits.
    timezone
        IANA name of the zone of the export's times.
    options
        Encoding, sheet and header of the file, as far as they are known.
    synthetic
        Whether the matters are made up.
    """

    secret: bytes = field(repr=False)
    timezone: str = "Asia/Shanghai"
    options: SourceOptions = field(default_factory=SourceOptions)
    synthetic: bool = False

    def __post_init__(self) -> None:
        """Refuse a key that can be guessed."""
        if len(self.secret) < SECRET_BYTES:
            msg = f"The secret key of the tokens has fewer than {SECRET_BYTES} bytes."
            raise InvalidInputError(msg, remedy="Make one with: openssl rand -hex 32")


@dataclass(frozen=True)
class HotlineRows:
    """Matters of an export.

    Parameters
    ----------
    matters
        Columns ``id``, ``source_id``, ``category``, ``description``, ``occurred_at``, ``source``,
        ``served_group``, ``complainant_token``, ``details``, ``synthetic`` of
        :data:`gis.frames.INCIDENTS`; no geometry.
    places
        What each of them says of its place, never empty.
    row_numbers
        Numbers of their rows in the file, shape (n,).
    rejects
        Rows that cannot be taken; without persons' data.
    report
        Counts: rows, categories, what was masked, columns that were not used, notes.
    """

    matters: "pd.DataFrame"
    places: tuple[str, ...]
    row_numbers: "NDArray[np.int64]"
    rejects: Rejects
    report: Mapping[str, Any]

    def __len__(self) -> int:
        return len(self.matters)

    def rows(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield for each matter the text of its place, and its values by column."""
        for place, values in zip(self.places, self.matters.to_dict("records"), strict=True):
            given = {str(name): value for name, value in values.items() if value is not None}
            given["occurred_at"] = values["occurred_at"].to_pydatetime()
            yield place, given


def is_hotline_export(columns: Iterable[str]) -> bool:
    """Return whether columns are those of the export: the required ones, and three of the others.

    Their order, further ones, and blanks in their names do not matter.
    """
    known = {_plain(name) for name in columns} & set(HOTLINE_COLUMNS)
    return set(HOTLINE_REQUIRED) <= known and len(known) >= len(HOTLINE_REQUIRED) + _MORE_COLUMNS


def read_hotline(path: Path, order: HotlineOrder) -> HotlineRows:
    """Read an export: CSV in any encoding, or Excel.

    Raises
    ------
    gis.errors.DataSourceError
        The file is missing, empty, or cannot be read.
    gis.errors.InvalidInputError
        It is no such export, or has no rows.
    """
    import pandas as pd

    rejects = Rejects()
    source = open_source(path, replace(order.options, spatial=False), rejects)
    try:
        _require_columns(source.facts.columns, path)
        reading = _Reading(order, rejects)
        parts = [reading.take(batch) for batch in source.batches()]
        notes = [*source.facts.notes, *reading.mends.notes()]
        if reading.unread_due:
            notes.append(f"承诺完成时间: {reading.unread_due} values are no times and are left out")
        extra = [name for name in source.facts.columns if _plain(name) not in HOTLINE_COLUMNS]
    finally:
        source.close()
    _silence(rejects)
    if not parts:
        msg = f"{path}: the file has no rows."
        raise InvalidInputError(msg, remedy="Export it again with its matters.", file=str(path))
    matters = pd.concat([part[0] for part in parts], ignore_index=True)
    report = {
        "file": path.name,
        "rows": reading.rows,
        "matters": len(matters),
        "categories": {
            code: int(count) for code, count in sorted(Counter(matters["category"]).items())
        },
        "classes_not_known": dict(reading.unknown.most_common()),
        "masked_texts": reading.masked,
        "with_token": int(matters["complainant_token"].notna().sum()),
        "columns_not_used": extra,
        "notes": notes,
    }
    return HotlineRows(
        matters,
        tuple(place for part in parts for place in part[1]),
        np.concatenate([part[2] for part in parts]),
        rejects,
        MappingProxyType(report),
    )


def _require_columns(columns: tuple[str, ...], path: Path) -> None:
    known = {_plain(name) for name in columns}
    missing = [name for name in HOTLINE_REQUIRED if name not in known]
    if missing:
        msg = f"{path}: no export of the 12345 hotline: it lacks {', '.join(missing)}."
        raise InvalidInputError(
            msg,
            remedy=f"It has: {', '.join(columns)}. Export it with all its columns.",
            file=str(path),
        )


def _plain(name: str) -> str:
    return re.sub(r"\s|\ufeff", "", unicodedata.normalize("NFKC", str(name)))


def _silence(rejects: Rejects) -> None:
    """Take from the rejects what may be a person's: rows as a whole, names, texts."""
    rejects.rows[:] = [
        (row, name, value if _plain(name) in _SHOWN else "", code, why, remedy)
        for row, name, value, code, why, remedy in rejects.rows
    ]


class _Reading:
    """What is counted over the batches of a file."""

    def __init__(self, order: HotlineOrder, rejects: Rejects) -> None:
        self.order, self.rejects = order, rejects
        self.mends = MendLog()
        self.unknown: Counter[str] = Counter()
        self.rows = self.masked = self.unread_due = 0
        self._seen: set[str] = set()
        self._short: dict[str, str] = {}

    def take(self, batch: RowBatch) -> tuple["pd.DataFrame", list[str], "NDArray[np.int64]"]:
        """Return the matters of a batch, their places and the numbers of their rows."""
        import pandas as pd

        columns = batch.columns.rename(columns=_plain)
        columns = columns.loc[:, ~columns.columns.duplicated()]
        texts = _Texts(columns)
        when = clean_dates(
            columns["派发时间"], INCIDENTS.column("occurred_at"), timezone=self.order.timezone
        )
        self.mends.add("派发时间", when.mends)
        with self.rejects.batch(batch.numbers):
            bad = self._faults(texts, columns["派发时间"], when.missing)
            when.reject_faults("派发时间", columns["派发时间"], self.rejects)
        for fault in when.faults:
            bad |= fault.rows
        self.rows += len(batch)
        due = self._due(columns)
        kept = np.flatnonzero(~bad).tolist()
        made = [self._matter(texts.row(row), due[row]) for row in kept]
        matters = pd.DataFrame([one for one, _ in made], columns=_MATTER_COLUMNS, dtype=object)
        matters["occurred_at"] = when.data.iloc[kept].to_numpy()
        matters["occurred_at"] = pd.to_datetime(matters["occurred_at"], utc=True)
        matters["id"] = stable_ids("hotline", INCIDENTS.name, matters["source_id"])
        return matters, [place for _, place in made], batch.numbers[kept]

    def _faults(
        self, texts: "_Texts", when: "pd.Series[Any]", no_time: "NDArray[np.bool_]"
    ) -> "NDArray[np.bool_]":
        numbers, content, subject = (texts.of(n) for n in ("办件编号", "诉求内容", "诉求主题"))
        lacks = np.array([not value for value in numbers], dtype=bool)
        told = (a + b for a, b in zip(content, subject, strict=True))
        silent = np.array([_WORD.search(text) is None for text in told], dtype=bool)
        again = np.zeros(len(numbers), dtype=bool)
        for row, value in enumerate(numbers):
            again[row] = bool(value) and value in self._seen
            self._seen.add(value)
        self.rejects.add(
            lacks, "办件编号", numbers, "has no value", "Give its number.", code="missing"
        )
        self.rejects.add(
            silent, "诉求内容", content, "has no value", "Say what is the matter.", code="missing"
        )
        self.rejects.add(
            no_time, "派发时间", when.to_numpy(object), "has no value", "Say when.", code="missing"
        )
        self.rejects.add(
            again,
            "办件编号",
            numbers,
            "appears twice",
            "Keep the row that holds.",
            code="duplicate_id",
        )
        return np.asarray(lacks | silent | no_time | again)

    def _due(self, columns: "pd.DataFrame") -> list[str | None]:
        """Return the promised times in ISO 8601; those that are none are left out and counted."""
        if "承诺完成时间" not in columns:
            return [None] * len(columns)
        due = clean_dates(
            columns["承诺完成时间"], INCIDENTS.column("occurred_at"), timezone=self.order.timezone
        )
        self.mends.add("承诺完成时间", due.mends)
        unread = sum(int(fault.rows.sum()) for fault in due.faults)
        self.unread_due += unread
        there = due.data.notna().tolist()
        stamps = due.data.dt.tz_convert(self.order.timezone)
        return [s.isoformat() if ok else None for s, ok in zip(stamps, there, strict=True)]

    def _matter(self, row: Mapping[str, str], due: str | None) -> tuple[dict[str, Any], str]:
        """Return a matter without persons' data, and the text of its place."""
        names = (row[name] for name in HOTLINE_PERSONAL)
        known = [name for name in names if _NAME.match(name) and not _NOBODY.match(name)]
        known += [digits] if len(digits := _digits(row["诉求人电话"])) >= 7 else []
        clean = {
            name: self._masked(name, text, known)
            for name, text in row.items()
            if name not in HOTLINE_PERSONAL
        }
        subject, content = clean["诉求主题"], clean["诉求内容"] or clean["诉求主题"]
        category = category_of([clean["事项小类"], clean["事项大类"], subject])
        if category is None:
            self.unknown["/".join(filter(None, (clean["事项大类"], clean["事项小类"]))) or "-"] += 1
        details = {ours: clean[theirs] for ours, theirs in DETAILS.items() if clean[theirs]}
        details.pop("due_at", None)
        if due is not None:
            details["due_at"] = due
        matter = {
            "source_id": row["办件编号"],
            "category": category or "other",
            "description": content,
            "source": "hotline",
            "served_group": served_group_of(subject + content),
            "complainant_token": complainant_token(
                row["诉求人"], row["诉求人电话"], self.order.secret
            ),
            "details": details or None,
            "synthetic": self.order.synthetic,
        }
        return matter, place_text(subject, content)

    def _masked(self, name: str, text: str, known: list[str]) -> str:
        """Return a text of a column without what leads to persons."""
        # Units, classes and states are the same in thousands of rows.
        if name in _FREE_TEXTS or any(one in text for one in known):
            out = mask_rooms(mask_personal_text(text, known))
        elif text in self._short:
            out = self._short[text]
        else:
            out = self._short[text] = mask_rooms(mask_personal_text(text))
        self.masked += out != text
        return out


_MATTER_COLUMNS = [
    "id",
    "source_id",
    "category",
    "description",
    "occurred_at",
    "source",
    "served_group",
    "complainant_token",
    "details",
    "synthetic",
]


class _Texts:
    """The columns of the export as text, empty where there is nothing."""

    def __init__(self, columns: "pd.DataFrame") -> None:
        self._count = len(columns)
        self._texts = {
            name: [_text(value) for value in columns[name].astype(object)]
            for name in HOTLINE_COLUMNS
            if name in columns
        }

    def of(self, name: str) -> list[str]:
        """Return one column."""
        return self._texts.get(name) or [""] * self._count

    def row(self, number: int) -> dict[str, str]:
        """Return one row; columns that the file has not are empty."""
        return {
            name: self._texts[name][number] if name in self._texts else ""
            for name in HOTLINE_COLUMNS
            if name not in {"序号", "派发时间"}
        }


def _text(value: object) -> str:
    blank = value is None or value != value  # noqa: PLR0124 - NaN, NaT
    return "" if blank else str(value).strip()


def complainant_token(name: str, phone: str, secret: bytes) -> str | None:
    """Return a token of who asks: the same person the same, and no way back without the key.

    The number decides where there is a whole one: it is the steadiest thing an export has of a
    person, written in any way (spaces, dashes, +86). Members of a household that call from one
    number are one token; a person with two numbers is two. Where the number is masked or short, it
    counts together with the whole name. A name alone is no person (many share it), so it gives no
    token, and neither do 匿名 and the like.

    Parameters
    ----------
    name, phone
        As the export has them.
    secret
        Key of the deployment.

    Returns
    -------
    str or None
        ``c`` and 31 characters of base32 in lower case, 155 bits of an HMAC-SHA256.
    """
    digits = _digits(phone)
    if len(digits) >= 7 and "*" not in phone and len(set(digits)) > 1:
        message = f"phone\x1f{digits}"
    else:
        who = re.sub(r"\s", "", unicodedata.normalize("NFKC", name))
        whole = _NAME.match(who) and not _NOBODY.match(who) and not _ASKS.search(who)
        if not whole or len(digits) < 4:
            return None
        message = f"name\x1f{who}\x1f{digits}"
    digest = hmac.new(secret, message.encode(), hashlib.sha256).digest()
    return "c" + base64.b32encode(digest).decode().lower()[: _TOKEN_LENGTH - 1]


def _digits(phone: str) -> str:
    """Return the digits of a number without the country's prefix."""
    digits = re.sub(r"\D", "", unicodedata.normalize("NFKC", phone))
    for prefix in ("0086", "86"):
        rest = digits.removeprefix(prefix)
        if rest != digits and len(rest) == 11 and rest.startswith("1"):
            return rest
    return digits
