"""Upload a packed run to the Hugging Face Hub, from where others name it as --run hf://user/name.

    python recipes/push_to_hub.py --run packed/mine --to user/name
    python recipes/push_to_hub.py --run packed/mine --to user/name --private

The folder is one that pack_run --card has made. Its weights, settings and card are uploaded and
nothing else: no face and no photo. Log in once with hf auth login, or set HF_TOKEN. What an earlier
upload left in the repository is replaced; the Hub keeps its history.
"""

from dataclasses import dataclass
from pathlib import Path

from agegen.run.cli import run_recipe
from agegen.run.hub import push


@dataclass(frozen=True)
class PushConfig:
    """What, and where to."""

    run: Path
    """Folder of a packed run, with its model card."""
    to: str
    """Its name on the Hub, user/name; it is made if it is not there."""
    private: bool = False
    """Only you see it; refused where one that is public is there already."""


def main(config: PushConfig) -> None:
    """Upload, and say where it is."""
    print(f"uploaded to {push(config.run, config.to, config.private)}")
    print(f"others use it as --run hf://{config.to}")


if __name__ == "__main__":
    run_recipe(PushConfig, main, __doc__)
