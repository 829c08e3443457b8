"""Trained generators in use: faces in, the same faces at the other age out.

>>> translator = load_translator(Path("runs/cyclegan"))
>>> older = translator.translate(translator.views(store.images[:8]), "old")
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from agegen.cyclegan.config import CycleGANConfig
from agegen.cyclegan.objective import Generators, build_generators
from agegen.cyclegan.training import load_weights
from agegen.evaluation.selection import strengthened
from agegen.faces.records import CLASS_NAMES
from agegen.faces.views import at_side, evaluation_views
from agegen.run.configs import from_plain, read_config
from agegen.run.devices import default_device
from agegen.run.errors import UserError
from agegen.run.files import explained_damage, read_json, sha256, write_json
from agegen.run.hub import as_typed
from agegen.run.pretrained import require_run
from agegen.run.tensor_files import load_tensors

LAST, BEST = "generators", "best"  # names of the weights' files
STRENGTH = "strength.json"  # in a run, if one was chosen: `agegen.cyclegan.strength`
STRONGEST = 1.5


@dataclass(frozen=True)
class Translator:
    """Both generators of a run, frozen.

    Attributes:
        generators: in evaluation mode, without gradients.
        config: how they were trained.
        store_size: side in pixels of the faces of the store that they were trained on.
        store_checksum: of that store.
        device: where they compute.
        weights: which of the run's: "best" or "generators".
        strength: of the change, by the class aimed at; 1 is as trained.
        trunk: on whose features they were judged in training: "alexnet", or the checksum of a
            classifier's weights; "" for none.
    """

    generators: Generators
    config: CycleGANConfig
    store_size: int
    store_checksum: str
    device: torch.device
    weights: str
    strength: dict[str, float]
    trunk: str

    def views(self, images: np.ndarray) -> Tensor:
        """Cut and resample faces as in training: uint8 (n, h, w, 3) → float (n, 3, size, size)."""
        return centre_views(images, self.config).to(self.device)

    @torch.no_grad()
    def translate(self, faces: Tensor, to: str, batch_size: int = 16) -> Tensor:
        """Translate faces to an age.

        Args:
            faces: float (n, 3, h, w) in [−1, 1]; any size from 16 up, the training's is best.
            to: "young" or "old".
            batch_size: faces at a time.

        Returns:
            float32 of the same shape, in [−1, 1], on the same device as the generators.
        """
        require_class(to)
        generator = self.generators.to_old if to == CLASS_NAMES[1] else self.generators.to_young
        parts = faces.to(self.device).split(batch_size)
        made = [strengthened(x, generator(x).float(), self.strength[to]) for x in parts]
        return torch.cat([faces[:0].to(self.device).float(), *made])


def load_translator(
    run: Path,
    weights: str | None = None,
    device: torch.device | str | None = None,
    strength: float | None = None,
) -> Translator:
    """Load the generators of a run; no flags about the networks are needed.

    Args:
        run: folder of a CycleGAN's training; `agegen.run.pretrained.PRETRAINED` is the one that
            comes with the package.
        weights: "best" (chosen by a judge) or "generators" (the last checkpoint's); None takes the
            best where a judge chose one.
        device: None takes a GPU if there is one.
        strength: of the change, 0 to 1.5; None takes what was chosen for the run, else 1.

    Raises:
        UserError: the folder is no such run, has no checkpoint yet, or is damaged.
    """
    folder = require_run(run, "cyclegan")
    saved = read_config(folder)
    config = from_plain(CycleGANConfig, saved["config"], folder / "config.json")
    name = weights or (BEST if (folder / f"{BEST}.safetensors").exists() else LAST)
    path = folder / f"{name}.safetensors"
    if not path.exists():
        raise UserError(f"{as_typed(run)} has no {path.name}: train it first")
    generators = build_generators(config)
    load_weights(generators, load_tensors(path), path, config.generator.name)
    device = torch.device(device or default_device())
    generators = generators.float().to(device).eval().requires_grad_(False)
    with explained_damage(folder / "config.json"):
        size, checksum = int(saved["data"]["size"]), str(saved["data"]["checksum"])
    chosen = (
        read_strength(folder, name) if strength is None else dict.fromkeys(CLASS_NAMES, strength)
    )
    trunk = str(saved.get("trunk", ""))
    return Translator(generators, config, size, checksum, device, name, chosen, trunk)


def read_strength(run: Path, weights: str = LAST) -> dict[str, float]:
    """The strengths that were chosen for a run's weights, by the class aimed at; 1 where none were.

    By `agegen.cyclegan.strength`, unless the weights have changed since; else, of the best, when
    they were chosen.

    Raises:
        UserError: their file is damaged.
    """
    found = dict.fromkeys(CLASS_NAMES, 1.0)
    if (file := run / f"{BEST}.json").exists() and weights == BEST:
        kept = read_json(file)
        with explained_damage(file):
            found = {n: in_range(kept.get(f"judge_strength_{n}", 1.0)) for n in CLASS_NAMES}
    if (file := run / STRENGTH).exists():
        kept = read_json(file)
        with explained_damage(file):
            if kept["weights"] == sha256(run / f"{weights}.safetensors"):
                found = {name: in_range(kept[name]["strength"]) for name in CLASS_NAMES}
    return found


def write_strength(run: Path, weights: str, chosen: dict[str, dict]) -> None:
    """Keep a choice: by the class aimed at, "strength" and whatever else is to be known of it."""
    write_json(run / STRENGTH, {"weights": sha256(run / f"{weights}.safetensors"), **chosen})


def in_range(strength: float) -> float:
    """A strength that was read.

    Raises:
        ValueError: it is out of range.
    """
    if not 0 <= float(strength) <= STRONGEST:
        raise ValueError("out of range")
    return float(strength)


def require_strength(strength: float | None) -> None:
    """Refuse one that there is none of.

    Raises:
        UserError: it is below 0 or above `STRONGEST`.
    """
    if strength is not None and not 0 <= strength <= STRONGEST:  # NaN neither
        raise UserError(f"--strength must be between 0 and {STRONGEST}")


def centre_views(images: np.ndarray, config: CycleGANConfig) -> Tensor:
    """What training shows of faces, without its random shifts.

    Args:
        images: uint8 (n, h, w, 3) of the store's size.
        config: fitted to that store.

    Returns:
        float32 (n, 3, size, size) in [−1, 1].
    """
    crops = evaluation_views(torch.tensor(images), config.augment.crop)[0]
    return at_side(crops, config.size).contiguous()


def require_class(to: str) -> None:
    """Refuse a class that there is none of.

    Raises:
        UserError: naming the classes.
    """
    if to not in CLASS_NAMES:
        raise UserError(f"faces are translated to {' or '.join(CLASS_NAMES)}, not to {to!r}")
