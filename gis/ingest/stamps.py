"""Dates and times as people write them: 2024/8/5, 2024.08.05, 20240805, 2024年8月5日, 45509."""

import re
import unicodedata
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from types import MappingProxyType
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import numpy as np

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

#: What is said of each kind of mend.
TIME_NOTES = MappingProxyType(
    {
        "date_format": "were read as dates",
        "serial_day": "are a spreadsheet's serial days, counted from 1900, and were read as dates",
        "zone_assumed": "name no time zone and were read as times of {zone}",
    }
)
FAULTS = ("not_a_time", "ambiguous_date", "no_time_zone")
#: Serial days of 1954 to 2119; smaller and larger numbers are something else.
_SERIALS = (20_000, 80_000)
_EPOCH = datetime(1899, 12, 30)  # noqa: DTZ001 - serial days have no zone
_ISO = r"^\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?)?(?:Z|[+-]\d{2}:?\d{2})?$"
#: From other writings of a date towards ISO 8601: signs, then digits that lack their zero
#: (RE2 has nine groups: \10 is the first of them and a zero).
_DASHES = (
    (r"^(\d{4})(?:/|\.)(\d{1,2})(?:/|\.)(\d{1,2})\b", r"\1-\2-\3"),
    (r"^(\d{4})年(\d{1,2})月(\d{1,2})日", r"\1-\2-\3"),
    (r"^(\d{4})-(\d)-", r"\1-0\2-"),
    (r"^(\d{4}-\d{2})-(\d)( |T|$)", r"\1-0\2\3"),
    (r"^(\d{4}-\d{2}-\d{2}[T ])(\d):", r"\10\2:"),
)
_ZONED = r"[T ]\d{2}:.*(?:Z|[+-]\d{2}:?\d{2})$"
_WRITTEN = re.compile(
    r"^(?P<y>\d{4})\s*[-/.年]\s*(?P<m>\d{1,2})\s*[-/.月]\s*(?P<d>\d{1,2})\s*[日号]?"
    r"(?:[T\s]*(?:(?:星期|周)[一二三四五六日天])?\s*(?P<half>上午|下午|AM|PM)?\s*"
    r"(?P<H>\d{1,2})\s*[:时点]\s*(?:(?P<M>\d{1,2})\s*分?)?"
    r"(?:\s*[:]?\s*(?P<S>\d{1,2})(?:\.(?P<f>\d{1,6})\d*)?\s*秒?)?\s*(?P<after>AM|PM)?)?"
    r"\s*(?P<zone>Z|[+-]\d{2}:?\d{2})?$",
    re.IGNORECASE,
)
_COMPACT = re.compile(
    r"^(?P<y>(?:19|20)\d{2})(?P<m>\d{2})(?P<d>\d{2})(?:[T\s]?(?P<H>\d{2})(?P<M>\d{2})(?P<S>\d{2})?)?$"
)
#: Day and month in front of the year, or a year of two digits: which is which is not said.
_AMBIGUOUS = re.compile(r"^\d{1,2}[-/.]\d{1,2}[-/.](?:\d{4}|\d{2})(?:\s.*)?$")
_DECIMAL = re.compile(r"^\d+(?:\.\d+)?$")


@dataclass(frozen=True, slots=True)
class Stamps:
    """Times that were read.

    Parameters
    ----------
    data
        ``datetime64[us]`` for dates, ``datetime64[us, UTC]`` for times; NaT where there is none.
    mends, faults
        Rows by the keys of :data:`TIME_NOTES` and :data:`FAULTS`, each of shape (n,).
    """

    data: "pd.Series[Any]"
    mends: "dict[str, NDArray[np.bool_]]"
    faults: "dict[str, NDArray[np.bool_]]"


@dataclass(frozen=True, slots=True)
class _Read:
    """One distinct value: its time, or why it is none."""

    stamp: datetime | None
    mend: str = ""
    fault: str = ""


