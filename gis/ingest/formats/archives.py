"""Zip archives: unpacked with care into a folder that is removed, and read as what is in them.

An archive comes from anywhere. Nothing in it may be written outside the folder, fill the disk, or
be an archive again; a name is what its maker's system meant, which in China is often GBK.
"""

import shutil
import stat
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from lzma import LZMAError
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import TYPE_CHECKING, NoReturn

from gis.errors import DataSourceError, InvalidInputError, WanggeError
from gis.ingest.formats.encodings import GB18030, UTF8
from gis.ingest.formats.steady import SteadyFiles
from gis.ingest.rows import BATCH_ROWS, RowBatch, SourceFacts, SourceOptions

if TYPE_CHECKING:
    from gis.ingest.rejects import Rejects
    from gis.ingest.rows import RowSource

#: Files in an archive: a geodatabase has a few hundred.
MOST_MEMBERS = 10_000
#: Bytes when unpacked: a .shp and a .dbf have at most 2 GB each, by their format.
MOST_BYTES = 8 << 30
#: Unpacked bytes for each packed one. A DBF of mostly blanks reaches about 200; what is made to
#: fill disks has more than 1,000, the most that the method can.
MOST_RATIO = 400
#: Below this size an archive harms nobody, whatever its ratio.
_HARMLESS_BYTES = 64 << 20
#: Bytes that must stay free on the disk.
_SPARE_BYTES = 256 << 20
_CHUNK = 1 << 20
#: Flag bits of a member: its content is encrypted; its name is UTF-8.
_ENCRYPTED, _NAME_IS_UTF8 = 0x1, 0x800
_NESTED = frozenset({".zip", ".kmz", ".7z", ".rar", ".tar", ".gz", ".tgz", ".bz2", ".xz"})
_MAC_FOLDER = "__MACOSX"


@dataclass(frozen=True, slots=True)
class _Member:
    """A file of an archive, and where it goes."""

    info: zipfile.ZipInfo
    target: PurePosixPath


class Unpacked:
    """An archive unpacked into a folder of its own, which :meth:`close` removes.

    Parameters
    ----------
    path
        The archive.

    Attributes
    ----------
    path
        The archive.
    folder
        Where its files are.

    Raises
    ------
    gis.errors.DataSourceError
        It is no archive, broken, encrypted, holds an archive, or has a name that leads outside.
    gis.errors.InvalidInputError
        It is bigger than :data:`MOST_BYTES`, :data:`MOST_MEMBERS` or :data:`MOST_RATIO` allow.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._temporary = tempfile.TemporaryDirectory(prefix="wangge-")
        self.folder = Path(self._temporary.name).resolve()
        try:
            self._unpack()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Remove the folder."""
        self._temporary.cleanup()

    def _unpack(self) -> None:
        try:
            with zipfile.ZipFile(self.path) as archive:
                members = _checked(self.path, archive)
                _require_room(self.path, members, self.folder)
                self._extract(archive, members)
        except _BROKEN as error:
            _refuse(self.path, f"the archive cannot be unpacked ({error})", _AGAIN, error)
        except OSError as error:
            _refuse(self.path, f"the archive cannot be unpacked: {error.strerror}", _DISK, error)

    def _extract(self, archive: zipfile.ZipFile, members: list[_Member]) -> None:
        written, packed = 0, max(1, self.path.stat().st_size)
        for member in members:
            target = self.folder / member.target
            target.parent.mkdir(parents=True, exist_ok=True)
            with archive.open(member.info) as source, target.open("xb") as out:
                while chunk := source.read(_CHUNK):
                    written += len(chunk)
                    _check_size(self.path, written, packed)  # sizes that it declares may be lies
                    out.write(chunk)

    def contents(self) -> list[Path]:
        """Return the files and geodatabases in it that are read, in the order of their names."""
        from gis.ingest.formats import READERS

        found = []
        for path in sorted(self.folder.rglob("*")):
            inside = path.relative_to(self.folder)
            if any(part.lower().endswith(".gdb") for part in inside.parts[:-1]):
                continue
            suffix = path.suffix.lower()
            if suffix in READERS and suffix not in _NESTED and path.is_dir() == (suffix == ".gdb"):
                found.append(path)
        return found


