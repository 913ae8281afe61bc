"""Which encoding text is in: the bytes decide, and what a file claims of itself is only checked.

UTF-8 is strict: text of another encoding that is long enough to matter is not valid in it. GB18030
holds all of GBK and GB 2312, so one decoder reads the three. The rare text that fits both (pairs
of bytes that are Latin letters with accents in one and Chinese characters in the other) follows
what the file claims, then what is likelier of the two, and a note says so.
"""

import codecs
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from gis.errors import DataSourceError, InvalidInputError

UTF8 = "utf-8"
GB18030 = "gb18030"
#: Encodings whose text GB18030 reads too.
_WITHIN_GB18030 = frozenset({"gb2312", "gbk", "gb18030"})
#: Numbers of Windows code pages and names that only .cpg files and DBF headers use.
_ALIASES = {"936": "gbk", "54936": "gb18030", "65001": "utf-8", "88591": "latin-1"}
_SHOWN = {UTF8: "UTF-8", GB18030: "GB18030"}
#: Bytes that are looked at for what kind of text they are, once it is known to fit.
_LOOKED_AT = 1 << 20
_CHUNK = 1 << 20
_HIGH = re.compile(rb"[\x80-\xff]+")
_BESIDE_LETTERS = re.compile(rb"[A-Za-z][\x80-\xff]+|[\x80-\xff]+[A-Za-z]")
#: Chinese text has its high bytes in pairs, Latin text mostly alone: share of odd runs between.
_LATIN_SHARE = 0.5


@dataclass(frozen=True, slots=True)
class TextEncoding:
    """An encoding that was decided on.

    Parameters
    ----------
    codec
        Its name to Python: ``utf-8``, ``gb18030``, ``utf-16`` …
    notes
        What a person should know of the decision.
    """

    codec: str
    notes: tuple[str, ...] = ()

    @property
    def shown(self) -> str:
        """Name as people write it."""
        return shown_name(self.codec)


def shown_name(codec: str) -> str:
    """Return an encoding's name as people write it."""
    return _SHOWN.get(codec, codec.upper())


def codec_of(name: str) -> str | None:
    """Return Python's codec of an encoding's name, number or alias; ``None``: there is none.

    GBK and GB 2312 are read as GB18030, which contains them.
    """
    text = name.strip().lower().removeprefix("ansi").strip(" _-")
    text = _ALIASES.get(text, text)
    for candidate in (text, f"cp{text}", text.replace(" ", "-")):
        try:
            found = codecs.lookup(candidate).name
        except (LookupError, ValueError):
            continue
        return GB18030 if found in _WITHIN_GB18030 else found
    return None


def require_codec(name: str, where: str) -> str:
    """Return the codec of an encoding that a person named.

    Raises
    ------
    gis.errors.InvalidInputError
        There is no such encoding.
    """
    codec = codec_of(name)
    if codec is None or codec in {"hex", "base64", "rot13", "zlib", "bz2", "uu", "quopri"}:
        msg = f"{where}: there is no encoding {name!r}."
        raise InvalidInputError(
            msg, remedy="Give utf-8, gbk or gb18030.", file=where, encoding=name
        )
    return codec


@dataclass(slots=True)
class Candidate:
    """One encoding that text may be in, and the first place that is not.

    Parameters
    ----------
    codec
        Name of the codec.
    fault
        Where the bytes are none of this encoding, as people find it; ``None``: so far they are.
    cut
        Values that end amid a character because their field was full.
    """

    codec: str
    fault: str | None = None
    cut: int = 0


