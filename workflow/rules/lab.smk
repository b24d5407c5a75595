"""Labels from calibrated videos: 2D landmarks of every camera, triangulated."""


wildcard_constraints:
    recording="|".join(RECORDINGS),


rule landmarks:
    """2D landmarks of the person in all videos of one recording."""
    input:
        weights=CONFIG.triangulate.weights,
    output:
        tracks=f"results/{RUN}/landmarks/{{recording}}.npz",
    log:
        f"logs/{RUN}/landmarks/{{recording}}.log",
    benchmark:
        f"logs/{RUN}/landmarks/{{recording}}.benchmark.tsv"
    conda:
        "../../envs/lab.yaml"
    params:
        cfg=block("triangulate"),
        dataset=DATASET_PARAMS["dataset"],
        raw=lambda wc: RAW_FILES.state_of_take(wc.recording),
        code=code("landmarks"),
    script:
        "../scripts/landmarks.py"


rule triangulate:
    """Synchronised, triangulated labels of one recording, and their reprojection check."""
    input:
        tracks=rules.landmarks.output.tracks,
        calibration=CONFIG.dataset.calibration,
        more=other_file(CONFIG.dataset.calibration),
    output:
        labels=f"{CONFIG.dataset.root}/{{recording}}/labels.npz",
        check=report(
            f"results/{RUN}/tables/reprojection_{{recording}}.txt",
            caption="../report/reprojection.rst",
            category="Tables",
            labels={"table": "reprojection of the labels", "form": "text"},
        ),
    log:
        f"logs/{RUN}/triangulate/{{recording}}.log",
    benchmark:
        f"logs/{RUN}/triangulate/{{recording}}.benchmark.tsv"
    conda:
        "../../envs/jointreg.yaml"
    params:
        cfg=block("triangulate"),
        code=code("triangulate"),
    script:
        "../scripts/triangulate.py"
