"""The face itself: its relief, skin, lines, mouth, eyes and brows, lit by one lamp."""

from __future__ import annotations

import numpy as np

from agegen.drawn.face_parameters import Identities, Shots
from agegen.drawn.head_frame import Frame, Signs
from agegen.drawn.soft_masks import (
    TILE,
    Field,
    Layer,
    arc,
    blob,
    bump,
    clouds,
    hash_noise,
    inside,
    paint,
    per_face,
    per_layer,
    sample_tile,
)  # fmt: skip


def paint_head(
    image: Layer, frame: Frame, who: Identities, shot: Shots, signs: Signs, hair: Layer
) -> None:
    """Paint the whole face over `image`; `hair` is the layer of hair, for brows and beard."""
    height, dark = _relief(frame, who, shot, signs)
    head = _skin_colour(frame, who, signs, dark)
    _paint_stubble(head, frame, who, hair)
    _paint_mouth(head, frame, who, shot, signs)
    light, shine = _light(frame, shot, height)
    head *= light[:, None]
    head += (per_face(shot.shine) * shine)[:, None]
    _paint_eyes(head, frame, who, shot, signs, light)
    _paint_brows(head, frame, who, signs, hair, light)
    paint(image, inside((np.sqrt(frame.radius2) - 1) * 0.8, 1.5 * frame.pixel), head)


def _relief(frame: Frame, who: Identities, shot: Shots, signs: Signs) -> tuple[Field, Field]:
    """Height towards the camera, and 0..1 how dark creases and hollows are."""
    q = np.minimum(frame.radius2, 1.3)
    height = -q * (0.32 + 0.22 * q * q)
    _add_features(height, frame, who)
    creases = _creases(frame, who, shot, signs)
    pads = _add_sagging(height, frame, who, shot, signs)
    height -= 0.035 * creases
    return height, np.clip(0.42 * creases + _hollows(frame, who) + pads, 0, 0.75)


def _add_features(height: Field, frame: Frame, who: Identities) -> None:
    m, y = frame.mirror, frame.y
    eye, nose = per_face(who.eye_spacing), per_face(who.nose_length)
    ridge = np.clip((y + 0.1) / (nose + 0.1), 0, 1)
    tip = inside(y - nose, 0.09)
    width = 0.11 + (0.75 * per_face(who.nose_width) - 0.04) * ridge
    height += (0.05 + 0.15 * ridge) * tip * bump(np.square(m / width)) * inside(-0.14 - y, 0.3)
    height += 0.06 * tip * blob(m - 0.8 * per_face(who.nose_width), y - nose + 0.04, 0.08, 0.09)
    height -= 0.1 * blob(m - eye + 0.03, y + 0.03, 0.27, 0.17)
    height += 0.05 * blob(m - eye, y, 0.19, 0.12)
    height += 0.03 * blob(m - 0.3, y + 0.3, 0.35, 0.16)
    height += 0.07 * blob(m - 0.43, y - 0.27, 0.3, 0.26)
    mouth = per_face(who.mouth_height)
    height += 0.06 * blob(m, y - mouth, 0.36, 0.24)
    height += 0.06 * blob(m, y - 0.93, 0.26, 0.18)
    height -= 0.04 * blob(m, y - mouth - 0.15, 0.22, 0.07)


def _add_sagging(height: Field, frame: Frame, who: Identities, shot: Shots, signs: Signs) -> Field:
    """Bags, cheeks over the nasolabial fold, jowls; returns how much they darken the skin."""
    m, y, eye = frame.mirror, frame.y, per_face(who.eye_spacing)
    height += 0.06 * signs["bags"] * blob(m - eye + 0.02, y - 0.145, 0.19, 0.075)
    smile = np.maximum(per_face(shot.smile), 0)
    cheek = 0.05 * smile + 0.06 * signs["folds"]
    height += cheek * blob(m - 0.42, y - 0.4, 0.2, 0.24)
    height += 0.08 * signs["jowls"] * blob(m - 0.42, y - 0.83, 0.17, 0.19)
    height -= 0.05 * signs["jowls"] * blob(m - 0.5, y - 0.55, 0.18, 0.2)
    return 0.1 * signs["bags"] * blob(m - eye + 0.03, y - 0.12, 0.19, 0.12)


