"""Reads and validates configuration and tables, and constrains the wildcards. Computes nothing.

One name in five places: a rule, its script, its block of the configuration, its folder in
results/<run> and its folder in logs/<run>. Exceptions:

- A block that serves several rules has the name of one of them, or their common beginning: synthesize
  (synthesize_rig too), triangulate (landmarks too), run_network (features too), train_discriminator
  (energy_weights too), fit_regressor (fit_regressor_spin, fit_regressor_opt, fit_offsets), evaluate (every
  rule that needs the protocol), figures (every rule that draws).
- Rules that are one computation share a script: fit_regressor, draw_learning_curve.
- Tables and figures for readers are in results/<run>/tables and results/<run>/figures, made raw data in
  data/<run>.
- Rules are named by a verb, or by the one thing that they make: background, features, table_1.

Rule files share one namespace, so no name is bound in two of them (tests/workflow/test_rules.py).
"""

import functools
import sys
from collections import Counter

sys.path.insert(0, str(ROOT / "src"))
PATHS = filter(None, [str(ROOT / "src"), os.environ.get("PYTHONPATH")])
os.environ.update(PYTHONPATH=os.pathsep.join(PATHS))
# One process for each core: Snakemake runs jobs side by side, so no library starts threads of its own.
for library in ("OMP", "OPENBLAS", "MKL", "NUMBA"):
    os.environ[f"{library}_NUM_THREADS"] = "1"

from jointreg import config as settings
from jointreg.pipeline import plan, required_files, slurm
from jointreg.config.methods import FROM_FILES, WITHOUT_BODIES, crop_of, load_methods, network_of
from jointreg.config.methods import require_bodies
from jointreg.config.joint_sets import joint_set
from jointreg.config.sequences import find, load_sequences, require_splits
from jointreg.datasets.easymocap import other_file
from jointreg.evaluation.network_words import CROPS
from jointreg.provenance import file_digest
from jointreg.pipeline.digest_cache import cached_digest
from jointreg.pipeline.lengths import LONGEST_RECORDING, frames_of, recording_frames

with plan.stop_with_its_text():
    if workflow.is_main_process:
        plan.require_writable(".snakemake")  # also for a plan
    CONFIG = settings.load(config, files=[str(name) for name in workflow.configfiles], home=ROOT)
    SEQUENCES = load_sequences(CONFIG.sequences)
    require_splits(SEQUENCES, CONFIG.sequences)
    USED = {CONFIG.initial, *CONFIG.methods}
    METHODS = load_methods(*CONFIG.methods_tables, required=USED)
    require_bodies(METHODS, CONFIG.initial)
    required_files.require(CONFIG, SEQUENCES, METHODS)
    JOINT_SET = joint_set(CONFIG.dataset.joints)
RUN = CONFIG.run
REFERENCE = settings.REFERENCE
# The open data set: the workflow makes the data, and the truth is known.
IS_SYNTHETIC = CONFIG.dataset.source == "synthetic"
TRAINING = [row for row in SEQUENCES if row.split == "train"]
SUBJECTS = sorted({row.subject for row in SEQUENCES})
# In the order of tables: S9 before S11.
TEST_SUBJECTS = sorted(
    {row.subject for row in SEQUENCES if row.split == "test"}, key=lambda name: (len(name), name)
)
RECORDINGS = sorted({take for row in SEQUENCES for take in row.takes})
NETWORKS = {name: net for name in sorted(USED) if (net := network_of(METHODS[name].kind))}
# Rules that read bodies leave out the methods that deliver joints or meshes.
BODY_METHODS = [method for method in CONFIG.methods if METHODS[method].kind not in WITHOUT_BODIES]


wildcard_constraints:
    # Any names: `raw_data` says what the table has.
    subject=r"[\w-]+",
    action=r"[\w-]+",
    method="|".join(sorted(USED)),
    variant="|".join(sorted(CONFIG.variants)),
    crop="|".join(sorted(CROPS)),


def one_of(names):
    """Constraint on a wildcard: one of these names. Nothing matches if there are none."""
    return "|".join(sorted(names)) or "(?!)"


def sequences(pattern, split=None, subject=None, **wildcards):
    """`pattern` filled with subject and action of every matching row of the sequence table.

    Other wildcards of the pattern, a method or a variant, are passed by name.
    """
    return [
        str(pattern).format_map({"subject": row.subject, "action": row.action} | wildcards)
        for row in SEQUENCES
        if split in (None, row.split) and subject in (None, row.subject)
    ]


def sequence(wildcards):
    """The row of the sequence table for one job, as plain values."""
    with plan.stop_with_its_text():
        row = find(SEQUENCES, wildcards.subject, wildcards.action, CONFIG.sequences)
    return {key: list(v) if isinstance(v, tuple) else v for key, v in sorted(vars(row).items())}


@functools.cache
def block(stage, variant=None):
    """Settings of one stage as a plain dict, which Snakemake can compare between runs."""
    if stage == "optimize" and variant is not None:
        return settings.optimize_settings(CONFIG, variant).model_dump(mode="json")
    return getattr(CONFIG, stage).model_dump(mode="json")


