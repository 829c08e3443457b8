"""The numbers behind a synthetic face: who it is (`Identities`), the photo (`Shots`), the age."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Self

import numpy as np
from numpy.random import Generator

YOUNGEST, OLDEST = 20.0, 62.0

AGE_SIGNS = (
    "forehead", "frown", "crow", "bags", "folds", "mouth", "jowls", "grey", "recede", "spots",
    "lids", "lips",
)  # fmt: skip

SKIN = (
    (0.97, 0.83, 0.75),
    (0.91, 0.73, 0.61),
    (0.80, 0.59, 0.45),
    (0.64, 0.43, 0.31),
    (0.48, 0.31, 0.22),
)
# black, dark brown, brown, auburn, blond, light blond, silver
HAIR = (
    (0.09, 0.08, 0.08),
    (0.19, 0.13, 0.10),
    (0.33, 0.22, 0.14),
    (0.47, 0.23, 0.12),
    (0.70, 0.53, 0.32),
    (0.85, 0.74, 0.54),
    (0.78, 0.77, 0.76),
)
IRIS = (
    (0.22, 0.13, 0.08),
    (0.36, 0.22, 0.12),
    (0.40, 0.38, 0.22),
    (0.32, 0.45, 0.36),
    (0.30, 0.48, 0.66),
)


@dataclass(frozen=True)
class _Rows:
    """Array fields that share their first axis, taken together."""

    def __len__(self) -> int:
        return len(getattr(self, fields(self)[0].name))

    def take(self, indices: np.ndarray | slice) -> Self:
        """The rows at `indices`: integers, booleans or a slice."""
        return type(self)(**{f.name: getattr(self, f.name)[indices] for f in fields(self)})

    __getitem__ = take


@dataclass(frozen=True)
class Identities(_Rows):
    """Who is drawn: float32 arrays of n, in face units (half the head's height is 1)."""

    number: np.ndarray  # int64: the identity's place in its draw
    female: np.ndarray  # 0 or 1
    skin: np.ndarray  # n 3, RGB in 0..1, as are the other colours
    freckles: np.ndarray  # 0..1
    face_width: np.ndarray
    jaw: np.ndarray  # squareness of the lower face: -0.6 square .. 0.3 pointed
    chin: np.ndarray  # length from the eyes to the chin
    hair_colour: np.ndarray  # n 3
    hair_length: np.ndarray  # how far down the hair falls
    hair_volume: np.ndarray
    hair_cover: np.ndarray  # 0 bald .. 1 full
    hairline: np.ndarray
    fringe: np.ndarray  # slant of the hairline
    curl: np.ndarray
    eye_spacing: np.ndarray
    eye_size: np.ndarray
    eye_open: np.ndarray
    eye_tilt: np.ndarray
    iris: np.ndarray  # n 3
    makeup: np.ndarray  # 0..1
    brow_height: np.ndarray
    brow_width: np.ndarray
    brow_bend: np.ndarray
    nose_width: np.ndarray
    nose_length: np.ndarray
    mouth_width: np.ndarray
    mouth_height: np.ndarray
    lip_width: np.ndarray
    lip_colour: np.ndarray  # n 3
    glasses: np.ndarray  # 0 or 1
    frame_colour: np.ndarray  # n 3
    beard: np.ndarray  # 0..1
    moustache: np.ndarray  # 0..1
    ageing: np.ndarray  # n, one per name in AGE_SIGNS: how strongly that sign shows when old
    years_ahead: np.ndarray  # how much older than its age the face looks
    line_jitter: np.ndarray  # n 8, -1..1: where single lines lie and how deep they are
    seed: np.ndarray  # uint32: skin and hair texture


@dataclass(frozen=True)
class Shots(_Rows):
    """One photo each: pose, expression, light, background and camera; float32 arrays of n."""

    roll: np.ndarray  # radians
    yaw: np.ndarray  # -1..1
    pitch: np.ndarray  # -1..1
    shift: np.ndarray  # n 2, x and y in half image sizes
    scale: np.ndarray
    smile: np.ndarray  # -0.3..1
    teeth: np.ndarray  # 0..1
    gaze: np.ndarray  # n 2
    tired: np.ndarray  # 0..1: bags that are not age
    light: np.ndarray  # n 3, unit vector to the light; x right, y down, z to the camera
    ambient: np.ndarray  # 0..1
    light_colour: np.ndarray  # n 3
    shine: np.ndarray
    exposure: np.ndarray
    contrast: np.ndarray
    gamma: np.ndarray
    saturation: np.ndarray
    background: np.ndarray  # n 2 3, the gradient's two colours
    gradient: np.ndarray  # radians
    texture: np.ndarray  # 0..1
    clothes: np.ndarray  # n 3
    blur: np.ndarray  # 0..1
    noise: np.ndarray
    seed: np.ndarray  # uint32: background texture and sensor noise


def draw_identities(n: int, seed: int = 0) -> Identities:
    """Draw n identities; the same seed and n give the same ones."""
    rng = np.random.default_rng([seed, 1])
    female = (rng.random(n) < 0.5).astype(np.float32)
    tone = rng.beta(1.0, 1.4, n)
    skin = _palette(SKIN, tone * (len(SKIN) - 1)) * rng.normal(1, 0.03, (n, 3))
    parts: dict[str, np.ndarray] = {
        "number": np.arange(n),
        "female": female,
        "skin": skin,
        "freckles": rng.random(n) ** 4,
        "seed": rng.integers(0, 2**32, n, dtype=np.uint32),
        "face_width": rng.normal(0.74, 0.035, n) - 0.015 * female,
        "jaw": np.clip(rng.normal(-0.3, 0.14, n) + 0.22 * female, -0.6, 0.25),
        "chin": rng.normal(1.02, 0.035, n) - 0.03 * female,
        "line_jitter": rng.uniform(-1, 1, (n, 8)),
        **_draw_hair(rng, female, tone),
        **_draw_features(rng, female, tone, skin),
        **_draw_ageing(rng, female),
    }
    return Identities(**_as_float32(parts))


def draw_shots(n: int, seed: int = 0) -> Shots:
    """Draw n photos' pose, light, background and camera; the same seed and n give the same ones."""
    rng = np.random.default_rng([seed, 2])
    parts = {
        "seed": rng.integers(0, 2**32, n, dtype=np.uint32),
        **_draw_pose(rng, n),
        **_draw_light(rng, n),
        **_draw_background(rng, n),
    }
    return Shots(**_as_float32(parts))


def age_signs(identities: Identities, ages: np.ndarray, tired: np.ndarray) -> dict[str, np.ndarray]:
    """How far each sign of age has come: float32 n per name in AGE_SIGNS, 0 to about 1.3."""
    progress = np.clip((ages + identities.years_ahead - 27) / 27, 0.04, 1.2).astype(np.float32)
    signs = dict(zip(AGE_SIGNS, (identities.ageing * progress[:, None]).T, strict=True))
    signs["bags"] = np.maximum(signs["bags"], tired)
    return signs


def _draw_hair(rng: Generator, female: np.ndarray, tone: np.ndarray) -> dict[str, np.ndarray]:
    n = len(female)
    bald = (rng.random(n) < 0.13) & (female == 0)
    long = (rng.random(n) < np.where(female == 1, 0.75, 0.12)) & ~bald
    cover = np.where(bald, rng.choice([0.0, 0.3, 0.5], n), 1.0)
    fair = rng.choice(len(HAIR), n, p=[0.17, 0.2, 0.17, 0.08, 0.13, 0.12, 0.13])
    dark = rng.choice(len(HAIR), n, p=[0.6, 0.2, 0.04, 0.02, 0.02, 0.03, 0.09])
    colour = np.array(HAIR)[np.where(rng.random(n) < 1.5 * tone - 0.2, dark, fair)]
    return {
        "hair_colour": np.clip(colour * rng.normal(1, 0.1, (n, 1)), 0, 1),
        "hair_length": np.where(long, rng.uniform(0.5, 1.6, n), rng.uniform(-0.1, 0.25, n)),
        "hair_volume": np.where(cover < 1, 0.015, rng.uniform(0.06, 0.17, n) + 0.05 * long),
        "hair_cover": cover,
        "hairline": rng.normal(-0.6, 0.05, n) + np.where(rng.random(n) < 0.25, 0.2, 0) * long,
        "fringe": rng.normal(0, 0.22, n),
        "curl": rng.random(n) ** 2,
    }


def _draw_features(
    rng: Generator, female: np.ndarray, tone: np.ndarray, skin: np.ndarray
) -> dict[str, np.ndarray]:
    n = len(female)
    makeup = female * rng.random(n)
    lipstick = np.stack([rng.uniform(0.55, 0.85, n), *rng.uniform(0.12, 0.35, (2, n))], 1)
    bare = skin * np.array([0.86, 0.64, 0.62])
    has_beard = (female == 0) & (rng.random(n) < 0.4)
    brown = np.clip(rng.normal(0.5, 0.6, n) + 4 * (1 - 1.7 * tone), 0, len(IRIS) - 1)
    return {
        "eye_spacing": rng.normal(0.325, 0.017, n),
        "eye_size": rng.normal(0.163, 0.011, n) + 0.008 * female,
        "eye_open": rng.normal(1, 0.12, n) + 0.1 * female,
        "eye_tilt": rng.normal(-0.06, 0.07, n),
        "iris": _palette(IRIS, brown * rng.random(n) ** 0.5),
        "makeup": makeup,
        "brow_height": rng.normal(0.2, 0.02, n) + 0.015 * female,
        "brow_width": np.clip(rng.normal(0.06, 0.012, n) - 0.014 * female, 0.03, 0.09),
        "brow_bend": rng.normal(0.9, 0.4, n),
        "nose_width": rng.normal(0.145, 0.016, n) - 0.012 * female + 0.03 * tone,
        "nose_length": rng.normal(0.41, 0.025, n),
        "mouth_width": rng.normal(0.275, 0.022, n),
        "mouth_height": rng.normal(0.645, 0.018, n),
        "lip_width": np.clip(rng.normal(0.95, 0.15, n) + 0.15 * female + 0.2 * tone, 0.55, 1.6),
        "lip_colour": bare + (lipstick - bare) * (0.75 * makeup**2)[:, None],
        "glasses": rng.random(n) < 0.2,
        "frame_colour": rng.uniform(0.03, 0.3, (n, 1)) * rng.uniform(0.4, 1.2, (n, 3)),
        "beard": has_beard * rng.uniform(0.15, 1, n),
        "moustache": (has_beard | (rng.random(n) < 0.06) * (female == 0)) * rng.uniform(0.2, 1, n),
    }


def _draw_ageing(rng: Generator, female: np.ndarray) -> dict[str, np.ndarray]:
    n = len(female)
    ageing = np.clip(rng.normal(0.75, 0.27, (n, len(AGE_SIGNS))), 0.12, 1.3)
    # dye hides the grey, and few women's hairlines recede
    ageing[:, AGE_SIGNS.index("grey")] *= rng.random(n) < 0.6 - 0.25 * female
    ageing[:, AGE_SIGNS.index("recede")] *= np.where(female == 1, 0.15, rng.random(n) < 0.7)
    return {"ageing": ageing, "years_ahead": np.clip(rng.normal(0, 4, n), -8, 8)}


def _draw_pose(rng: Generator, n: int) -> dict[str, np.ndarray]:
    smile = np.clip(rng.normal(0.4, 0.4, n), -0.3, 1)
    return {
        "roll": np.clip(rng.normal(0, 0.1, n), -0.25, 0.25),
        "yaw": rng.uniform(-1, 1, n),
        "pitch": rng.uniform(-1, 1, n),
        "shift": rng.uniform(-0.11, 0.11, (n, 2)),
        "scale": rng.uniform(0.7, 0.84, n),
        "smile": smile,
        "teeth": np.clip(2.5 * smile - 0.8, 0, 1) * (rng.random(n) < 0.55) * rng.uniform(0.5, 1, n),
        "gaze": rng.normal(0, [0.12, 0.05], (n, 2)),
        "tired": np.clip(rng.normal(0, 0.2, n), 0, 0.4),
    }


def _draw_light(rng: Generator, n: int) -> dict[str, np.ndarray]:
    side, lift = rng.uniform(-1.1, 1.1, n), rng.uniform(-0.2, 0.9, n)
    direction = [np.sin(side) * np.cos(lift), -np.sin(lift), np.cos(side) * np.cos(lift)]
    warmth = np.clip(rng.normal(0, 0.07, n), -0.15, 0.15)
    tint = np.stack([1 + warmth, np.ones(n), 1 - warmth], 1) * rng.normal(1, 0.02, (n, 3))
    return {
        "light": np.stack(direction, 1),
        "ambient": rng.uniform(0.4, 0.7, n),
        "light_colour": tint,
        "shine": rng.uniform(0, 0.3, n),
        "exposure": np.exp(np.clip(rng.normal(0.05, 0.17, n), -0.3, 0.25)),
        "contrast": rng.uniform(0.75, 1.2, n),
        "gamma": np.exp(rng.normal(0, 0.15, n)),
        "saturation": rng.uniform(0.7, 1.15, n),
    }


def _draw_background(rng: Generator, n: int) -> dict[str, np.ndarray]:
    base = rng.uniform(0.03, 0.95, (n, 1, 1)) + rng.normal(0, 0.06, (n, 1, 3))
    colours = base + rng.normal(0, 0.08, (n, 2, 3)) + rng.normal(0, 0.12, (n, 2, 1))
    return {
        "background": np.clip(colours, 0, 1),
        "gradient": rng.uniform(0, 2 * np.pi, n),
        "texture": rng.random(n) ** 2,
        "clothes": np.clip(rng.uniform(0.05, 0.9, (n, 1)) + rng.normal(0, 0.12, (n, 3)), 0, 1),
        "blur": rng.uniform(0, 0.6, n),
        "noise": rng.uniform(0.003, 0.022, n),
    }


def _palette(colours: tuple[tuple[float, ...], ...], place: np.ndarray) -> np.ndarray:
    """Colours (n 3) at fractional places along a palette of k colours."""
    stops = np.arange(len(colours))
    return np.stack([np.interp(place, stops, channel) for channel in zip(*colours, strict=True)], 1)


def _as_float32(parts: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    kept = {"number", "seed"}
    return {k: v if k in kept else np.asarray(v, np.float32) for k, v in parts.items()}
