"""The recipes as one command, for those who installed with pip: ``agegen train-cyclegan …``.

``python -m agegen`` is the same, so that ``accelerate launch -m agegen train-cyclegan …`` starts
several processes.
"""

import runpy
import sys
from difflib import get_close_matches
from pathlib import Path

from agegen import __version__
from agegen.run.commands import COMMANDS, as_commands, called


def main() -> None:
    """Run the recipe of the command named first; without one, say where to start."""
    name, *arguments = sys.argv[1:] or [""]
    if name in ("", "-h", "--help"):
        print(describe())
        sys.exit(0)
    if name == "--version":
        print(__version__)
        sys.exit(0)
    if name not in COMMANDS:
        near = [c for c in COMMANDS if get_close_matches(name, (c, c.split("-")[0]), cutoff=0.7)]
        remedy = f"did you mean {' or '.join(near)}?" if near else "agegen alone lists them"
        print(f"error: agegen has no command {name!r}; {remedy}", file=sys.stderr)
        sys.exit(2)
    recipe = recipes() / f"{COMMANDS[name]}.py"
    sys.argv = [f"agegen {name}", *arguments]
    called.set(name)
    runpy.run_path(str(recipe), run_name="__main__")


def recipes() -> Path:
    """The folder of the recipes: within an installed package, beside it in a checkout."""
    here = Path(__file__).parent
    installed = here / "recipes"
    return installed if installed.is_dir() else here.parent / "recipes"


def describe() -> str:
    """What there is, and where to start."""
    commands = "\n".join(f"  {name:20} {summary(recipe)}" for name, recipe in COMMANDS.items())
    return f"""\
agegen {__version__}: agegen COMMAND --help explains each

{commands}

Start with a photo of your own:
  agegen classify --run pretrained --out runs/found photo.jpg
  agegen translate --run pretrained --to old --out runs/aged photo.jpg
  agegen app --browser

Start without any data:
  agegen draw --out photos --faces 4000
  agegen prepare --source photos --out faces
  agegen train-classifier --faces faces --out classifier
  agegen train-cyclegan --faces faces --out cyclegan --judge classifier
  agegen evaluate --run cyclegan --judge classifier

settings for --config: {recipes() / "configs"}
documentation: COMMAND --help; more in docs/index.md of the source, which pip does not install"""


def summary(recipe: str) -> str:
    """The first sentence of a recipe's docstring."""
    first = (recipes() / f"{recipe}.py").read_text(encoding="utf-8").split('"""')[1]
    return as_commands(first.split("\n\n")[0].replace("\n", " ").split(". ")[0].rstrip("."))


if __name__ == "__main__":
    main()
