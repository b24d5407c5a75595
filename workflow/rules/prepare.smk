"""From raw videos, labels and cameras to undistorted person crops."""


def raw_files(wildcards):
    """What other rules make before a sequence can be read; nothing where all data is the user's own."""
    if CONFIG.synthesize.enabled:
        return [CONFIG.dataset.calibration, rules.synthesize.output.raw.format(**wildcards)]
    if CONFIG.triangulate.enabled:
        action = wildcards.get("action")
        rows = [r for r in SEQUENCES if r.subject == wildcards.subject and action in (None, r.action)]
        takes = sorted({take for row in rows for take in row.takes})
        return expand(rules.triangulate.output.labels, recording=takes)
    return []


rule prepare:
    """Undistorted 224 px crops, labels in the camera frame and crop intrinsics of one sequence."""
    input:
        raw_files,
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
