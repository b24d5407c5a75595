"""A small report made from planted numbers and the open body, for the tests in a browser."""

import json

import numpy as np
import pandas as pd

from jointreg.exchange.regressor_files import export
from jointreg.regressor import Regressor
from jointreg.report import body_viewer, page
from jointreg.skeleton import H36M_17
from jointreg.tables import grids
from jointreg.tables.render import write_forms

FRAMES = 4
MPJPE = {"std": 64.0, "spin": 58.5, "opt": 58.9}
PROTOCOL = "Protocol: 17 joints; mean over frames. Planted numbers, made for a test."
CAPTION = "What the picture shows, with ``names`` and a number: 12.5 mm.\n\n" + PROTOCOL
# The order of the file is no order of any column; the empty cell stands in the middle.
NUMBERS = [("b", "9.5"), ("a", "-3"), ("d", ""), ("c", "120.25"), ("e", "10")]

PICTURE = (
    '<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" width="150pt" height="75pt" '
    'viewBox="0 0 150 75"><circle cx="40" cy="40" r="20"/></svg>'
)


def plant_regressors(body, generator):
    """std, spin and opt_full that read a few vertices a joint, each a different number of them."""
    found = {}
    for name, count in (("std", 3), ("spin", 5), ("opt_full", 8)):
        weights = np.zeros((17, body.n_vertices))
        for row in weights:
            used = generator.choice(body.n_vertices, count, replace=False)
            row[used] = generator.dirichlet(np.ones(count))
        found[name] = Regressor(weights, about={"topology_hash": body.topology_hash})
    return found


def plant_clip(body, make_bodies, generator):
    """Bodies in other poses than the labels say, so that every distance is known and large."""
    sets = {}
    for kind in ("initial", "refined", "true"):
        rotations, betas, translation = make_bodies(generator, FRAMES)
        sets[kind] = body.vertices(rotations, betas, translation)
    labels = sets["true"][:, generator.choice(body.n_vertices, 17)].astype(np.float32)
    names = tuple(f"frame {10 * n}" for n in range(FRAMES))
    return body_viewer.Clip("S1 Walking, camera 1", names, labels, sets)


def write_files(folder):
    """Table I, a table against the truth, one to sort, a picture, logs with and without benchmark."""
    rows = [
        {"method": "sim_spin", "regressor": regressor, "metric": metric, "value_mm": factor * value}
        for metric, factor in (("mpjpe", 1.0), ("pa_mpjpe", 0.6))
        for regressor, value in MPJPE.items()
    ]
    table = pd.DataFrame(rows)
    table.to_csv(folder / "table_1.csv", index=False)
    write_forms(folder / "table_1", grids.table_1(table))
    truth = [
        ("truth", "full" if regressor == "opt" else "-", regressor, "joint_error_true_joints", value)
        for regressor, value in {"std": 21.0, "spin": 25.0, "opt": 15.5}.items()
    ]
    columns = ["method", "variant", "regressor", "metric", "value"]
    pd.DataFrame(truth, columns=columns).assign(unit="mm").to_csv(
        folder / "diagnostics.csv", index=False
    )
    pd.DataFrame(NUMBERS, columns=["name", "value_mm"]).to_csv(folder / "sorted.csv", index=False)
    (folder / "sorted.html").write_text("<table><tr><td><strong>printed form</strong></td></tr></table>")
    (folder / "errors.svg").write_text(PICTURE)
    (folder / "bodies.svg").write_text(PICTURE.replace("150", "900"))
    log = "commit 1a2b3c4, {}\ncpu 0.50 s start-up, {} s in all\n"
    (folder / "logs/optimize/full").mkdir(parents=True)
    (folder / "logs/optimize/full/S1.log").write_text(log.format("{}", "12.00"))
    (folder / "logs/optimize/full/S1.benchmark.tsv").write_text("s\tmax_rss\n20.5\t512.25\n")


def make_report(folder, body, regressors, clip, config):
    """Write report.html and give back its path."""
    write_files(folder)
    export(regressors["opt_full"], folder / "export/J_opt_full")
    shown = [
        ("table_1.csv", "table_1", "Tables"),
        ("errors.svg", "joint_errors", "Figures"),
        ("bodies.svg", "overlay", "Figures"),
        ("sorted.csv", "planted", "Tables"),
        ("diagnostics.csv", "diagnostics", "Tables"),
    ]
    contents = page.Contents(
        run="planted",
        exhibits=[
            {
                "path": str(folder / path),
                "kind": kind,
                "category": where,
                "title": kind,
                "caption": CAPTION,
            }
            for path, kind, where in shown
        ],
        table_1=str(folder / "table_1.csv"),
        diagnosis=str(folder / "diagnostics.csv"),
        fitted=False,
        body=json.loads(json.dumps(body_viewer.pack(body, regressors, [clip]))),
        protocol=PROTOCOL,
        sequences=[{"subject": "S1", "action": "Walking", "split": "train"}],
        config=config,
        logs=str(folder / "logs"),
        files=[str(path) for path in sorted((folder / "export/J_opt_full").iterdir())],
    )
    path = folder / "report.html"
    path.write_text(page.page(contents))
    return path


def distances_mm(regressor, clip, kind, frame, *, align=False):
    """Distance of every joint read off a body from its label, mm, (17,)."""
    joints = regressor.apply(clip.vertices[kind][frame].astype(np.float64))
    labels = clip.labels[frame].astype(np.float64)
    if align:
        pelvis = H36M_17.index("pelvis")
        joints = joints - joints[pelvis] + labels[pelvis]
    return 1000 * np.linalg.norm(joints - labels, axis=1)