def _hollows(frame: Frame, who: Identities) -> Field:
    """Nostrils and the shadow under nose and lower lip."""
    m, y = frame.mirror, frame.y
    nose = per_face(who.nose_length)
    nostrils = 0.6 * blob(m - 0.5 * per_face(who.nose_width), y - nose - 0.02, 0.065, 0.04)
    wings = 0.3 * arc(m - 1.12 * per_face(who.nose_width), y - nose + 0.03, 1.4, 0.09, -4, 0.045)
    under = 0.16 * blob(m, y - nose - 0.06, 0.17, 0.06)
    return nostrils + wings + under


def _creases(frame: Frame, who: Identities, shot: Shots, signs: Signs) -> Field:
    """All lines of the skin, n h w: 0 none, 1 deep."""
    jitter = per_face(who.line_jitter[:, 0])
    uneven = 1 + 0.3 * jitter * frame.side
    paired = _eye_creases(frame, who, shot, signs) + _mouth_creases(frame, who, shot, signs)
    return _forehead_creases(frame, who, signs) + uneven * paired


def _line_width(frame: Frame) -> Field:
    """Half a line's width; small images keep their lines at least about a pixel wide."""
    return np.maximum(0.036, 1.6 * frame.pixel)


def _forehead_creases(frame: Frame, who: Identities, signs: Signs) -> Field:
    width = _line_width(frame)
    brow = -per_face(who.brow_height) - 0.13
    total = np.zeros_like(frame.x)
    for line in range(3):
        jitter = per_face(who.line_jitter[:, 1 + line])
        dx = frame.x - 0.1 * jitter
        dy = frame.y - brow + 0.105 * line - 0.02 * jitter
        wave = 0.012 * np.sin(9 * frame.x + 4 * jitter)
        total += (1 - 0.3 * np.abs(jitter)) * arc(dx, dy + wave, 0, 0.55 - 0.04 * line, 0.12, width)
    frown = arc(frame.mirror - 0.06, frame.y + 0.2, 1.45, 0.12, 0.5, width)
    return 0.95 * signs["forehead"] * total + 0.75 * signs["frown"] * frown


def _eye_creases(frame: Frame, who: Identities, shot: Shots, signs: Signs) -> Field:
    width = _line_width(frame)
    jitter = 0.1 * per_face(who.line_jitter[:, 4])
    corner = frame.mirror - per_face(who.eye_spacing + who.eye_size) - 0.09
    y = frame.y
    crow = sum(
        arc(corner, y - 0.01 - 0.065 * fan - 0.03 * jitter, 0.45 * fan, 0.13, -0.8, width)
        for fan in (-1, 0, 1)
    )
    inner = frame.mirror - per_face(who.eye_spacing) + 0.02
    bag = arc(inner, y - 0.215 - 0.1 * jitter, 0.08, 0.2, -2.2, width * 1.15)
    fine = arc(inner, y - 0.145, 0.08, 0.17, -1.8, width)
    smile = 0.12 * np.maximum(per_face(shot.smile), 0)
    return np.maximum(signs["crow"], smile) * crow + signs["bags"] * (0.85 * bag + 0.4 * fine)


def _mouth_creases(frame: Frame, who: Identities, shot: Shots, signs: Signs) -> Field:
    width = _line_width(frame)
    m, y = frame.mirror, frame.y
    jitter = 0.03 * per_face(who.line_jitter[:, 5])
    mouth = per_face(who.mouth_height)
    smile = np.maximum(per_face(shot.smile), 0)
    fold = arc(m - 0.31 - jitter, y - mouth + 0.13, 1.0, 0.23, -0.7, width * 1.25)
    corner = per_face(who.mouth_width) + 0.045
    down = arc(m - corner - jitter, y - mouth - 0.1, 1.35, 0.13, -0.5, width * 1.1)
    cheek = arc(m - 0.47 - jitter, y - mouth + 0.05, 1.25, 0.2, -0.8, width)
    jowl = arc(m - 0.33 - jitter, y - 0.86, 1.2, 0.1, -1.0, width * 1.3)
    folds = np.maximum(signs["folds"], 0.3 * smile) * fold
    lines = signs["mouth"] * (0.7 * down + 0.35 * cheek * (0.4 + smile))
    return folds + lines + 0.5 * signs["jowls"] * jowl


