"""What a job reads, where that depends on its wildcards, on the configuration or on other rules.

Functions only: they may name rules and constants of files that are included later.
"""


def raw_data(wildcards):
    """Files of a sequence that other rules make, and the calibration. Stops where the table lacks it."""
    with plan.stop_with_its_text():
        find(SEQUENCES, wildcards.subject, wildcards.get("action"), CONFIG.sequences)
    if IS_SYNTHETIC:
        return [CONFIG.dataset.calibration, rules.synthesize.output.raw.format(**wildcards)]
    if CONFIG.dataset.source != "landmarks":
        return [CONFIG.dataset.calibration, *other_file(CONFIG.dataset.calibration)]
    action = wildcards.get("action")
    rows = [r for r in SEQUENCES if r.subject == wildcards.subject and action in (None, r.action)]
    takes = sorted({take for row in rows for take in row.takes})
    return expand(rules.triangulate.output.labels, recording=takes)


def simulated(wildcards, split=None):
    """The lists of files of rule `synthesize`, for methods that read prediction files.

    Of the subject, or of all subjects of a split.
    """
    if not IS_SYNTHETIC or METHODS[wildcards.method].kind not in FROM_FILES:
        return []
    if split is None:
        return rules.synthesize.output.raw.format(subject=wildcards.subject)
    subjects = sorted({row.subject for row in SEQUENCES if row.split == split})
    return [rules.synthesize.output.raw.format(subject=subject) for subject in subjects]


def mesh_maps(wildcards):
    """Files that a method's table names to read its meshes with."""
    return [file for file in METHODS[wildcards.method].map_files if file]


def features_of(wildcards):
    """Features of the crops that a network reads."""
    crop = crop_of(METHODS[wildcards.method].kind, CONFIG.run_network)
    return rules.features.output.features.format(crop=crop, **wildcards)


def network_checkpoint(wildcards):
    """Checkpoint of one network."""
    return getattr(CONFIG.run_network, NETWORKS[wildcards.method])


def regressor_files():
    """Name -> file of every evaluated regressor: std (if regressor_std is set), spin, opt_<variant>."""
    files = {"std": CONFIG.regressor_std} if CONFIG.regressor_std else {}
    files["spin"] = rules.fit_regressor_spin.output.npy
    for variant in CONFIG.variants:
        files[f"opt_{variant}"] = rules.fit_regressor_opt.output.npy.format(variant=variant)
    return files


def workers(wildcards):
    """Threads of a fit: one for 40,000 frames, at most 8. They sum up frames; solving takes one."""
    return min(8, 1 + frames_read(wildcards) // 40_000)


def energy_regressor(wildcards):
    """The regressor that reads the joints in E_joint of a variant."""
    return regressor_files()[block("optimize", wildcards.variant)["regressor"]]


def discriminator(wildcards):
    """The variant's discriminator, where it has the adversarial term."""
    if block("optimize", wildcards.variant)["adversarial"] == 0:
        return []
    return rules.train_discriminator.output.discriminator


def start_variant(variant):
    """The variant whose refined bodies this one starts from; empty where it starts from the initial ones."""
    chosen = block("optimize", variant)
    return chosen["regressor"].removeprefix("opt_") if chosen["start"] == "refined" else ""


def start_bodies(variant):
    """Pattern of the bodies that a variant starts from."""
    other = start_variant(variant)
    return str(rules.optimize.output.bodies).replace("{variant}", other) if other else INITIAL_BODIES


def start_offsets(wildcards):
    """Label offsets of the start: of this subject, then of all training subjects. None without."""
    other = start_variant(wildcards.variant)
    if not other or block("optimize", other)["label_offsets"] == "none":
        return []
    pattern = str(rules.optimize_subject.output.offsets)
    people = [(wildcards.split, wildcards.subject)]
    people += [("train", subject) for subject in sorted({row.subject for row in TRAINING})]
    return [pattern.format(variant=other, split=split, subject=subject) for split, subject in people]


def of_subject(pattern):
    """Input: a file of the subject that a sequence was refined with."""
    return lambda wildcards: str(pattern).format_map(
        dict(wildcards) | {"split": sequence(wildcards)["split"]}
    )


def of_training_subjects(pattern):
    """A file of each training subject."""
    subjects = sorted({row.subject for row in TRAINING})
    return expand(pattern, split="train", subject=subjects, allow_missing=True)


def jobs_of(rule):
    """Wildcards of every job of a rule with one wildcard of JOBS, or with none."""
    (name,) = rule.wildcard_names or [None]
    return [{name: value} for value in JOBS[name]] if name else [{}]
