"""Tidy rows and error stores of planted numbers, shared by the tests of tables, LaTeX and figures."""

from functools import cache
from itertools import product
from types import SimpleNamespace

import numpy as np
import pandas as pd

from jointreg.config import Evaluate
from jointreg.config.methods import Method
from jointreg.diagnosis.diagnose import COLUMNS as DIAGNOSIS
from jointreg.diagnosis.variants import variant_rows
from jointreg.evaluation.evaluate import METRICS, tidy_rows
from jointreg.evaluation.protocol import protocol_sentence
from jointreg.skeleton import H36M_14, H36M_17
from jointreg.tables import against_truth, grids, names, numbers
from jointreg.tables.render import caption_of

REGRESSORS = ("std", "spin", "opt_full", "opt_no_silhouette")
PROTOCOL = Evaluate(joints=14, root="pelvis", average="actions")
PAPER = pd.DataFrame(
    [("SPIN", r, m, v, None) for r, m, v in zip(
        ("std", "std", "spin", "spin", "opt", "opt"), ("mpjpe", "pa_mpjpe") * 3,
        (60.4, 41.3, 57.0, 39.6, 56.9, 39.7), strict=True)]
    + [("MEVA", "opt", "pa_mpjpe", 61.9, "A doubtful number: 61.9.")],
    columns=["method", "regressor", "metric", "value_mm", "remark"],
)  # fmt: skip


def planted_errors(methods, actions=tuple(names.ACTIONS), subjects=("S9", "S11"), takes=2, seed=0):
    """method -> its stores ERRORS, one a subject, and the tidy rows that `evaluate` makes of them."""
    draw = np.random.default_rng(seed)
    stores, rows = {}, []
    for method in methods:
        stores[method] = []
        for subject in subjects:
            cells = list(product(range(len(actions)), range(takes)))
            counts = draw.integers(4, 16, len(cells))
            action, take = np.repeat(np.array(cells), counts, axis=0).T
            level = np.repeat(draw.normal(0, 0.008, len(cells)), counts)[:, None]
            base = np.abs(draw.normal(0.06, 0.01, (len(action), 17)) + level)
            pulls = np.array([0.004, 0.001, 0.0, 0.0005])[:, None, None]
            noise = np.repeat(draw.normal(0, 0.0008, (4, len(cells))), counts, axis=1)[:, :, None]
            mpjpe = np.abs(base + pulls + noise).astype(np.float32)
            arrays = {"mpjpe": mpjpe, "pa_mpjpe": 0.66 * mpjpe, "action": action, "take": take}
            facts = {
                "regressors": list(REGRESSORS),
                "actions": list(actions),
                "take_names": {name: [str(k + 1) for k in range(takes)] for name in actions},
                "joint_names": list(H36M_17),
                "protocol": PROTOCOL.model_dump(mode="json"),
            }
            rows += tidy_rows(arrays, facts, method=method, subject=subject)
            stores[method].append(Errors(arrays, facts))
    frame = pd.DataFrame(rows).astype({"value_mm": float, "value_percent": float})
    assert set(frame["metric"]) == set(METRICS)
    return stores, frame


class Errors(SimpleNamespace):
    """An ERRORS store in memory: arrays by name or attribute, facts as `attrs`."""

    def __init__(self, arrays, facts):
        super().__init__(attrs=facts, **arrays)

    def __getitem__(self, name):
        return getattr(self, name)


def methods_table(real):
    """Real networks beside the paper's rows, or simulated estimators."""
    if real:
        names = (("spin", "SPIN", "SPIN"), ("vibe", "VIBE", "VIBE"), ("meva", "MEVA", "MEVA"))
    else:
        names = tuple((f"sim_{n}", f"sim_{n}", "") for n in ("spin", "vibe", "meva", "other"))
    return {
        name: Method(name, "predictions", label, paper, "", "", "", "") for name, label, paper in names
    }


def planted_tables(*, real, actions=tuple(names.ACTIONS)):
    """Every table by name, and the table of methods."""
    methods = methods_table(real)
    stores, rows = planted_errors(methods, actions)
    return numbers.all_tables(
        rows, stores, PROTOCOL.average, H36M_14, paper_values=PAPER, methods=methods
    ), methods


def planted_diagnosis():
    """diagnostics.csv and variants.csv of planted numbers: nothing twice, so that a mix-up shows."""
    metrics = [metric for pair in against_truth.TRUTH_COLUMNS.values() for metric in pair]
    names = (("-", "spin"), ("-", "std"), ("-", "true"), ("full", "opt"), ("no_silhouette", "opt"))
    rows = [
        ("truth", variant, regressor, metric, 10.0 * k + m + 0.5, "mm")
        for k, (variant, regressor) in enumerate(names)
        for m, metric in enumerate(metrics)
        if not (regressor == "true" and "true_joints" in metric)
    ]
    rows.append(("truth", "full", "opt", f"{metrics[0]}_gain_over_spin", 99.0, "mm"))
    diagnostics = pd.DataFrame(rows, columns=DIAGNOSIS)
    draw, clusters = np.random.default_rng(6), np.repeat(np.arange(9), 4)
    values = {
        (bodies, metric): draw.normal(size, 0.1 * size, len(clusters))
        for bodies, size in (("full", 1.0), ("no_silhouette", 3.0), ("initial", 9.0))
        for metric in ("vertex_error", "rendered_iou_with_true_mask")
    }
    units = {"vertex_error": "mm", "rendered_iou_with_true_mask": "1"}
    return diagnostics, pd.DataFrame(variant_rows(values, clusters, units))


@cache
def planted_grids(*, real):
    """Every table as cells, with captions as long as the workflow's, with all that LaTeX must escape."""
    found, methods = planted_tables(real=real)
    protocol = protocol_sentence(
        PROTOCOL,
        subjects=["S9", "S11"],
        cameras=["54138969", "55011271", "58860488", "60457274"],
        frame_step=5,
        skip_damaged=True,
        damaged="config/damaged/human36m.tsv",
        simulated=not real,
        labels="100 % of $x_1 & y^2 ~ {z} \\ #1",
    )
    caption = caption_of("Errors of ``every`` method, in *mm*.\n\nColumns.", protocol)
    captions = dict.fromkeys(found, caption)
    printed = grids.all_grids(found, captions=captions, paper_values=PAPER, methods=methods)
    diagnostics, variants = planted_diagnosis()
    printed["diagnostics"] = grids.captioned(against_truth.diagnostics(diagnostics), *caption)
    printed["variants"] = grids.captioned(against_truth.variants(variants), *caption)
    return printed