def read_times(
    values: "pd.Series[Any]",
    missing: "NDArray[np.bool_]",
    *,
    is_date: bool,
    timezone: str | None,
) -> Stamps:
    """Return dates or times of a column; see :func:`gis.ingest.values.clean_dates`."""
    import pandas as pd

    count = len(values)
    mends = {code: np.zeros(count, dtype=bool) for code in TIME_NOTES}
    faults = {code: np.zeros(count, dtype=bool) for code in FAULTS}
    stamps = Stamps(values, mends, faults)
    zone = None if timezone is None else ZoneInfo(timezone)
    out = _at_once(stamps, missing, is_date=is_date, timezone=timezone)
    rest = np.flatnonzero(
        ~missing & np.isnat(out) & ~(faults["no_time_zone"] | faults["not_a_time"])
    )
    if len(rest):
        keys = np.array([_key(value) for value in values.iloc[rest]], dtype=object)
        codes, distinct = pd.factorize(keys)
        read = [_read(value, zone, is_date=is_date) for value in distinct]
        times = [np.datetime64("NaT") if one.stamp is None else one.stamp for one in read]
        out[rest] = np.array(times, dtype="datetime64[us]")[codes]
        for code, rows in mends.items():
            rows[rest] |= np.array([one.mend == code for one in read])[codes]
        for code, rows in faults.items():
            rows[rest] |= np.array([one.fault == code for one in read])[codes]
    series = pd.Series(out, index=values.index, name=values.name)
    return Stamps(series if is_date else series.dt.tz_localize("UTC"), mends, faults)


def _key(value: object) -> object:
    return str(value) if isinstance(value, bool) else value


def _at_once(
    stamps: Stamps, missing: "NDArray[np.bool_]", *, is_date: bool, timezone: str | None
) -> "NDArray[np.datetime64]":
    """Return what is a time already, or text in ISO 8601, as times of UTC or as dates; else NaT."""
    import pandas as pd

    values = stamps.data
    out = np.full(len(values), np.datetime64("NaT", "us"))
    if pd.api.types.is_datetime64_any_dtype(values.dtype):
        is_zoned = isinstance(values.dtype, pd.DatetimeTZDtype)
        iso, zoned = ~missing, np.full(len(values), is_zoned)
        text = values
    elif isinstance(values.dtype, pd.StringDtype):
        text = values.str.strip()
        written = text.str.match(_ISO).fillna(value=False).to_numpy(dtype=bool)
        text = text if (written | missing).all() else _with_dashes(text)
        iso = text.str.match(_ISO).fillna(value=False).to_numpy(dtype=bool) & ~missing
        stamps.mends["date_format"][iso & ~written] = True
        zoned = iso & text.str.contains(_ZONED).fillna(value=False).to_numpy(dtype=bool)
    else:
        return out
    if is_date:
        days = text[iso].astype(str).str.slice(0, 10)
        out[iso] = pd.to_datetime(days, format="ISO8601", errors="coerce").to_numpy("M8[us]")
        return out
    out[zoned] = _utc(pd.to_datetime(text[zoned], format="ISO8601", errors="coerce", utc=True))
    naive = iso & ~zoned
    if timezone is None:
        stamps.faults["no_time_zone"][naive] = True
        return out
    local = pd.to_datetime(text[naive], format="ISO8601", errors="coerce")
    out[naive] = _utc(local.dt.tz_localize(timezone, ambiguous="NaT", nonexistent="NaT"))
    lost = np.isnat(out[naive])  # the clock passed over it, or showed it twice
    stamps.faults["not_a_time"][naive] = lost
    stamps.mends["zone_assumed"][naive] = ~lost & ~stamps.mends["date_format"][naive]
    return out


def _with_dashes(text: "pd.Series[Any]") -> "pd.Series[Any]":
    """Return dates such as 2024/8/5, 2024.8.5 and 2024年8月5日 as 2024-08-05; at once."""
    import pandas as pd
    import pyarrow as pa
    import pyarrow.compute as pc

    out = pa.array(text)
    for pattern, plain in _DASHES:
        out = pc.replace_substring_regex(out, pattern=pattern, replacement=plain)
    return pd.Series(out.to_pandas(), dtype=text.dtype).set_axis(text.index)