def fit_block(regressor):
    """Settings of the fit of one regressor (spin, opt_<variant>) as a plain dict."""
    return settings.fit_settings(CONFIG, regressor).model_dump(mode="json")


def code(script):
    """Digest of workflow/scripts/<script>.py and of all code that it reaches in the package."""
    return cached_digest(ROOT / "workflow" / "scripts" / f"{script}.py")


@functools.cache
def known_frames():
    """Frames of the recordings whose end the sequence table leaves open, asked once."""
    return recording_frames(CONFIG, SEQUENCES)


def frames_read(wildcards):
    """Largest number of frames that a job reads: of its subject and action, or of all training sequences.

    The Slurm plugin (2.8.0) asks for every job of an array what it asks for the first one. So where arrays
    are submitted, every job asks for what the longest of its kind needs.
    """
    subject, action = wildcards.get("subject"), wildcards.get("action")
    if subject is not None and getattr(workflow.executor_settings, "array_jobs", None):
        return frames_of_longest(by_action=action is not None)
    return frames_of_all(subject, action)


@functools.cache
def frames_of_longest(by_action):
    """Largest number of frames of any sequence, or of any subject."""
    return max(frames_of_all(row.subject, row.action if by_action else None) for row in SEQUENCES)


@functools.cache
def frames_of_all(subject, action):
    """Largest number of frames of these sequences; of all training sequences where no subject is given."""
    return sum(
        frames_of(row, CONFIG.prepare.frame_step, known_frames(), LONGEST_RECORDING)
        for row in SEQUENCES
        if (row.split == "train" if subject is None else row.subject == subject)
        and action in (None, row.action)
    )


def minutes(frames_per_second):
    """Wall time of a job at a speed that no machine should miss (a fifth of one core's, docs/scale.md).

    Every attempt requests more, so that a job that ran out of time gets enough of it.
    """
    return lambda wildcards, attempt: attempt * (
        10 + round(frames_read(wildcards) / frames_per_second / 60)
    )


def megabytes(base, kilobytes_per_frame=0):
    """Memory of a job: a base, and a part for each frame in memory. Every attempt requests more."""
    return lambda wildcards, attempt: attempt * round(
        base + frames_read(wildcards) * kilobytes_per_frame / 1e3
    )


# GPUs of a job that refines bodies or runs a network.
GPU = 1 if CONFIG.device == "cuda" else 0
# Bodies and raw data are inputs if they are a user's files, and parameters if they are ours.
# A user's body is converted once (rule convert_body); all other rules read the clean file.
BODY = "open" if CONFIG.body == "open" else f"results/{RUN}/convert_body/body.npz"
BODY_FILE = [] if CONFIG.body == "open" else BODY
# The body as parameters of a rule.
BODY_PARAMS = {
    "body": BODY,
    "body_digest": file_digest(ROOT / "src/jointreg/assets/open_body.npz") if BODY == "open" else "",
}


def raw_state(wildcards):
    """State of the raw files that a job reads: those of its subject, or of its subject and action."""
    return RAW_FILES.state(wildcards.subject, wildcards.get("action"))


# The raw data as parameters of a rule. Readers depend on the layout, not on who made the data.
DATASET_PARAMS = {
    "dataset": block("dataset") | {"source": CONFIG.dataset.kind},
    "damaged": file_digest(CONFIG.dataset.damaged),
    "joints": JOINT_SET.as_facts(),
    "raw": raw_state,
}


def slurm_requests(jobs):
    """What jobs ask of the cluster, each different request of a rule once."""
    return list(
        dict.fromkeys(
            slurm.Request(
                job.rule.name,
                int(job.resources.get("gpu", 0)),
                str(job.resources.get("gres", "")),
                str(job.resources.get("slurm_partition", "")),
            )
            for job in jobs
        )
    )


onstart:
    executor = workflow.executor_settings
    with plan.stop_with_its_text():
        plan.require_writable(*plan.WRITTEN)
        if hasattr(executor, "array_jobs"):
            slurm.require_commands()
            waiting = [job for job in workflow.dag.needrun_jobs() if not job.is_local]
            requests = slurm_requests(waiting)
            slurm.require_one_flag(requests)
            unknown = slurm.unknown_rules(
                [rule.name for rule in workflow.rules],
                workflow.resource_settings.overwrite_resources,
                executor.array_jobs or "",
            )
            if unknown:
                print(
                    f"set-resources or slurm-array-jobs, no rule of this run: {', '.join(unknown)}"
                )
            misplaced = slurm.on_gpu_partitions(requests)
            if misplaced:
                print(
                    f"without a GPU, on a partition for GPUs: {', '.join(misplaced)} (docs/cluster.md)"
                )
        if getattr(executor, "array_jobs", None):
            slurm.require_alike_arrays(executor.array_jobs, requests)
            slurm.require_room_for_arrays(
                executor.array_jobs,
                Counter(job.rule.name for job in waiting),
                jobs=workflow.nodes,
                limit=executor.array_limit,
            )
    plan.remove_logs(workflow.dag.needrun_jobs())
