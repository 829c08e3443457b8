"""Models on the Hugging Face Hub, by address: hf://user/name, or hf://user/name@revision.

Only the files that packing writes come and go: weights as safetensors, JSON and familiarity.npz
(plain arrays, read without pickle) beside them, and README.md, the model card. None can hold code.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import NamedTuple

from agegen.run.errors import UserError
from agegen.run.files import flatten, read_json
from agegen.run.own_class import is_own

FILES = (
    "README.md", "config.json", "best.safetensors", "best.json", "generators.safetensors",
    "strength.json", "geometry.json", "training_faces.json", "view_temperatures.json",
    "familiarity.npz",
)  # fmt: skip
PART = r"[A-Za-z0-9][\w.-]*"
REPOSITORY = re.compile(rf"{PART}/{PART}", re.ASCII)
LOG_IN = "log in with hf auth login, or set HF_TOKEN"


class Address(NamedTuple):
    """Of a model: ``user/name``, and a branch, tag or commit; None is the newest."""

    repository: str
    revision: str | None = None

    def __str__(self) -> str:
        """As it is typed."""
        return f"hf://{self.repository}" + (f"@{self.revision}" if self.revision else "")


def is_address(run: Path) -> bool:
    """Whether a run is named by an address; a `Path` has made one slash of its two."""
    return run.as_posix().startswith("hf:/")


def as_typed(run: Path) -> str:
    """A run's name as it was typed, for people: with both slashes of an address."""
    if not is_address(run):
        return str(run)
    return f"hf://{run.as_posix().removeprefix('hf:').lstrip('/')}"


def read_address(run: Path) -> Address:
    """Read what `is_address`.

    Raises:
        UserError: it is none of the form hf://user/name@revision.
    """
    repository, at, revision = run.as_posix().removeprefix("hf:").strip("/").partition("@")
    if at and not revision:
        raise UserError(f"{Address(repository)}@ names no revision: leave the @ out")
    return Address(require_name(repository), revision or None)


def require_name(repository: str) -> str:
    """The same name of a repository.

    Raises:
        UserError: it is none of the form user/name.
    """
    if not REPOSITORY.fullmatch(repository):
        raise UserError(f"{repository!r} is no name of a model on the Hub: it is user/name")
    return repository


@cache  # a command asks several times, and is to see one revision
def download(address: Address) -> Path:
    """Bring a model into huggingface_hub's cache; without a network, one that is there is taken.

    Returns:
        Its folder in the cache, which nothing may be written into.

    Raises:
        UserError: it cannot be had, or was not packed by agegen.
    """
    from huggingface_hub import snapshot_download

    with explained(address):
        folder = Path(
            snapshot_download(
                address.repository, revision=address.revision, allow_patterns=list(FILES)
            )
        )
    require_packed(folder, str(address))
    return folder


def push(folder: Path, repository: str, private: bool = False) -> str:
    """Upload a packed folder; what an earlier one left there is replaced, in one commit.

    Args:
        folder: that packing has made, with its model card; only `FILES` leave it.
        repository: ``user/name``, made if it is not there.
        private: refuse one that others can read.

    Returns:
        The web address of the model.

    Raises:
        UserError: the folder is not packed or has no card, nobody is logged in, or the Hub refuses.
    """
    from huggingface_hub import HfApi, get_token

    to = Address(require_name(repository))
    require_packed(folder, str(folder))
    if not (folder / "README.md").exists():
        raise UserError(f"{folder} has no README.md: say in a model card what it is, and its terms")
    if get_token() is None:
        raise UserError(f"nobody is logged in to the Hub: {LOG_IN}")
    api = HfApi()
    with explained(to):
        api.create_repo(repository, private=private or None, exist_ok=True)
        if private and not api.repo_info(repository).private:
            raise UserError(f"{to} is there already, and public: leave --private out, or rename")
        api.upload_folder(
            repo_id=repository, folder_path=folder, allow_patterns=list(FILES),
            delete_patterns=list(FILES), commit_message="Upload a model packed by agegen",
        )  # fmt: skip
    return f"{api.endpoint}/{repository}"


def require_packed(folder: Path, name: str) -> None:
    """Refuse what packing did not make: it would look for faces, or run code, on this machine.

    Raises:
        UserError: saying what it is instead, by the name that it was given.
    """
    path = folder / "config.json"
    if not path.exists():
        raise UserError(
            f"{name} is no packed model (no config.json): recipes/pack_run.py makes one"
        )
    saved = read_json(path)
    config = saved.get("config") if isinstance(saved, dict) else None
    if not isinstance(config, dict):
        raise UserError(f"{name} is no model of agegen's")
    if config.get("faces") != "pretrained" or config.get("out") != "pretrained":
        raise UserError(f"{name} is not packed: recipes/pack_run.py --run … packs it")
    own = [v for v in flatten(config).values() if isinstance(v, str) and is_own(v)]
    if own:
        raise UserError(
            f"{name} needs {own[0]}, a class of its author's own: the Hub is for models without "
            "code, hand it on as a folder with that file"
        )


@contextmanager
def explained(address: Address) -> Iterator[None]:
    """Turn what huggingface_hub raises into one sentence."""
    from huggingface_hub import constants, errors

    try:
        yield
    except UserError:
        raise
    except errors.GatedRepoError as error:
        page = f"{constants.ENDPOINT}/{address.repository}"
        raise UserError(f"{address} is given on request: ask at {page}, and {LOG_IN}") from error
    except errors.RepositoryNotFoundError as error:
        raise UserError(f"{address} does not exist, or is private: {LOG_IN}") from error
    except errors.RevisionNotFoundError as error:
        raise UserError(f"{Address(address.repository)} has no {address.revision}") from error
    except errors.LocalEntryNotFoundError as error:
        raise UserError(
            f"{address} is not on this machine yet, and {constants.ENDPOINT} does not answer: is "
            "there a network?"
        ) from error
    except Exception as error:  # its transport, and the errors of that, differ between versions
        said = (str(error).splitlines() or [type(error).__name__])[0]
        raise UserError(f"{address}, at {constants.ENDPOINT}: {said}") from error