def _utc(times: "pd.Series[Any]") -> "NDArray[np.datetime64]":
    """Return times with a zone as those of UTC, without one."""
    return np.asarray(times.dt.tz_convert("UTC").dt.tz_localize(None).to_numpy("M8[us]"))


def _read(value: object, zone: tzinfo | None, *, is_date: bool) -> _Read:
    """Return one value as a time without a zone: of UTC, or of the day that is written."""
    stamp, mend, fault = _stamp(value)
    if stamp is None:
        return _Read(None, fault=fault)
    if is_date:
        return _Read(stamp.replace(tzinfo=None), mend)
    if stamp.tzinfo is None:
        if zone is None:
            return _Read(None, fault="no_time_zone")
        stamp, mend = stamp.replace(tzinfo=zone), mend or "zone_assumed"
        if stamp.utcoffset() != stamp.replace(fold=1).utcoffset():
            return _Read(None, fault="not_a_time")  # the clock passed over it, or showed it twice
    return _Read(stamp.astimezone(UTC).replace(tzinfo=None), mend)


def _stamp(value: object) -> tuple[datetime | None, str, str]:
    """Return what a value says, the kind of the mend, and the fault."""
    if isinstance(value, np.datetime64):
        value = value.astype("datetime64[us]").item()
    if isinstance(value, datetime):
        return (value.to_pydatetime() if hasattr(value, "to_pydatetime") else value), "", ""
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day), "", ""  # noqa: DTZ001 - a day
    if isinstance(value, int | float | np.integer | np.floating):
        return _numeric(f"{value:.10f}".rstrip("0").rstrip("."))
    return _written(unicodedata.normalize("NFKC", str(value)).strip())


def _written(text: str) -> tuple[datetime | None, str, str]:
    if _DECIMAL.match(text):
        return _numeric(text)
    found = _WRITTEN.match(text) or _COMPACT.match(text)
    if found is None:
        return None, "", "ambiguous_date" if _AMBIGUOUS.match(text) else "not_a_time"
    stamp = _from_parts(found.groupdict())
    if stamp is None:
        return None, "", "not_a_time"
    return stamp, "" if re.match(_ISO, text) else "date_format", ""


def _numeric(text: str) -> tuple[datetime | None, str, str]:
    """Read a number: a day as 20240805, or a serial day as 45509."""
    compact = _COMPACT.match(text)
    if compact is not None:
        stamp = _from_parts(compact.groupdict())
        return (stamp, "date_format", "") if stamp else (None, "", "not_a_time")
    if _SERIALS[0] <= float(text) < _SERIALS[1]:
        stamp = _EPOCH + timedelta(days=float(text))
        rounded = stamp + timedelta(microseconds=500_000)  # a serial day is no exact fraction
        return rounded.replace(microsecond=0), "serial_day", ""
    return None, "", "not_a_time"


def _from_parts(parts: dict[str, Any]) -> datetime | None:
    hour = int(parts.get("H") or 0)
    half = str(parts.get("half") or parts.get("after") or "").upper()
    if half in {"下午", "PM"} and hour < 12:
        hour += 12
    elif half in {"上午", "AM"} and hour == 12:
        hour = 0
    try:
        return datetime(
            int(parts["y"]),
            int(parts["m"]),
            int(parts["d"]),
            hour,
            int(parts.get("M") or 0),
            int(parts.get("S") or 0),
            int((parts.get("f") or "0").ljust(6, "0")),
            tzinfo=_zone(parts.get("zone")),
        )
    except ValueError:
        return None


def _zone(text: str | None) -> tzinfo | None:
    if not text:
        return None
    if text in {"Z", "z"}:
        return UTC
    minutes = int(text[1:3]) * 60 + int(text[-2:])
    return timezone(timedelta(minutes=-minutes if text[0] == "-" else minutes))