def _skin_colour(frame: Frame, who: Identities, signs: Signs, dark: Field) -> Layer:
    """Layer of the skin's own colour: blotches, freckles, spots, blush, darker, redder creases."""
    m, y, age = frame.mirror, frame.y, signs["spots"]
    spots = np.maximum(clouds(who.seed + np.uint32(1), 32, TILE) - 0.28, 0)
    freckles = np.maximum(hash_noise(who.seed + np.uint32(2), (TILE, TILE)) - 0.8, 0)
    tile = (0.04 + 0.14 * age) * clouds(who.seed, 9, TILE) + 0.55 * age * spots
    tile += 0.7 * per_face(who.freckles) * freckles
    tint = sample_tile(tile, frame.x, y) + dark
    blush = 0.1 * blob(m - 0.42, y - 0.32, 0.3, 0.25) + 0.08 * blob(m, y - 0.36, 0.18, 0.16)
    colour = np.empty((len(who), 3, *frame.x.shape[1:]), np.float32)
    for channel, (darken, redden) in enumerate(((0.92, 0.0), (1.03, 0.9), (1.05, 0.8))):
        tone = per_face(who.skin[:, channel])
        colour[:, channel] = tone * (1 - darken * tint - redden * blush)
    return np.maximum(colour, 0.02)


def _light(frame: Frame, shot: Shots, height: Field) -> tuple[Field, Field]:
    """How bright the light falls on each pixel, and the highlights; both n h w."""
    scale = 0.5 / frame.pixel
    slope_x, slope_y = np.zeros_like(frame.x), np.zeros_like(frame.x)
    slope_x[:, :, 1:-1] = (height[:, :, 2:] - height[:, :, :-2]) * scale
    slope_y[:, 1:-1] = (height[:, 2:] - height[:, :-2]) * scale
    norm = 1 / np.sqrt(1 + slope_x * slope_x + slope_y * slope_y)
    lx, ly, lz = (per_face(shot.light[:, axis]) for axis in range(3))
    facing = (lz - lx * slope_x - ly * slope_y) * norm
    ambient = per_face(shot.ambient)
    # the lamp's light wraps a little round the head, as a soft box's does
    diffuse = np.maximum(facing + 0.25, 0) * (1 / 1.25)
    light = ambient + (1.12 - ambient) * diffuse
    mirrored = np.maximum(2 * facing * norm - lz, 0)
    return light * (0.8 + 0.2 * norm), np.square(np.square(np.square(mirrored)))


def _paint_stubble(head: Layer, frame: Frame, who: Identities, hair: Layer) -> None:
    m, y = frame.mirror, frame.y
    mouth = per_face(who.mouth_height)
    border = 0.52 + 0.18 * bump(np.square(m / 0.45)) - 0.75 * np.maximum(m - 0.5, 0)
    beard = inside(border - y, 0.16) * inside(blob(m, y - mouth, 0.36, 0.17) - 0.25, 0.3)
    moustache = blob(m - 0.1, y - mouth + 0.1 - 0.15 * m, 0.27, 0.085)
    cover = np.maximum(
        per_face(who.beard) * beard, per_face(who.moustache) * np.minimum(moustache * 1.8, 1)
    )
    grain = sample_tile(hash_noise(who.seed + np.uint32(5), (TILE, TILE)), frame.x, y)
    paint(head, np.clip(cover * (0.45 + 0.8 * grain), 0, 0.9), hair * 0.85)


def _paint_mouth(head: Layer, frame: Frame, who: Identities, shot: Shots, signs: Signs) -> None:
    smile, teeth = per_face(shot.smile), per_face(shot.teeth)
    width = per_face(who.mouth_width) * (1 + 0.16 * smile)
    x2 = np.square(frame.mirror / width)
    arch = np.maximum(1 - x2, 0)
    droop = 0.025 * signs["mouth"]
    line = frame.y - per_face(who.mouth_height) + (0.09 * smile - droop) * (x2 - 0.3)
    full = per_face(who.lip_width) * (1 - 0.42 * np.minimum(signs["lips"], 1.2))
    gap = 0.085 * teeth * arch
    cupid = 1 - 0.3 * bump(np.square(frame.mirror / 0.06))
    upper = 0.08 * full * np.sqrt(arch) * cupid
    lower = gap + 0.11 * full * arch
    lips = inside(np.maximum(line - lower, -upper - line), 2 * frame.pixel) * (x2 < 1)
    shade = np.where(line < 0, np.float32(0.85), 1.05 - 2.5 * np.square(line - 0.5 * lower))
    paint(head, 0.9 * lips, per_layer(who.lip_colour) * shade[:, None])
    open_ = inside(np.maximum(line - gap, -line), 1.5 * frame.pixel) * np.minimum(teeth * 4, 1)
    paint(head, open_ * (arch > 0), (0.9 - 0.5 * x2[:, None]) * (0.4 + 0.6 * teeth[:, None]))
    closed = bump(np.square((line - gap) / (1.5 * frame.pixel))) * inside(x2 - 1.1, 0.2)
    closed += 0.6 * bump(np.square(line / (1.5 * frame.pixel))) * inside(x2 - 1.05, 0.2)
    paint(head, np.clip(0.6 * closed, 0, 0.65), per_layer(who.lip_colour) * 0.3)


