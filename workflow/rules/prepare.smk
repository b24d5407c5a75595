"""From raw videos, labels and cameras to undistorted person crops."""

from jointreg.datasets.easymocap import other_file


def raw_files(wildcards):
    """Input files of a sequence: made by other rules, or the user's calibration and labels.

    The thousands of raw videos and CDF files are not listed, because raw data do not change.
    """
    if IS_SYNTHETIC:
        return [CONFIG.dataset.calibration, rules.synthesize.output.raw.format(**wildcards)]
    action = wildcards.get("action")
    rows = [r for r in SEQUENCES if r.subject == wildcards.subject and action in (None, r.action)]
    takes = sorted({take for row in rows for take in row.takes})
    if CONFIG.dataset.source == "landmarks":
        return expand(rules.triangulate.output.labels, recording=takes)
    if CONFIG.dataset.kind == "multiview":
        labels = expand(f"{CONFIG.dataset.root}/{{take}}/labels.npz", take=takes)
        return [CONFIG.dataset.calibration, *other_file(CONFIG.dataset.calibration), *labels]
    return [CONFIG.dataset.calibration]


rule prepare:
    """Undistorted 224 px crops, labels in the camera frame and crop intrinsics of one sequence."""
    input:
        raw_files,
    output:
        frames=f"results/{RUN}/prepare/{{subject}}/{{action}}.zarr.zip",
    log:
        f"logs/{RUN}/prepare/{{subject}}/{{action}}.log",
    benchmark:
        f"logs/{RUN}/prepare/{{subject}}/{{action}}.benchmark.tsv"
    conda:
        "../../envs/jointreg.yaml"
    resources:
        runtime=minutes(3),
        mem_mb=megabytes(2000, 320),
    params:
        **DATASET_PARAMS,
        cfg=block("prepare"),
        sequence=sequence,
        code=code("prepare"),
    script:
        "../scripts/prepare.py"
