"""From raw videos, labels and cameras to undistorted person crops."""

LABELS = []  # files that other rules make before `prepare` can read a sequence
if CONFIG.synthesize.enabled:
    LABELS = [CONFIG.dataset.calibration, rules.synthesize.output.raw]
if CONFIG.triangulate.enabled:
    LABELS = [rules.triangulate.output.labels]


rule prepare:
    """Undistorted 224 px crops, labels in the camera frame and crop intrinsics of one sequence."""
    input:
        LABELS,
    output:
        frames=f"results/{RUN}/prepare/{{subject}}/{{action}}.zarr.zip",
    log:
        f"logs/{RUN}/prepare/{{subject}}/{{action}}.log",
    conda:
        "../../envs/jointreg.yaml"
    resources:
        runtime=minutes(10),
    params:
        cfg=block("prepare"),
        dataset=block("dataset"),
        sequence=sequence,
        damaged=file_digest(CONFIG.dataset.damaged),
        code=code("prepare"),
    script:
        "../scripts/prepare.py"
