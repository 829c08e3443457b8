"""What each hyperparameter does: one factor at a time around a base config, with seeds.

The base is a run's config with a short schedule and a narrower network, so that many trials fit
into minutes. A trial differs from it in one setting and has the same seeds: the same order and
views of the faces, and where the network is the same, the same initial weights. Differences are
therefore taken pair by pair.

Trials are judged by the averaged weights of their last epoch on the *validation* faces, which had
no part in them: nothing is selected on these faces, and the test faces stay unseen, so that a
setting may be chosen by this study without spoiling the figures of the final evaluation.
"""

from collections.abc import Sequence

import numpy as np

from agegen.analysis.analysis import Analysis
from agegen.analysis.study.base import Study, open_study
from agegen.analysis.study.factors import FACTORS, settings_of
from agegen.analysis.study.results import TRIAL_COLUMNS, summarise
from agegen.analysis.study.trials import Trial, estimate_seconds, make_trial, run_trials
from agegen.run.errors import UserError
from agegen.run.files import write_json, write_rows

PAGE_FACTORS, PAGE_SEEDS = ("training_faces", "augmentation"), 2


def plan(study: Study, factors: Sequence[str], seeds: Sequence[int]) -> list[Trial]:
    """List the trials seed by seed; what several factors share (the base) is there once.

    A factor that is none, or has no effect on this network, raises UserError.
    """
    trials = {}
    for seed in seeds:
        for factor in factors:
            settings = settings_of(factor, study.base, study.store.size)
            if not settings:
                raise UserError(f"the factor {factor} has no effect on this training: leave it out")
            for setting in settings:
                trial = make_trial(study.folder, study.base, factor, setting, seed)
                trials[trial.name] = trial
    return list(trials.values())


def all_factors(study: Study) -> list[str]:
    """Return the names of the factors that have an effect on this training."""
    return [name for name in FACTORS if settings_of(name, study.base, study.store.size)]


def describe_plan(study: Study, trials: list[Trial], workers: int) -> str:
    """Say which trials there are and about how long those take that are not done."""
    todo = [trial for trial in trials if not trial.result.exists()]
    seconds = sum(estimate_seconds(todo, study.store)) / workers
    names = "\n".join(f"  {t.name}{'' if t in todo else ' (done)'}" for t in trials)
    return (
        f"{names}\n{len(trials)} trials, {len(trials) - len(todo)} of them done; the others take "
        f"about {seconds / 60:.0f} minutes, {workers} at a time"
    )


def run_study(
    study: Study, factors: Sequence[str], seeds: Sequence[int], workers: int | None = None
) -> dict:
    """Run the trials of some factors, one seed after the other; return the whole study's figures.

    They are saved after each seed, as study.json and trials.csv. Finished trials are not repeated,
    killed ones go on.

    Args:
        study: of `open_study`.
        factors: names out of `FACTORS`.
        seeds: of the trials.
        workers: trainings at a time; None takes one a core, or two a GPU.
    """
    trials = plan(study, factors, seeds)
    for number, seed in enumerate(seeds, 1):
        todo = [t for t in trials if t.config.seed == seed and not t.result.exists()]
        print(f"seed {number} of {len(seeds)}: {len(todo)} trials to do", flush=True)
        if todo:
            seconds = estimate_seconds(todo, study.store)
            longest_first = np.argsort(seconds)[::-1]  # so that no worker is idle for long
            run_trials([todo[i] for i in longest_first], study.store, study.views, workers)
        figures = save_figures(study)
    return figures


def analyze(analysis: Analysis) -> dict:
    """Measure what more faces and augmentation bring to a run, in RUN/study; about 6 minutes.

    The figures are of all factors that were ever studied in that folder.
    """
    study = open_study(analysis.run / "study", analysis.classifier.config, analysis.store.folder)
    return run_study(study, PAGE_FACTORS, range(analysis.seed, analysis.seed + PAGE_SEEDS))


def save_figures(study: Study) -> dict:
    """Write study.json and trials.csv from what there is; return the former."""
    figures = summarise(study)
    rows = [tuple(row.get(name, "") for name in TRIAL_COLUMNS) for row in figures["trials"]]
    write_rows(study.folder / "trials.csv", TRIAL_COLUMNS, rows)
    write_json(study.folder / "study.json", figures)
    return figures
