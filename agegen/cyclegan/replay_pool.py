"""The pool of earlier generated faces that discriminators are shown (Shrivastava et al., 2017)."""

import torch
from torch import Tensor

from agegen.faces.views import stream_seed

STREAM = 1 << 40
"""Added to the seed, which views are drawn from too: an exchange must not hang on a view."""


class ReplayPool:
    """Keeps up to `size` generated faces, the same on every process.

    Until it is full, each new face is kept and shown; then each is, with probability ½, exchanged
    for one kept earlier, as in CycleGAN's own code (the idea is of section 2.3 there). What happens
    is a function of the seed and the step, so that any number of processes shows the same.

    Args:
        size: most faces kept; 0 keeps none, and shows the newest.
        seed: of the run and the domain.
    """

    def __init__(self, size: int, seed: int) -> None:
        self.size, self.seed = size, seed
        self.faces: Tensor | None = None

    def exchange(self, new: Tensor, step: int, shown: int = 0) -> Tensor:
        """Take a step's global batch of generated faces; return those to be shown.

        Args:
            new: float (b, 3, h, w), without gradients; left as it is.
            step: number of the step.
            shown: how many; those above b are drawn from the pool, and stay there. 0 is b.

        Returns:
            float (max(b, shown), 3, h, w), a tensor of its own.
        """
        if not self.size:
            return new.clone()
        if self.faces is None:
            self.faces = new[:0].clone()
        draw = torch.Generator().manual_seed(stream_seed(self.seed + STREAM, step))
        faces = []
        for face in new:
            swap, place = torch.rand(2, generator=draw).tolist()
            if len(self.faces) < self.size:
                self.faces = torch.cat([self.faces, face[None]])
                faces.append(face)
            elif swap < 0.5:
                number = int(place * self.size)
                faces.append(self.faces[number].clone())
                self.faces[number] = face
            else:
                faces.append(face)
        further = torch.randint(len(self.faces), (max(shown - len(new), 0),), generator=draw)
        return torch.stack([*faces, *(self.faces[i] for i in further.tolist())])

    def tensors(self) -> dict[str, Tensor]:
        """What a checkpoint needs: a copy of the faces kept."""
        return {} if self.faces is None else {"faces": self.faces.clone()}

    def load(self, tensors: dict[str, Tensor], device: torch.device) -> None:
        """Restore what `tensors` gave, which is left as it is."""
        self.faces = tensors["faces"].to(device, copy=True) if tensors else None