#: What a broken or unusual archive raises on reading.
_BROKEN = (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError, zlib.error, LZMAError)
_AGAIN = "Pack it again as a plain zip, or unpack it and give the files."
_DISK = "Free some space, or set TMPDIR to a folder on a bigger disk."


def _refuse(path: Path, what: str, remedy: str, cause: Exception | None = None) -> NoReturn:
    raise DataSourceError(f"{path}: {what}.", remedy=remedy, file=str(path)) from cause


def _checked(path: Path, archive: zipfile.ZipFile) -> list[_Member]:
    infos = archive.infolist()
    if len(infos) > MOST_MEMBERS:
        msg = f"{path}: the archive has {len(infos)} files; up to {MOST_MEMBERS} are unpacked."
        raise InvalidInputError(msg, remedy="Pack only the files of the layer.", file=str(path))
    members: list[_Member] = []
    seen: set[str] = set()
    for info in infos:
        name = _name(info)
        if name.split("/", 1)[0] == _MAC_FOLDER or name.rsplit("/", 1)[-1] == ".DS_Store":
            continue
        _check_member(path, info, name)
        if info.is_dir() or name.endswith("/"):
            continue
        if name.casefold() in seen:
            _refuse(path, f"the archive has two files called {name!r}", _AGAIN)
        seen.add(name.casefold())
        members.append(_Member(info, PurePosixPath(name)))
    total = sum(member.info.file_size for member in members)
    _check_size(path, total, max(1, path.stat().st_size))
    return members


def _name(info: zipfile.ZipInfo) -> str:
    """Return a member's name; without the mark of UTF-8 its bytes decide between that and GBK."""
    name = info.orig_filename
    if not info.flag_bits & _NAME_IS_UTF8 and not name.isascii():
        raw = name.encode("cp437", "replace")
        for codec in (UTF8, GB18030):
            try:
                name = raw.decode(codec)
                break
            except UnicodeDecodeError:
                continue
    return name.replace("\\", "/")  # as archives made by some programs on Windows have it


def _check_member(path: Path, info: zipfile.ZipInfo, name: str) -> None:
    parts = PurePosixPath(name).parts
    if name.startswith("/") or ".." in parts or ":" in name or "\0" in name:
        _refuse(path, f"the archive has a file {name!r}, which leads outside of it", _AGAIN)
    if stat.S_ISLNK(info.external_attr >> 16):
        _refuse(path, f"{name!r} in the archive is a link to another place", _AGAIN)
    if info.flag_bits & _ENCRYPTED:
        _refuse(path, f"{name!r} in the archive is encrypted", "Pack it without a password.")
    if PurePosixPath(name).suffix.lower() in _NESTED and not info.is_dir():
        _refuse(path, f"the archive holds another archive, {name!r}", "Unpack that one first.")


def _check_size(path: Path, size: int, packed: int) -> None:
    if size > MOST_BYTES:
        most = f"{MOST_BYTES >> 30} GB"
        msg = f"{path}: the archive has more than {most} when unpacked."
        raise InvalidInputError(msg, remedy="Pack fewer files, or unpack them.", file=str(path))
    if size > _HARMLESS_BYTES and size > MOST_RATIO * packed:
        msg = (
            f"{path}: the archive grows more than {MOST_RATIO} times when unpacked, as only "
            "archives do that are made to fill disks."
        )
        raise InvalidInputError(msg, remedy="Unpack it and give the files.", file=str(path))


def _require_room(path: Path, members: list[_Member], folder: Path) -> None:
    need = sum(member.info.file_size for member in members) + _SPARE_BYTES
    free = shutil.disk_usage(folder).free
    if need > free:
        what = f"unpacking needs {need >> 20} MB, and {free >> 20} MB are free in {folder.parent}"
        _refuse(path, what, _DISK)


