"""People whose photos at several ages are made here, and who judges and ages them."""

import numpy as np
import torch
from torch import Tensor

from agegen.evaluation.real_pairs import AGES, People

SIDE = 32


class Means:
    """Tells persons apart by the means of four quarters of a face."""

    name = "means"

    def embed(self, faces: Tensor, like: Tensor) -> Tensor:
        return torch.nn.functional.adaptive_avg_pool2d(faces, 2).flatten(1).double()


class Ages:
    """Makes every face brighter or darker, as people here become."""

    store_size = SIDE

    def views(self, images: np.ndarray) -> Tensor:
        return torch.from_numpy(images).permute(0, 3, 1, 2).float() / 127.5 - 1

    def translate(self, faces: Tensor, to: str) -> Tensor:
        return faces + (0.3 if to == "old" else -0.3)


def people_at_random(seed: int) -> People:
    """Persons of a pattern each, brighter when old; some at one age alone, some children."""
    rng = np.random.default_rng(seed)
    images, ages, persons = [], [], []
    for person in range(int(rng.integers(8, 14))):
        pattern = rng.uniform(0.25, 0.6, (2, 2, 3)).repeat(SIDE // 2, 0).repeat(SIDE // 2, 1)
        for age in rng.integers(10, 75, int(rng.integers(1, 12))):
            noise = rng.normal(0, 0.02, pattern.shape)
            shown = pattern + 0.15 * (age >= AGES["old"][0]) + noise
            images.append((shown.clip(0, 1) * 255).astype(np.uint8))
            ages.append(age)
            persons.append(f"p{person}")
    turned = rng.choice([0.0, 0.3, np.nan], len(ages))
    return People(np.stack(images), np.array(ages), np.array(persons), turned, [])
