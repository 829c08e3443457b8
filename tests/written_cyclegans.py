"""Run folders of a CycleGAN, written without training one."""

import json
from pathlib import Path

import numpy as np
from PIL import Image

from agegen.cyclegan.config import CycleGANConfig
from agegen.run.configs import to_plain
from agegen.run.files import write_json

SIZE, GAP, ROWS = 32, 2, 4
STEPS, BATCH, LOOK_EVERY = 40, 4, 10  # steps
SOURCE, BACK, SAME = 100, 103, 101  # grey levels of the sheets' faces


def write_cyclegan_run(
    root: Path,
    judge: bool = False,
    alarms: bool = False,
    looks: bool = True,
    best: int = 0,
    **settings: object,
) -> Path:
    """40 steps of 4 pairs, half of the training, with a look every 40 pairs.

    Args:
        root: the run becomes its folder "run".
        judge: write a classifier's figures.
        alarms: let collapse and inversion be found.
        looks: write looks and their sheets.
        best: pairs at the look that the judge chose; 0 for none.
        settings: of the training.
    """
    run = root / "run"
    config = CycleGANConfig(
        Path("faces"), run, size=SIZE, batch_size=BATCH, constant_pairs=160, decay_pairs=160,
        watch_every=BATCH * LOOK_EVERY, judge=Path("runs/judge") if judge else None, **settings,
    )  # fmt: skip
    counts = {name: {"young": 60, "old": 30} for name in ("train", "test")}
    data = {"checksum": "0", "size": 36, "counts": counts | {"val": {"young": 80, "old": 6}}}
    write_json(run / "config.json", {"config": to_plain(config), "data": data})
    environment = {"agegen": "0", "processor": "AVX2", "gpus": [], "processes": 2}
    write_json(run / "environment.json", environment | {"precision": "float32"})
    records = [make_step(number, config) for number in range(1, STEPS + 1)]
    for step in range(LOOK_EVERY, STEPS + 1, LOOK_EVERY) if looks else ():
        records += make_look(step, judge, alarms)
        save_sheet(run / "watch" / f"pairs_{step * BATCH:09d}.png", step)
    records += [{"kind": "checkpoint", "step": step, "seconds": 2.5} for step in (0, STEPS)]
    (run / "metrics.jsonl").write_text("".join(json.dumps(r) + "\n" for r in records))
    if best:
        write_json(run / "best.json", {"score": 0.25, "step": best // BATCH, "pairs": best})
    return run


def make_step(step: int, config: CycleGANConfig) -> dict:
    """Losses that fall as 1/step, the identity in the steps that are due."""
    due = (step - 1) % config.identity_every == 0
    record = {"kind": "step", "step": step, "pairs": step * BATCH, "learning_rate": 2e-4}
    record |= {"generator_total": 20 / step, "discriminator_total": 1.0}
    for number, name in enumerate(("old", "young"), 1):
        record |= {
            f"generator_gan_{name}": 0.5 * number,
            f"generator_cycle_{name}": number / step,
            f"generator_identity_{name}": due * number * 0.3,
            f"discriminator_{name}": 0.2 + 0.01 * step * number,
            f"discriminator_accuracy_{name}": 0.9 - 0.1 * number,
        }
    return record | {"pairs_per_second": 2.0}


def make_look(step: int, judge: bool, alarms: bool) -> list[dict]:
    """A look's figures, and its alarms."""
    place = {"step": step, "pairs": step * BATCH}
    record = {"kind": "watch", **place, "seconds": 5.0}
    for name in ("old", "young"):
        record |= {
            f"diversity_{name}": 0.4 if alarms and name == "old" else 0.9,
            f"luminance_correlation_{name}": 0.8, f"checkerboard_{name}": 1.1,
            f"change_{name}": 0.2, f"copies_{name}": 0.0,
        }  # fmt: skip
        if judge:
            record |= {f"judge_share_{name}": step / 100, f"judge_flips_{name}": step / 200}
            record |= {f"judge_verified_{name}": 1 - step / 400}
    found = [("diversity", "old", 0.4, 0.5, "collapse: <alike>. Remedy: wait")]
    if step == 2 * LOOK_EVERY:
        found.append(("discriminator_accuracy", "both", 0.99, 0.98, "too good. Remedy: wait"))
    names = ("name", "direction", "value", "limit", "message")
    return [record, *({"kind": "alarm", **place, **dict(zip(names, a, strict=True))}
                      for a in found if alarms)]  # fmt: skip


def save_sheet(path: Path, step: int) -> None:
    """Grey faces: source, made `step` lighter, back, identity; the second direction 50 lighter."""
    levels = np.array([SOURCE, SOURCE + step, BACK, SAME, *(50 + n for n in (SOURCE, SOURCE - step,
                       BACK, SAME))])  # fmt: skip
    pitch = SIZE + GAP
    sheet = np.full((ROWS * pitch, 8 * pitch, 3), 255, dtype=np.uint8)
    for row in range(ROWS):
        for column, level in enumerate(levels):
            y, x = row * pitch, column * pitch
            sheet[y : y + SIZE, x : x + SIZE] = level
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(sheet).save(path)
