"""The files in a folder or an archive, read one after the other; nothing is ever extracted to disk.

An archive comes from anywhere, so it is refused as a whole when a member could not be a plain file inside it (`..`,
absolute paths, links, devices) or when it would swell beyond all proportion (a zip bomb). What a header declares is
checked but never trusted: the limits hold for the bytes that come out.
"""

import bz2
import gzip
import io
import lzma
import os
import posixpath
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

from course_lib.errors import CourseError

MEMBER_LIMIT = 64 * 10**6  # bytes of one member
TOTAL_LIMIT = 64 * 2**20  # bytes that any archive may hold in all …
RATIO_LIMIT = 100  # … and beyond that, this many times its own size
HEADER_LIMIT = 2**20  # bytes of a tar header that extends another
TARS = {".tar": open, ".tar.gz": gzip.open, ".tgz": gzip.open, ".tar.xz": lzma.open, ".txz": lzma.open,
        ".tar.bz2": bz2.open}  # fmt: skip
EXTENSIONS = (".zip", *TARS)

_EXTENDING = (
    tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK,
)  # fmt: skip  # types of tar headers that extend the next one
_DAMAGED = (
    OSError, EOFError, RuntimeError, ValueError, LookupError, OverflowError, struct.error, zlib.error, lzma.LZMAError,
    tarfile.TarError, zipfile.BadZipFile,
)  # fmt: skip  # what the standard library raises on files that are truncated, garbled or written to deceive


def read_files(path: Path, wanted: Callable[[str], bool]) -> Iterator[tuple[str, bytes]]:
    """Yield (name, content) of every file in a folder or an archive whose name is `wanted`.

    Names are relative, with forward slashes. A folder's come sorted, an archive's as they are stored.

    Raises:
        CourseError: nothing there, not an archive, a damaged or encrypted one, one with members that are refused.
    """
    path = Path(path)
    if path.is_dir():
        yield from _folder(path, wanted)
    elif not path.is_file():
        raise CourseError(f"There is no folder or archive {path}: give the path of a folder or of an archive in it.")
    elif (extension := _extension(path)) is None:
        raise CourseError(f"{path.name} is neither a folder nor an archive: {', '.join(EXTENSIONS)} can be read.")
    else:
        try:
            yield from _zip(path, wanted) if extension == ".zip" else _tar(path, TARS[extension], wanted)
        except _DAMAGED as error:
            raise CourseError(
                f"{path.name} cannot be read to its end ({str(error) or type(error).__name__}): it is truncated, "
                f"damaged or no {extension} archive; copy or download it again."
            ) from error


def folder_files(path: Path) -> Iterator[tuple[str, os.stat_result]]:
    """Yield (name, status) of every file in a folder and its subfolders, sorted; links are followed, once each."""
    seen = set()
    for folder, subfolders, files in os.walk(path, followlinks=True):
        seen.add(os.path.realpath(folder))
        subfolders[:] = sorted(s for s in subfolders if os.path.realpath(os.path.join(folder, s)) not in seen)
        for file in sorted(files):
            full = Path(folder, file)
            if full.is_file():
                yield full.relative_to(path).as_posix(), full.stat()


def _extension(path: Path) -> str | None:
    return max((e for e in EXTENSIONS if path.name.lower().endswith(e)), key=len, default=None)


def _folder(path: Path, wanted: Callable[[str], bool]) -> Iterator[tuple[str, bytes]]:
    for name, status in folder_files(path):
        if wanted(name):
            _check_size(path, name, status.st_size)
            try:
                yield name, (path / name).read_bytes()
            except OSError as error:
                raise CourseError(f"{path / name} cannot be read ({error.strerror}): see who may read it.") from error


def _zip(path: Path, wanted: Callable[[str], bool]) -> Iterator[tuple[str, bytes]]:
    meter = _Meter(path)
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
        for member in members:
            kind = stat.S_IFMT(member.external_attr >> 16)  # Unix's file type, 0 where the archive has none
            _check(path, member.filename, member.file_size, plain=kind in (0, stat.S_IFREG, stat.S_IFDIR))
            if member.flag_bits & 1:
                raise CourseError(f"{path.name} is encrypted ({member.filename}): give an archive without a password.")
        _Meter(path).add(sum(member.file_size for member in members))
        for member in members:
            name = _normal(member.filename)
            if not member.is_dir() and wanted(name):
                with archive.open(member) as file:
                    content = file.read(MEMBER_LIMIT + 1)
                meter.add(len(content))
                yield name, content


def _tar(path: Path, decompress: Callable, wanted: Callable[[str], bool]) -> Iterator[tuple[str, bytes]]:
    with (
        decompress(path, "rb") as file,
        io.BufferedReader(_Metered(file, _Meter(path)), 2**18) as stream,
        tarfile.open(fileobj=stream, mode="r|", tarinfo=_Member) as archive,
    ):
        while (member := archive.next()) is not None:
            archive.members.clear()  # it would keep every header
            regular = member.isreg() and not member.issparse()
            _check(path, member.name, member.size, plain=regular or member.isdir())
            if regular and wanted(name := _normal(member.name)):
                yield name, archive.extractfile(member).read()


class _Member(tarfile.TarInfo):
    """A tar header that is refused where `tarfile` would go on silently, or read a header of any length."""

    @classmethod
    def frombuf(cls, buf, encoding, errors):
        if not buf:
            raise EOFError("it ends without an end mark")
        member = super().frombuf(buf, encoding, errors)
        if member.size < 0 or (member.size > HEADER_LIMIT and member.type in _EXTENDING):
            raise ValueError(f"a header declares {member.size} bytes")
        return member


class _Meter:
    """Counts the bytes that come out of an archive and refuses to go on above the limit."""

    def __init__(self, path: Path):
        self.name, self.total = path.name, 0
        self.limit = max(TOTAL_LIMIT, RATIO_LIMIT * path.stat().st_size)

    def add(self, size: int) -> None:
        self.total += size
        if self.total > self.limit:
            raise CourseError(
                f"{self.name} holds more than {self.limit // 10**6} MB, over {RATIO_LIMIT} times its own size: it "
                "looks like a zip bomb and was not read further; give an archive of photos."
            )


class _Metered(io.RawIOBase):
    """The decompressed stream, metered; what `tarfile` reads from."""

    def __init__(self, file, meter: _Meter):
        self.file, self.meter = file, meter

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:
        count = self.file.readinto(buffer)
        self.meter.add(count)
        return count


def _normal(name: str) -> str:
    return posixpath.normpath(name.replace("\\", "/"))


def _check(path: Path, name: str, size: int, plain: bool) -> None:
    """Refuse the whole archive for one member that leads elsewhere, is no plain file, or is too large."""
    slashed = name.replace("\\", "/")
    if slashed.startswith("/") or slashed[1:2] == ":" or (".." in slashed and ".." in slashed.split("/")):
        raise CourseError(f"{path.name} is refused: its member {name!r} leads out of the archive; pack it again.")
    if not plain:
        raise CourseError(f"{path.name} is refused: its member {name!r} is a link or a device; pack plain files only.")
    _check_size(path, name, size)


def _check_size(path: Path, name: str, size: int) -> None:
    if size > MEMBER_LIMIT:
        raise CourseError(
            f"{path.name} is refused: {name!r} has {size / 10**6:.0f} MB, more than the {MEMBER_LIMIT // 10**6} MB "
            "that a file of it may have; take it out."
        )
