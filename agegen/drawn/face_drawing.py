"""Draw synthetic faces, whole batches at a time: background, body, face, hair, camera.

Layers are painted back to front into one image: n c h w, float32, RGB in 0..1.
"""

from __future__ import annotations

import numpy as np
from einops import rearrange

from agegen.drawn.face_features import paint_head
from agegen.drawn.face_parameters import OLDEST, YOUNGEST, Identities, Shots, age_signs
from agegen.drawn.head_frame import Frame, Signs, head_frame
from agegen.drawn.soft_masks import bump, clouds, hash_noise, inside, paint, per_face, per_layer
from agegen.run.progress import Progress


def render_faces(
    identities: Identities,
    shots: Shots,
    ages: np.ndarray,
    size: int = 100,
    chunk: int = 8,
    show_progress: bool = False,
) -> np.ndarray:
    """Draw each identity at its age in its shot.

    Args:
        identities: n of them.
        shots: n of them.
        ages: n, years, 20..62.
        size: height and width of an image, at least 32.
        chunk: how many faces are drawn at once; a few, so that they stay in the cache.
        show_progress: show a bar, or lines in a log.

    Returns:
        uint8 n h w c, RGB.

    Raises:
        ValueError: an age or the size is out of range, or the lengths differ.
    """
    ages = np.asarray(ages, np.float32)
    if not len(identities) == len(shots) == len(ages):
        raise ValueError("identities, shots and ages must have the same length")
    if size < 32:
        raise ValueError(f"size must be at least 32, not {size}")
    if not ((ages >= YOUNGEST) & (ages <= OLDEST)).all():
        raise ValueError(f"ages must lie in {YOUNGEST:.0f}..{OLDEST:.0f} years")
    images = np.empty((len(ages), size, size, 3), np.uint8)
    with Progress(len(ages), "drawing", "faces", enabled=show_progress) as progress:
        for start in range(0, len(ages), chunk):
            rows = slice(start, start + chunk)
            images[rows] = _render(identities[rows], shots[rows], ages[rows], size)
            progress.update(len(ages[rows]))
    return images


def _render(who: Identities, shot: Shots, ages: np.ndarray, size: int) -> np.ndarray:
    signs = {k: per_face(v) for k, v in age_signs(who, ages, shot.tired).items()}
    frame = head_frame(who, shot, signs, size)
    image = _background(shot, size)
    strands = _strands(frame, who)
    hair = _hair_colour(who, signs, strands)
    _paint_hair_behind(image, frame, who, hair)
    _paint_body(image, frame, who, shot)
    paint_head(image, frame, who, shot, signs, hair)
    _paint_hair_cap(image, frame, who, shot, signs, hair)
    _paint_glasses(image, frame, who)
    return rearrange(_photograph(image, shot), "n c h w -> n h w c")