@dataclass(slots=True)
class TextEvidence:
    """What the bytes of a source say of their encoding.

    Parameters
    ----------
    where
        The file, for errors.
    declared
        Encoding that a person declared.
    claimed
        Encoding that the file claims, and what makes the claim: ``("GBK", ".cpg")``.
    """

    where: str
    declared: str | None = None
    claimed: tuple[str, str] | None = None
    candidates: dict[str, Candidate] = field(init=False)
    high: bytes = field(default=b"", init=False)

    def __post_init__(self) -> None:
        """Take as candidates UTF-8, GB18030 and what is declared or claimed."""
        names = [UTF8, GB18030]
        if self.declared is not None:
            names.append(require_codec(self.declared, self.where))
        claimed = None if self.claimed is None else codec_of(self.claimed[0])
        if claimed is not None:
            names.append(claimed)
        self.candidates = {name: Candidate(name) for name in names}

    def note_high(self, data: bytes) -> None:
        """Keep some of the bytes beyond ASCII, to tell later what kind of text they are."""
        if len(self.high) < _LOOKED_AT:
            self.high += data[: _LOOKED_AT - len(self.high)]

    @property
    def alive(self) -> list[Candidate]:
        """The candidates that every byte so far fits."""
        return [candidate for candidate in self.candidates.values() if candidate.fault is None]

    def decide(self) -> TextEncoding:
        """Return the encoding that the text is read in.

        Raises
        ------
        gis.errors.DataSourceError
            The text does not fit the declared encoding, or none that is known.
        """
        if self.declared is not None:
            return self._decide_declared(self.declared)
        if not self.high:
            return TextEncoding(UTF8)
        codec, why = self._likeliest()
        notes = [f"{why}: read as {shown_name(codec)}"] if why else []
        return self._with_cut(codec, notes)

    def _decide_declared(self, declared: str) -> TextEncoding:
        codec = require_codec(declared, self.where)
        fault = self.candidates[codec].fault
        if fault is None and codec == GB18030 and self._is_surely_utf8():
            fault = "the text is UTF-8 throughout, so it"
        if fault is None:
            return self._with_cut(codec, [])
        fits = [shown_name(candidate.codec) for candidate in self.alive]
        remedy = f"The text is {fits[0]}: declare that, or nothing." if fits else _NO_ENCODING
        msg = f"{self.where}: {fault} is not {shown_name(codec)}, which was declared."
        raise DataSourceError(msg, remedy=remedy, file=self.where, encoding=declared)

    def _likeliest(self) -> tuple[str, str]:
        """Return the codec and the reason for it, where that is worth a note."""
        utf8, gb = (self.candidates[name].fault is None for name in (UTF8, GB18030))
        claim = None if self.claimed is None else codec_of(self.claimed[0])
        claim_fits = claim is not None and self.candidates[claim].fault is None
        if utf8 and (not gb or self._is_surely_utf8()):
            return UTF8, self._contradiction(UTF8, claim)
        if claim is not None and claim_fits and (not _is_single(claim) or self._is_latin()):
            return claim, ""
        if gb and not utf8:
            return GB18030, self._contradiction(GB18030, claim)
        if gb and self._is_accented():
            return UTF8, "the text fits UTF-8 as well as GB18030, and has Latin words"
        if gb:
            return GB18030, "the text fits UTF-8 as well as GB18030, and Chinese is likelier"
        if claim is not None and claim_fits:
            return claim, ""
        self._refuse_all()
        raise AssertionError

    def _contradiction(self, codec: str, claim: str | None) -> str:
        if self.claimed is None or claim == codec:
            return ""
        text = "GBK or GB18030" if codec == GB18030 else "UTF-8"
        return f"the {self.claimed[1]} says {self.claimed[0]}, the text is {text}"

    def _refuse_all(self) -> None:
        faults = "; ".join(
            f"{candidate.fault} is not {shown_name(candidate.codec)}"
            for candidate in self.candidates.values()
        )
        msg = f"{self.where}: the encoding of the text is not known: {faults}."
        raise DataSourceError(msg, remedy=_NO_ENCODING, file=self.where)

    def _with_cut(self, codec: str, notes: list[str]) -> TextEncoding:
        cut = self.candidates[codec].cut
        if cut:
            notes.append(
                f"{cut} values or field names are cut amid a character, their field being full: "
                "read without the broken rest"
            )
        return TextEncoding(codec, tuple(notes))

    def _is_surely_utf8(self) -> bool:
        """Return whether the text fits UTF-8 with characters of three bytes, as Chinese ones have.

        GB18030 reads many such texts too, as rare characters that nobody wrote; the other way
        round three bytes of GBK after another hardly ever fit.
        """
        if self.candidates[UTF8].fault is not None:
            return False
        return any(character > "\u07ff" for character in self.high.decode(UTF8, "ignore"))

    def _is_accented(self) -> bool:
        """Return whether most bytes beyond ASCII stand beside Latin letters, as accents do."""
        runs = sum(1 for _ in _HIGH.finditer(self.high))
        return sum(1 for _ in _BESIDE_LETTERS.finditer(self.high)) > _LATIN_SHARE * runs

    def _is_latin(self) -> bool:
        runs = [len(run.group()) % 2 for run in _HIGH.finditer(self.high)]
        return sum(runs) > _LATIN_SHARE * len(runs)


_NO_ENCODING = "Save it again as UTF-8, or declare what it is with --encoding."


