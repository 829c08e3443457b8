"""The figures of a study, from the results of its trials: seeds and faces enter the intervals."""

from typing import NamedTuple

import numpy as np
import scipy.stats

from agegen import metrics
from agegen.analysis.study.base import Study
from agegen.analysis.study.factors import FACTORS, settings_of
from agegen.analysis.study.settings import Setting
from agegen.analysis.study.trials import SCORES, make_trial
from agegen.classifier.training_faces import count_faces
from agegen.faces.store import clusters
from agegen.run.configs import to_plain
from agegen.run.files import explained_damage, read_json

RESAMPLES = 500
TRIAL_COLUMNS = (
    "factor", "setting", "seed", "n_train", "steps", *SCORES, "seconds", "diverged",
)  # fmt: skip

Resampled = dict[str, np.ndarray]
"""Score → float64 (1 + resamples,): its value on the faces, then on every bootstrap resample."""


class Judged(NamedTuple):
    """A trial that has a result; `scores` is None if its loss diverged."""

    result: dict
    scores: Resampled | None


Trials = dict[int, Judged]
"""The trials of one setting, by seed."""


def summarise(study: Study) -> dict:
    """Collect the figures of all trials that have a result, whatever started them.

    "missing" are factors without a result; "trials" has one row of `TRIAL_COLUMNS` for every trial
    of every factor: the base's rows return in each.
    """
    judged = read_judged(study)
    found = {
        name: pair_up(study, name, judged)
        for name in FACTORS
        if settings_of(name, study.base, study.store.size)
    }
    done = {name: pairs for name, pairs in found.items() if has_effect(pairs)}
    return {
        "split": "val",
        "n": len(study.store.indices("val")),
        "n_by_class": count_faces(study.store)["val"],
        "views": study.views,
        "resamples": RESAMPLES,
        "base": to_plain(study.base),
        "factors": [describe_factor(name, pairs) for name, pairs in done.items()],
        "missing": [name for name in found if name not in done],
        "trials": [
            {"factor": name, "setting": setting.label, **trial.result}
            for name, pairs in done.items()
            for setting, trials in pairs
            for trial in trials.values()
        ],
    }


def read_judged(study: Study) -> dict[str, Judged]:
    """Read all results and resample their faces, by the name of the trial."""
    faces = study.store.indices("val")
    y = study.store.labels[faces]
    weights = metrics.bootstrap_weights(len(y), clusters(study.store, faces), RESAMPLES)
    judged = {}
    for path in sorted((study.folder / "trials").glob("*/result.json")):
        with explained_damage(path):
            result = read_json(path)
            logit = None if result["diverged"] else np.array(result.pop("logit"))
            scores = None if logit is None else resample(y, logit, weights)
        judged[path.parent.name] = Judged(result, scores)
    return judged


def pair_up(study: Study, factor: str, judged: dict[str, Judged]) -> list[tuple[Setting, Trials]]:
    """Find the trials of each setting of a factor."""
    seeds = sorted({trial.result["seed"] for trial in judged.values()})
    pairs = []
    for setting in settings_of(factor, study.base, study.store.size):
        names = {s: make_trial(study.folder, study.base, factor, setting, s).name for s in seeds}
        pairs.append((setting, {s: judged[n] for s, n in names.items() if n in judged}))
    return pairs


def has_effect(pairs: list[tuple[Setting, Trials]]) -> bool:
    """True if a setting other than the base, and the base, have trials with the same seed."""
    base = base_trials(pairs)
    return any(setting.changes and trials.keys() & base.keys() for setting, trials in pairs)


def base_trials(pairs: list[tuple[Setting, Trials]]) -> Trials:
    """Return the base's trials."""
    return next((trials for setting, trials in pairs if not setting.changes), {})