def _paint_brows(
    head: Layer, frame: Frame, who: Identities, signs: Signs, hair: Layer, light: Field
) -> None:
    dx = frame.mirror - per_face(who.eye_spacing) - 0.015
    dy = frame.y + per_face(who.brow_height) - 0.02 * signs["lids"]
    taper = per_face(who.brow_width) * (1.05 - 1.6 * np.clip(dx + 0.05, 0, 0.3))
    across = dy + 0.03 - per_face(who.brow_bend) * 1.1 * np.square(dx - 0.03)
    hairs = 0.82 + 0.18 * np.sin(70 * dx + 30 * dy)
    brow = bump(np.square(across / taper)) * inside(np.abs(dx) - 0.19, 0.07) * hairs
    colour = 0.55 * hair + 0.02 + 0.05 * per_layer(who.skin)
    paint(head, np.clip(1.25 * brow, 0, 0.9), colour * light[:, None])


def _paint_eyes(
    head: Layer, frame: Frame, who: Identities, shot: Shots, signs: Signs, light: Field
) -> None:
    size = per_face(who.eye_size)
    dx, dy = frame.mirror - per_face(who.eye_spacing), frame.y
    u, v = dx / size, (dy - per_face(who.eye_tilt) * dx) / size
    arch = 1 - u * u
    lids = np.minimum(signs["lids"], 1.2)
    upper = -0.5 * per_face(who.eye_open) * (1 - 0.3 * lids) * arch + 0.16 * lids * np.maximum(u, 0)
    lower = 0.3 * arch * (1 - 0.25 * np.maximum(per_face(shot.smile), 0))
    pixel = frame.pixel / size
    ball = inside(np.maximum(upper - v, v - lower), 1.5 * pixel) * (arch > 0)
    shade = np.minimum(light, 1.1) * (0.93 - 0.25 * bump((v - upper) / 0.35) - 0.15 * u * u)
    paint(head, ball, shade[:, None] * np.array([0.92, 0.9, 0.88], np.float32)[:, None, None])
    _paint_iris(head, frame, who, shot, u, v, ball)
    _paint_lids(head, who, lids, arch, v - upper, v - lower)


def _paint_lids(
    head: Layer, who: Identities, lids: Field, arch: Field, below_upper: Field, below_lower: Field
) -> None:
    """Lashes, the lower lid's rim and the fold over the upper lid."""
    makeup = per_face(who.makeup)
    lash = bump(np.square((below_upper + 0.04) / (0.16 + 0.1 * makeup))) * (arch > -0.2)
    paint(head, (0.75 + 0.2 * makeup) * lash, 0.07 + 0.1 * per_layer(who.skin))
    rim = 0.35 * bump(np.square(below_lower / 0.13)) * (arch > 0)
    paint(head, rim, per_layer(who.skin) * 0.4)
    above = 0.3 * np.sqrt(np.maximum(arch + 0.25, 0)) * (1 - 0.35 * lids) + 0.02
    fold = bump(np.square((below_upper + above) / 0.15)) * (arch > -0.25)
    paint(head, (0.3 + 0.25 * lids) * fold, per_layer(who.skin) * 0.35)


def _paint_iris(
    head: Layer, frame: Frame, who: Identities, shot: Shots, u: Field, v: Field, ball: Field
) -> None:
    du = u - frame.side * per_face(shot.gaze[:, 0])
    dv = v + 0.1 - per_face(shot.gaze[:, 1])
    radius = np.sqrt(du * du + dv * dv)
    softness = 1.4 * frame.pixel / per_face(who.eye_size)
    ring = 1.15 - 0.7 * np.clip((radius - 0.25) * 4, 0, 1)
    paint(head, inside(radius - 0.42, softness) * ball, per_layer(who.iris) * ring[:, None])
    paint(head, inside(radius - 0.19, softness) * ball, 0.03)
    lamp = 0.15 * np.sign(per_face(shot.light[:, 0]))
    glint = blob(du * frame.side - lamp, dv + 0.16, 0.24, 0.24)
    paint(head, np.minimum(1.4 * glint, 0.95) * ball, 1.0)