class ArchiveSource:
    """A layer of a file in an archive; errors and facts name the archive."""

    def __init__(
        self, unpacked: Unpacked, inner: "RowSource", member: Path, files: SteadyFiles
    ) -> None:
        self._path = unpacked.path
        self._unpacked = unpacked
        self._inner = inner
        self._member = member
        self._files = files

    @property
    def facts(self) -> SourceFacts:
        """What is known before reading."""
        facts = self._inner.facts
        inside = str(self._member.relative_to(self._unpacked.folder))
        layer = facts.layer or self._member.stem
        return replace(facts, path=self._path, layer=layer, extra={**facts.extra, "member": inside})

    def batches(self, size: int = BATCH_ROWS) -> Iterator[RowBatch]:
        """Yield the rows in order."""
        try:
            yield from self._inner.batches(size)
        except WanggeError as error:
            raise renamed(error, self._unpacked.folder, self._path) from error
        self._files.check()

    def close(self) -> None:
        """Let go of the file and remove what was unpacked."""
        self._inner.close()
        self._unpacked.close()


def open_archive(path: Path, options: SourceOptions, rejects: "Rejects") -> ArchiveSource:
    """Open a layer of a zip archive; see :func:`gis.ingest.formats.open_source`.

    ``options.layer`` is a file in it, by name with or without suffix, or ``file/layer``; it may
    be left out where there is one file only.
    """
    from gis.ingest.formats import open_source

    files = SteadyFiles(path)
    unpacked = Unpacked(path)
    try:
        member, layer = chosen_member(path, unpacked, options)
        inner = open_source(member, replace(options, layer=layer), rejects)
        return ArchiveSource(unpacked, inner, member, files)
    except WanggeError as error:
        unpacked.close()
        raise renamed(error, unpacked.folder, path) from error
    except BaseException:
        unpacked.close()
        raise


def chosen_member(
    path: Path, unpacked: Unpacked, options: SourceOptions
) -> tuple[Path, str | None]:
    """Return the file of an archive that is to be read, and the layer in it.

    Raises
    ------
    gis.errors.InvalidInputError
        There is none, no such one, or several and none was named.
    """
    found = unpacked.contents()
    if not found:
        msg = f"{path}: the archive has no file of a format that is read."
        raise InvalidInputError(
            msg, remedy="Pack the .shp with its .dbf, .shx and .prj.", file=str(path)
        )
    names = {member.relative_to(unpacked.folder).as_posix(): member for member in found}
    if options.layer is not None:
        wanted, _, layer = options.layer.partition("/")
        for ask, inner in ((options.layer, None), (wanted, layer or None)):
            hits = [member for name, member in names.items() if ask in _called(name)]
            if len(hits) == 1:
                return hits[0], inner
    if len(found) == 1:  # then the name is of a layer in it, and checked there
        return found[0], options.layer
    preferred = [
        member for name, member in names.items() if options.preferred_layer in _called(name)
    ]
    if options.layer is None and len(preferred) == 1:
        return preferred[0], None
    listed = ", ".join(names)
    if options.layer is None:
        msg = f"{path}: the archive has {len(found)} files that could be read: {listed}."
    else:
        msg = f"{path}: there is no file {options.layer!r} in the archive."
    raise InvalidInputError(msg, remedy=f"Say which with --table: {listed}.", file=str(path))


def _called(name: str) -> set[str]:
    """Return what a file in an archive may be called by."""
    pure = PurePosixPath(name)
    return {name, pure.name, pure.stem, str(pure.with_suffix(""))}


def renamed(error: WanggeError, folder: Path, path: Path) -> WanggeError:
    """Return an error that names the archive where it named the folder it was unpacked to."""
    for text in (f"{folder}/", str(folder)):
        error.message = error.message.replace(text, f"{path}/" if text.endswith("/") else str(path))
    error.args = (error.message,)
    error.context = MappingProxyType({**error.context, "file": str(path)})
    return error
