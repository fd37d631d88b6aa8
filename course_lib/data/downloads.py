"""Published data sets and other files: downloaded once, checked, kept in `downloads` in the data directory."""

from pathlib import Path

from course_lib.errors import CourseError
from course_lib.paths import data_directory

INSTEAD = "or use the data set 'world' or your own photos with 'folder:PATH', which need no network"


def download(
    title: str, url: str, sha256: str, megabytes: int, progress: bool = True, otherwise: str = INSTEAD
) -> Path:
    """The path of a downloaded file; a file that is there already is checked and kept.

    Args:
        title: its name in messages.
        url: where the file is.
        sha256: its SHA-256 in hexadecimal digits.
        megabytes: its size, announced before the download.
        progress: show a progress bar.
        otherwise: how the advice to try again goes on.

    Raises:
        CourseError: no network, another file at that address than the one known, or no room. Nothing partial stays.
    """
    import pooch
    import requests

    folder = data_directory() / "downloads"
    path = folder / url.rpartition("/")[2]
    if not path.exists():
        print(f"Downloading {title} ({megabytes} MB) from {url} to {folder}")
    pooch.get_logger().setLevel("WARNING")  # it would say the same again
    try:
        downloader = pooch.HTTPDownloader(progressbar=progress, timeout=30)
        return Path(pooch.retrieve(url, f"sha256:{sha256}", fname=path.name, path=folder, downloader=downloader))
    except requests.RequestException as error:
        raise CourseError(
            f"{title} could not be downloaded from {url} ({type(error).__name__}): connect to the network and try "
            f"again, {otherwise}."
        ) from error
    except ValueError as error:  # what pooch raises when the checksum differs
        raise CourseError(
            f"What {url} sent is not the known {title} (its SHA-256 differs) and was not kept: try again, {otherwise}."
        ) from error
    except OSError as error:
        raise CourseError(
            f"{title} ({megabytes} MB) could not be written to {folder} ({error.strerror or error}): free some space, "
            "or set COURSE_DATA to a folder that you may write to."
        ) from error