def encoding_of_file(
    path: Path, declared: str | None = None, claimed: tuple[str, str] | None = None
) -> TextEncoding:
    """Return the encoding of a text file (CSV, GeoJSON …), having looked at all its bytes.

    Parameters
    ----------
    path
        The file.
    declared
        Encoding that a person declared; it wins, but must fit.
    claimed
        Encoding that the file claims, and what makes the claim; believed if it fits. A byte order
        mark goes before it.

    Raises
    ------
    gis.errors.DataSourceError
        The bytes do not fit the declared encoding, or none that is known; names the line.
    gis.errors.InvalidInputError
        The declared encoding does not exist.
    """
    with path.open("rb") as stream:
        head = stream.read(4)
        mark = _byte_order_mark(head)
        evidence = TextEvidence(
            str(path), declared, claimed if mark is None else (mark, "byte order mark")
        )
        stream.seek(0)
        feed_lines(evidence, iter(lambda: stream.read(_CHUNK), b""))
    if mark is not None and declared is None and evidence.candidates[mark].fault is None:
        return TextEncoding(mark)
    return evidence.decide()


def _is_single(codec: str) -> bool:
    """Return whether each byte is a character, so that nearly any bytes fit."""
    high = (bytes([byte]) for byte in range(0x80, 0x100))
    return sum(len(byte.decode(codec, "ignore")) for byte in high) > 64


def _byte_order_mark(head: bytes) -> str | None:
    if head.startswith(codecs.BOM_UTF8):
        return "utf-8-sig"
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    return None


def feed_lines(evidence: TextEvidence, chunks: Iterable[bytes]) -> None:
    """Give lines of text to the evidence; faults are named by line.

    Parameters
    ----------
    evidence
        Takes them.
    chunks
        Bytes in the order of the file, cut anywhere.
    """
    decoders = {name: codecs.getincrementaldecoder(name)("strict") for name in evidence.candidates}
    lines = 1
    for chunk in chunks:
        if not chunk.isascii():
            evidence.note_high(chunk)
        for candidate in evidence.alive:
            _feed(candidate, decoders[candidate.codec], chunk, lines, final=False)
        lines += chunk.count(b"\n")
    for candidate in evidence.alive:
        _feed(candidate, decoders[candidate.codec], b"", lines, final=True)


def _feed(
    candidate: Candidate,
    decoder: codecs.IncrementalDecoder,
    chunk: bytes,
    lines: int,
    *,
    final: bool,
) -> None:
    try:
        decoder.decode(chunk, final)
    except UnicodeError as error:
        if not isinstance(error, UnicodeDecodeError):
            candidate.fault = f"line {lines}"
            return
        line = lines + error.object[: error.start].count(b"\n")
        candidate.fault = (
            f"line {line}: {_shown_bytes(error.object[error.start : error.start + 4])}"
        )


def _shown_bytes(data: bytes) -> str:
    return f"the byte {data[:1].hex().upper()}" if len(data) == 1 else data.hex(" ").upper()


def feed_values(
    evidence: TextEvidence, values: Sequence[bytes], place: Callable[[int], str], width: int
) -> None:
    """Give the values of one field of fixed width to the evidence; faults are named by place.

    Parameters
    ----------
    evidence
        Takes them.
    values
        Values without the padding of their field.
    place
        Says of the number of a value where people find it: ``row 5, field '名称'``.
    width
        Bytes of the field: a value of this length may end amid a character.
    """
    block = b"\n".join(values)
    if block.isascii():
        return
    evidence.note_high(block)
    for candidate in evidence.alive:
        try:
            block.decode(candidate.codec)
        except UnicodeError:
            _feed_each(candidate, values, place, width)


def _feed_each(
    candidate: Candidate, values: Sequence[bytes], place: Callable[[int], str], width: int
) -> None:
    for number, value in enumerate(values):
        if candidate.fault is None and not value.isascii():
            _feed_value(candidate, value, place(number), width)


def _feed_value(candidate: Candidate, value: bytes, where: str, width: int) -> None:
    try:
        value.decode(candidate.codec)
    except UnicodeDecodeError as error:
        if len(value) >= width and error.end == len(value) and is_incomplete(error):
            candidate.cut += 1
        else:
            candidate.fault = f"{where}: {_shown_bytes(value[error.start : error.start + 4])}"
    except UnicodeError:
        candidate.fault = where


def is_incomplete(error: UnicodeDecodeError) -> bool:
    """Return whether bytes are wrong only because the last character is not whole."""
    return "unexpected end" in error.reason or "incomplete" in error.reason


def decode_cut(value: bytes, codec: str) -> str:
    """Return text without the broken rest of a character at its end.

    Raises
    ------
    UnicodeDecodeError
        Bytes before the end are not of this encoding.
    """
    try:
        return value.decode(codec)
    except UnicodeDecodeError as error:
        if not is_incomplete(error):
            raise
        return value[: error.start].decode(codec)
