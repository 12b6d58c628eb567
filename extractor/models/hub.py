"""Downloads from a Hugging Face hub, through huggingface_hub, which owns the cache and the protocol.

It reads HF_ENDPOINT, HF_HOME, HF_HUB_CACHE, HF_HUB_OFFLINE and HF_TOKEN from the environment when it is
imported, and takes up a cut connection where it broke off.
"""

from __future__ import annotations

import errno
import re
import shutil
from pathlib import Path
from typing import Any, Self

import httpx2
from huggingface_hub import (
    constants,
    get_hf_file_metadata,
    hf_hub_download,
    hf_hub_url,
    try_to_load_from_cache,
)
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RemoteEntryNotFoundError,
    RepositoryNotFoundError,
)

from extractor.errors import ModelError
from extractor.models.gguf_file import Progress, sha256_of

_PART = re.compile(r"-\d{5}-of-\d{5}\.gguf$", re.IGNORECASE)
_SHA256 = re.compile(r"[0-9a-f]{64}")


def fetch(repo: str, filename: str, *, sha256: str = "", progress: Progress | None = None) -> tuple[Path, str]:
    """Return the path and the SHA-256 of ``filename`` of the hub's ``repo``, downloading it when it is not cached.

    The hash is held against ``sha256`` or, when that is empty, against the one that the hub published. A
    file of another hash is removed from the cache, so that the next call downloads it anew.

    Raises ModelError for a wrong hash and for everything that can keep a file from arriving.
    """
    source = f"hf:{repo}/{filename}"
    if _PART.search(filename):
        raise ModelError(
            f"{source} is one part of a model",
            hint="Choose a model in one file, or join the parts with llama-gguf-split --merge and give the path.",
        )
    try:
        path = _cached(repo, filename) or _download(repo, filename, progress)
    except (OSError, httpx2.HTTPError, ValueError) as error:
        raise _explained(error, source) from error
    return path, _verified(path, sha256, source)


def _cached(repo: str, filename: str) -> Path | None:
    path = try_to_load_from_cache(repo, filename)
    return Path(path) if isinstance(path, str) else None


def _download(repo: str, filename: str, progress: Progress | None) -> Path:
    # Asked beforehand because hf_hub_download waits half a minute for a hub that cannot be reached, and
    # only warns about a disk that is too small.
    size = get_hf_file_metadata(hf_hub_url(repo, filename)).size
    _check_disk(size or 0)
    return Path(hf_hub_download(repo, filename, tqdm_class=_bar(progress)))


def _check_disk(size: int) -> None:
    """Raise the OSError of a full disk when the cache has no room for ``size`` bytes."""
    cache = Path(constants.HF_HUB_CACHE)
    free = shutil.disk_usage(next(folder for folder in (cache, *cache.parents) if folder.exists())).free
    if size > free:
        raise OSError(errno.ENOSPC, f"{size:,} bytes are needed and {free:,} are free", str(cache))


def _verified(path: Path, expected: str, source: str) -> str:
    found = sha256_of(path)
    wanted = expected or _published_sha256(path) or found
    if found != wanted:
        _discard(path)
        raise ModelError(
            f"{source} has the SHA-256 {found}, expected {wanted}",
            hint="The file was removed from the cache; run again to download it anew. If the hash stays the same, "
            "the publisher has replaced the file: use it by its hf: spec without a hash only if you trust it.",
            retryable=True,
        )
    return found


def _published_sha256(path: Path) -> str:
    """The hash that the hub gave as the file's ETag, after which the cache names its blobs; "" if it gave none."""
    blob = path.readlink().name if path.is_symlink() else ""
    return blob if _SHA256.fullmatch(blob) else ""


def _discard(path: Path) -> None:
    path.resolve().unlink(missing_ok=True)
    path.unlink(missing_ok=True)


def _bar(progress: Progress | None) -> Any:
    """A class with the part of tqdm's interface that huggingface_hub uses, which reports to ``progress``."""

    class Bar:
        def __init__(self, *, total: int | None = None, initial: int = 0, **_: object) -> None:
            self.total = total
            self.n = initial

        def __enter__(self) -> Self:
            return self

        def __exit__(self, *_: object) -> None:
            pass

        def update(self, step: int) -> None:
            self.n += step
            if progress is not None:
                progress(self.n, self.total)

        def update_transfer(self, step: int) -> None:
            """Bytes on the wire, which Xet counts apart from bytes of the file; a bar without it gets a twin."""

        def set_postfix_str(self, *_: object, **__: object) -> None:
            pass

        set_transfer_postfix_str = set_postfix_str

    return Bar


def _explained(error: Exception, source: str) -> ModelError:
    """Say what ``error`` of huggingface_hub means for the one who asked for ``source``."""
    endpoint = constants.ENDPOINT
    match error:
        case OfflineModeIsEnabled():
            return ModelError(
                f"{source} is not in the cache and HF_HUB_OFFLINE is set",
                hint="Unset HF_HUB_OFFLINE to download it, or give the path of a .gguf file.",
            )
        case GatedRepoError():
            return ModelError(
                f"{source} is gated: its owner wants you to accept terms first",
                hint=f"Accept them on {endpoint}, then set HF_TOKEN to a token of your account.",
            )
        case RepositoryNotFoundError():
            return ModelError(
                f"{source}: no such repository on {endpoint}, or it is private",
                hint="Check the spelling; for a private one, set HF_TOKEN.",
            )
        case RemoteEntryNotFoundError():
            return ModelError(
                f"{source}: no such file in this repository",
                hint="Upper and lower case count; the repository's page lists its files.",
            )
        case HfHubHTTPError(response=response):
            return _refused(response.status_code, source)
        case httpx2.HTTPError() | LocalEntryNotFoundError():
            return ModelError(
                f"{source}: {endpoint} cannot be reached, or broke off: {error}",
                hint="Check the connection and HF_ENDPOINT, then run again; or give the path of a .gguf file.",
                retryable=True,
            )
        case OSError(errno=errno.ENOSPC):
            return ModelError(
                f"no room on the disk for {source}: {error.strerror}",
                hint=f"Free some, or set HF_HOME to a folder on another disk; it is now {constants.HF_HOME}.",
            )
        case OSError():
            # Without an errno it is huggingface_hub's own: a body cut short, an answer that is not a hub's.
            return ModelError(
                f"{source} was not downloaded: {error}",
                hint=f"Check HF_ENDPOINT ({endpoint}) and that {constants.HF_HOME} can be written.",
                retryable=error.errno is None,
            )
        case _:
            return ModelError(f"{source} does not name a file on the hub: {error}", hint="Check the spelling.")


def _refused(status: int, source: str) -> ModelError:
    if status in (401, 403):
        hint = "Set HF_TOKEN to a token that may read this repository."
    else:
        hint = "Try again later." if _passes(status) else "Check HF_ENDPOINT and the spelling."
    return ModelError(f"{source}: the hub answered {status}", hint=hint, retryable=_passes(status))


def _passes(status: int) -> bool:
    return status in (408, 429) or status >= 500
