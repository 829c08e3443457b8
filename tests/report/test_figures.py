"""What the figures compute before they draw."""

import base64
from xml.etree import ElementTree

import numpy as np
import pytest

from agegen import metrics
from agegen.report.classifier import learning_curves, right_and_wrong
from agegen.report.parts import style, wording


def scores(n: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(2)
    p = rng.uniform(size=n)
    return (rng.uniform(size=n) < p).astype(int), p


def test_roc_curve_has_the_area_of_the_metric() -> None:
    from matplotlib.figure import Figure

    y, p = scores(300)
    p = p.round(1)  # with ties
    figure = Figure()
    right_and_wrong.draw_roc(figure, y, p)
    curve = next(li for li in figure.axes[0].lines if li.get_label() == "classifier")
    assert np.trapezoid(curve.get_ydata(), curve.get_xdata()) == pytest.approx(
        float(metrics.roc_auc(y, p))
    )


@pytest.mark.parametrize("steps", [1, 99, 100, 101, 12_345])
def test_loss_curve_has_every_step_in_at_most_100_points(steps: int) -> None:
    from matplotlib.figure import Figure

    columns = {"step": np.arange(1, steps + 1), "loss": np.ones(steps)}
    figure = Figure()
    learning_curves.draw_loss(figure, columns, per_epoch=10, per_step=64, best=steps)
    x = figure.axes[0].lines[0].get_xdata()
    assert len(x) == -(-steps // learning_curves.block_length(steps)) <= 100
    assert x[0] >= 1
    assert x[-1] <= steps


def test_a_figure_is_an_svg_the_same_again_and_leaves_the_settings_alone() -> None:
    import matplotlib

    def draw(figure) -> None:
        figure.subplots().plot([0, 1])

    before = dict(matplotlib.rcParams)
    uri = style.as_svg(draw, "test split, n = 2")
    assert uri == style.as_svg(draw, "test split, n = 2")
    kind, _, data = uri.partition(",")
    assert kind == "data:image/svg+xml;base64"
    assert ElementTree.fromstring(base64.b64decode(data)).tag.endswith("svg")
    assert dict(matplotlib.rcParams) == before


def test_interval_in_brackets_or_nothing() -> None:
    assert wording.span(0.1, 0.25, 100, 1) == "[10.0,\N{NO-BREAK SPACE}25.0]"
    assert wording.span(None, None, 1, 1) == wording.span(None, 1.0, 1, 1) == ""
    assert style.error_bar(0.5, 0.25, 1.0) == (0.25, 0.5)
    assert style.error_bar(0.5, None, None) == (0.0, 0.0)


def test_the_remainder_of_a_share_swaps_its_bounds() -> None:
    share = {"value": 0.75, "low": 0.5, "high": 1.0}
    assert wording.remainder(share) == {"value": 0.25, "low": 0.0, "high": 0.5}
    undefined = dict.fromkeys(share)
    assert wording.remainder(undefined) == undefined