def describe_factor(name: str, pairs: list[tuple[Setting, Trials]]) -> dict:
    """Describe a factor: its texts, and each setting's scores and differences from the base.

    These are {"value", "low", "high"}, or null where a trial diverged; a setting without "changes"
    is the base, one without "x" no number; "n_train", "steps" and "seconds" are means.
    """
    factor, base = FACTORS[name], base_trials(pairs)
    paired = [(s, {k: t for k, t in ts.items() if k in base}) for s, ts in pairs]
    paired = [(setting, trials) for setting, trials in paired if trials]
    settings = [describe_setting(setting, trials) for setting, trials in paired]
    for score in SCORES:
        own = [values(trials, score) for _, trials in paired]
        versus = [
            None if rows is None or not setting.changes else difference(trials, base, score)
            for rows, (setting, trials) in zip(own, paired, strict=True)
        ]
        for key, groups in (("scores", own), ("differences", versus)):
            for setting, estimate in zip(settings, estimates_of(groups), strict=True):
                setting.setdefault(key, {})[score] = estimate
    texts = {"title": factor.title, "axis": factor.axis, "does": factor.does}
    return {"name": name, **texts, "settings": settings}


def describe_setting(setting: Setting, trials: Trials) -> dict:
    """All of a setting but its scores."""
    results = [trial.result for trial in trials.values()]
    means = ("n_train", "steps", "seconds")
    return {
        **setting._asdict(),
        "seeds": sorted(trials),
        "diverged": sum(result["diverged"] for result in results),
        **{name: float(np.mean([result[name] for result in results])) for name in means},
    }


def values(trials: Trials, score: str) -> np.ndarray | None:
    """A score by seed and resample, (k, 1 + resamples); None where a trial diverged."""
    scores = [trial.scores[score] for trial in trials.values() if trial.scores is not None]
    return np.stack(scores) if len(scores) == len(trials) else None


def difference(trials: Trials, base: Trials, score: str) -> np.ndarray | None:
    """A score's difference from the base's at the same seed, on the same faces."""
    own, other = values(trials, score), values({seed: base[seed] for seed in trials}, score)
    return None if own is None or other is None else own - other


def estimates_of(groups: list[np.ndarray | None]) -> list[dict | None]:
    """`estimates` of the groups that are there."""
    found = iter(estimates([group for group in groups if group is not None]))
    return [None if group is None else next(found) for group in groups]


def resample(y: np.ndarray, logit: np.ndarray, weights: np.ndarray) -> Resampled:
    """Compute every score on the faces and on all bootstrap resamples of them."""
    p = metrics.sigmoid(logit)
    blocks = np.array_split(weights, -(-len(weights) // 100))  # bounds the memory
    return {
        name: np.r_[score(y, p), np.concatenate([score(y, p, w) for w in blocks])]
        for name, score in SCORES.items()
    }


def estimates(groups: list[np.ndarray]) -> list[dict]:
    """Mean over seeds of a figure in several groups, each with a 95 % interval.

    The squared standard error of a mean is s² / k + f²: s² is the variance between the k seeds,
    pooled over the groups, since two or three seeds alone say little of it; f² is the variance of
    the mean over bootstrap resamples of the faces (the same resamples for all). The interval is
    Student's t with the pooled degrees of freedom, which is on the safe side for f². With one seed
    everywhere, s² is unknown, and the interval holds the faces' share alone.

    Args:
        groups: one array (k, 1 + resamples) each: the rows are seeds, the first column is the
            figure itself. k may differ.

    Returns:
        {"value", "low", "high"} of each group; null where undefined (a class is absent).
    """
    freedom = sum(len(group) - 1 for group in groups)
    seeds = sum(((g[:, 0] - g[:, 0].mean()) ** 2).sum() for g in groups) / max(freedom, 1)
    quantile = float(scipy.stats.t.ppf(0.975, freedom)) if freedom else 1.96
    found = []
    for group in groups:
        means = group.mean(axis=0)
        half = quantile * np.sqrt(seeds / len(group) + np.nanvar(means[1:]))
        limits = metrics.Estimate(*map(float, (means[0], means[0] - half, means[0] + half)))
        found.append(metrics.as_json(limits))
    return found