def _background(shot: Shots, size: int) -> np.ndarray:
    grid = np.linspace(-0.7, 0.7, size, dtype=np.float32)
    cos, sin = per_face(np.cos(shot.gradient)), per_face(np.sin(shot.gradient))
    across = cos * grid[None, None] + sin * grid[None, :, None]
    blend = np.clip(across + 0.5 + 1.2 * per_face(shot.texture) * clouds(shot.seed, 6, size), 0, 1)
    first, second = per_layer(shot.background[:, 0]), per_layer(shot.background[:, 1])
    image = first + blend[:, None] * (second - first)
    grain = per_face(shot.texture) * clouds(shot.seed + np.uint32(7), size // 5, size)
    return image * (1 + 0.7 * grain[:, None])


def _strands(frame: Frame, who: Identities) -> np.ndarray:
    """Hair strands, -1..1: long hair falls along the head's outline, short hair is combed back."""
    x, y = frame.head_x / 0.8, np.minimum(frame.head_y, 0)
    fringe = per_face(who.fringe)
    wave = (0.01 + 0.07 * per_face(who.curl)) * np.sin(9 * frame.head_y + 5 * x + 30 * fringe)
    falling = np.sqrt(x * x + y * y) + fringe * 1.2 * x
    combed = 0.8 * x + (fringe * 2 + 0.2 * x) * y
    place = np.where(per_face(who.hair_length) > 0.3, falling, combed)
    place = np.clip((place + wave) * 42 + 60, 0, 126.9)
    index = place.astype(np.int32)
    flat = hash_noise(who.seed + np.uint32(3), (128,)).ravel()
    at = index + np.arange(len(who), dtype=np.int32)[:, None, None] * 128
    place -= index
    return 2 * (flat[at] * (1 - place) + flat[at + 1] * place) - 1


def _hair_colour(who: Identities, signs: Signs, strands: np.ndarray) -> np.ndarray:
    """Layer of hair: strands turn grey one by one."""
    grey = np.clip(1.25 * signs["grey"] + 0.25 * strands - 0.4, 0, 0.8)
    base = per_layer(who.hair_colour) * (1 + 0.22 * strands[:, None])
    return base + grey[:, None] * (0.62 + 0.08 * strands[:, None] - base)


def _paint_hair_behind(image: np.ndarray, frame: Frame, who: Identities, hair: np.ndarray) -> None:
    width = per_face(who.face_width + who.hair_volume)
    length = per_face(who.hair_length)
    y = frame.head_y
    flare = 1 + 0.12 * np.clip(y, 0, 1) * (length > 0.4)
    x = np.abs(frame.head_x) / (width * flare)
    upper = np.minimum(y, 0) / (1 + per_face(who.hair_volume))
    radius = np.sqrt(x * x + upper * upper)
    edge = inside((radius - 1) * width, 2 * frame.pixel)
    end = inside(y - length + 0.5 * x * x - 0.4, 0.1)
    thick = per_face(np.clip(who.hair_cover * 1.5 - 0.6, 0, 1))
    paint(image, edge * end * thick, hair * (0.62 - 0.1 * bump(x))[:, None])


def _paint_body(image: np.ndarray, frame: Frame, who: Identities, shot: Shots) -> None:
    x, y = np.abs(frame.head_x), frame.head_y
    lit = 0.85 + 0.3 * frame.head_x * per_face(shot.light[:, 0])
    neck_width = 0.47 - 0.07 * per_face(who.female) + 0.25 * np.square(np.maximum(y - 0.75, 0))
    neck = inside(np.maximum(x - neck_width, 0.3 - y), frame.pixel)
    under_chin = 0.5 + 0.42 * np.clip((y - 0.85) * 2.2, 0, 1)
    paint(image, neck, per_layer(who.skin) * (lit * under_chin)[:, None])
    collar = 1.22 + 0.16 * np.square(x) + 0.35 * np.maximum(0.42 - x, 0)
    shoulders = inside(collar - y, 1.5 * frame.pixel)
    paint(image, shoulders, per_layer(shot.clothes) * lit[:, None])
    skin = per_layer(who.skin)
    ear = np.square((x - per_face(who.face_width) - 0.01) / 0.085) + np.square((y - 0.12) / 0.2)
    inner = 0.85 - 0.3 * bump(ear * 2)
    paint(image, inside((ear - 1) * 0.05, frame.pixel), skin * (lit * inner)[:, None])


def _hairline(frame: Frame, who: Identities, signs: Signs) -> np.ndarray:
    """Height of the hairline above each pixel's x, n h w; long hair falls at the sides."""
    m = frame.mirror
    rise = signs["recede"] * (0.06 + 0.2 * bump(np.square((m - 0.36) / 0.3)))
    line = per_face(who.hairline) - rise + per_face(who.fringe) * frame.x * 0.5
    line += 0.3 * m * m + 1.5 * np.square(m * m) + 0.02 * np.sin(17 * frame.x + 9 * rise)
    falls = np.clip((per_face(who.hair_length) - 0.3) * 4, 0, 1)
    edge = 0.84 * per_face(who.face_width)
    line += 9 * falls * np.maximum(np.abs(frame.head_x) - edge, 0)
    return np.minimum(line, 0.1 + falls * per_face(who.hair_length))


def _paint_hair_cap(
    image: np.ndarray, frame: Frame, who: Identities, shot: Shots, signs: Signs, hair: np.ndarray
) -> None:
    width = per_face(who.face_width + who.hair_volume)
    x = frame.head_x / width
    y = np.minimum(frame.head_y, 0) / (1 + per_face(who.hair_volume))
    curls = np.sin(15 * x + 4) * np.sin(11 * y)
    radius = np.sqrt(x * x + y * y) - 0.04 * per_face(who.curl) * curls
    line = frame.y - _hairline(frame, who, signs)
    cover = per_face(who.hair_cover)
    cast = 0.28 * bump(np.square(line / 0.16)) * cover * (frame.radius2 < 1)
    image *= 1 - cast[:, None]
    cap = inside(line, 0.09) * inside((radius - 1) * width, 2 * frame.pixel)
    cap *= cover * (1 - 0.5 * signs["recede"] * bump(radius / 0.95))
    lit = 0.78 + 0.3 * (per_face(shot.light[:, 0]) * x + per_face(shot.light[:, 1]) * y)
    lit += 0.35 * bump(np.square((radius - 0.72) / 0.17)) * bump(np.square(x)) * (y < -0.2)
    paint(image, cap, hair * np.maximum(lit, 0.25)[:, None])


def _paint_glasses(image: np.ndarray, frame: Frame, who: Identities) -> None:
    dx, dy = frame.mirror - per_face(who.eye_spacing) - 0.01, frame.y - 0.03
    q = np.square(dx / 0.25)
    ring = np.sqrt(q + np.square(dy / 0.19) - 0.35 * np.minimum(q, 1.4) * np.square(dy / 0.19))
    thick = 1.1 * frame.pixel + 0.012
    rim = bump(np.square((ring - 1) * 0.2 / thick))
    bridge = bump(np.square((dy + 0.07) / thick)) * (dx < -0.22)
    arms = bump(np.square((dy + 0.07) / thick)) * (dx > 0.24) * (frame.radius2 < 1.05)
    frames = np.clip(1.3 * np.maximum(rim, np.maximum(bridge, arms)), 0, 0.92)
    worn = per_face(who.glasses)
    paint(image, worn * frames, per_layer(who.frame_colour))
    gleam = 0.16 * inside((ring - 1) * 0.2, 0.05) * bump(np.square((dx * 1.2 + dy + 0.03) / 0.12))
    paint(image, worn * gleam, 1.0)


def _photograph(image: np.ndarray, shot: Shots) -> np.ndarray:
    """Light colour, exposure, tone, blur and noise; uint8."""
    image = np.maximum(image * per_layer(shot.light_colour) * per_layer(shot.exposure[:, None]), 0)
    image = np.power(image, per_layer(shot.gamma[:, None]), out=image)
    image = (image - 0.45) * per_layer(shot.contrast[:, None]) + 0.45
    grey = image.mean(1, keepdims=True)
    image = grey + per_layer(shot.saturation[:, None]) * (image - grey)
    image += per_layer(shot.blur[:, None]) * (_smooth(image) - image)
    shape = image.shape[1:]
    first, second = (hash_noise(shot.seed + np.uint32(key), shape) for key in (11, 12))
    image += (first + second - 1) * per_layer(2.4 * shot.noise[:, None])
    return (np.clip(image, 0, 1) * 255 + 0.5).astype(np.uint8)


def _smooth(image: np.ndarray) -> np.ndarray:
    """Binomial 3 x 3 blur; the outermost pixels stay as they are along their edge."""
    smooth = image.copy()
    smooth[:, :, 1:-1] = 0.5 * image[:, :, 1:-1] + 0.25 * (image[:, :, 2:] + image[:, :, :-2])
    rows = smooth.copy()
    smooth[..., 1:-1] = 0.5 * rows[..., 1:-1] + 0.25 * (rows[..., 2:] + rows[..., :-2])
    return smooth
