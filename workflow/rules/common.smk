"""Reads and validates configuration and tables, and constrains the wildcards. Computes nothing."""

import os
import sys
from pathlib import Path

ROOT = Path(workflow.basedir).resolve()
sys.path.insert(0, str(ROOT / "src"))
os.environ["PYTHONPATH"] = os.pathsep.join(
    filter(None, [str(ROOT / "src"), os.environ.get("PYTHONPATH")])
)
# One process a core: Snakemake runs jobs side by side, so no library starts threads of its own.
for library in ("OMP", "OPENBLAS", "MKL", "NUMBA"):
    os.environ[f"{library}_NUM_THREADS"] = "1"

from jointreg import config as settings
from jointreg.pipeline import required_files
from jointreg.config.examples import load_examples
from jointreg.config.methods import FROM_FILES, crop_of, load_methods, network_of, prediction_paths
from jointreg.config.methods import require_bodies
from jointreg.config.sequences import frames_of, load_sequences
from jointreg.evaluation.network_words import CROPS, protocol_words
from jointreg.provenance import file_digest
from jointreg.pipeline.source_digest import source_digest

CONFIG = settings.load(config, files=[str(name) for name in workflow.configfiles])
RUN = CONFIG.run
SEQUENCES = load_sequences(CONFIG.sequences)
USED = {CONFIG.initial, *CONFIG.methods}
METHODS = load_methods(CONFIG.methods_table, required=USED)
require_bodies(METHODS, CONFIG.initial)
NETWORKS = {name: net for name in sorted(USED) if (net := network_of(METHODS[name].kind))}
required_files.require(CONFIG, SEQUENCES, METHODS)


wildcard_constraints:
    subject="|".join(sorted({sequence.subject for sequence in SEQUENCES})),
    action="|".join(sorted({sequence.action for sequence in SEQUENCES})),
    method="|".join(sorted(USED)),
    variant="|".join(sorted(CONFIG.variants)),
    crop="|".join(sorted(CROPS)),


def one_of(names):
    """Constraint on a wildcard: one of these names, of which there may be none."""
    return "|".join(sorted(names)) or "(?!)"


def sequences(pattern, split=None, subject=None, **wildcards):
    """`pattern` filled with subject and action of every matching row of the sequence table.

    Other wildcards of the pattern, a method or a variant, are given by name.
    """
    return [
        str(pattern).format_map({"subject": row.subject, "action": row.action} | wildcards)
        for row in SEQUENCES
        if split in (None, row.split) and subject in (None, row.subject)
    ]


def sequence(wildcards):
    """The row of the sequence table for one job, as plain values."""
    (row,) = [
        row for row in SEQUENCES if (row.subject, row.action) == (wildcards.subject, wildcards.action)
    ]
    return {key: list(v) if isinstance(v, tuple) else v for key, v in sorted(vars(row).items())}


def block(stage, variant=None):
    """Settings of one stage as a plain dict: what `params` can compare between runs."""
    if stage == "optimize" and variant is not None:
        return settings.optimize_settings(CONFIG, variant).model_dump(mode="json")
    return getattr(CONFIG, stage).model_dump(mode="json")


def code(script):
    """Digest of workflow/scripts/<script>.py and all it reaches in the package."""
    return source_digest(ROOT / "workflow" / "scripts" / f"{script}.py")


# Frames of a recording whose end the sequence table leaves open, at the data set's own rate: the mean of
# Human3.6M is 2,513, and what is asked for holds for more than twice as many.
LONGEST = CONFIG.synthesize.frames if CONFIG.synthesize.enabled else 6500


def frames(wildcards):
    """Frames that a job reads at most: of its subject, of its action, or of all training sequences."""
    subject, action = wildcards.get("subject"), wildcards.get("action")
    return sum(
        frames_of(row, LONGEST, CONFIG.prepare.frame_step)
        for row in SEQUENCES
        if (row.split == "train" if subject is None else row.subject == subject)
        and action in (None, row.action)
    )


def minutes(frames_per_second):
    """Wall time of a job at a speed that no machine should miss (a fifth of one core's, docs/scale.md).

    With every attempt more, so that a job that was ended for its time is given it.
    """
    return lambda wildcards, attempt: attempt * (10 + round(frames(wildcards) / frames_per_second / 60))


def megabytes(base, kilobytes_per_frame=0):
    """Memory of a job: what it takes without frames, and for each frame that it holds; more with attempts."""
    return lambda wildcards, attempt: attempt * round(
        base + frames(wildcards) * kilobytes_per_frame / 1e3
    )


# Methods with bodies: what reads bodies leaves out those that deliver joints.
BODY_METHODS = [method for method in CONFIG.methods if METHODS[method].kind != "joints"]
# GPUs of a job that refines bodies or runs a network.
GPU = 1 if CONFIG.device == "cuda" else 0
# Bodies and raw data are inputs where they are a user's files, and parameters where they are ours.
# A user's body is converted once (rule convert_body); all others read the clean file.
BODY = "open" if CONFIG.body == "open" else f"results/{RUN}/convert_body/body.npz"
BODY_FILE = [] if CONFIG.body == "open" else BODY
BODY_DIGEST = file_digest(ROOT / "src/jointreg/assets/open_body.npz") if CONFIG.body == "open" else ""
