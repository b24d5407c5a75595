"""Person masks."""

from jointreg.config.weights import MASK_RCNN


rule background:
    """Empty-room image of every camera, over all videos of one subject."""
    input:
        raw_data,
    output:
        model=f"results/{RUN}/background/{{subject}}.zarr.zip",
    log:
        f"logs/{RUN}/background/{{subject}}.log",
    benchmark:
        f"logs/{RUN}/background/{{subject}}.benchmark.tsv"
    conda:
        "../../envs/jointreg.yaml"
    resources:
        runtime=lambda wc, attempt: 30 * attempt,
        mem_mb=megabytes(4000),
    params:
        **DATASET_PARAMS,
        cfg=block("background"),
        sequences=lambda wc: [sequence(row) for row in SEQUENCES if row.subject == wc.subject],
        code=code("background"),
    script:
        "../scripts/background.py"


# Mask R-CNN needs an environment of its own, and a GPU for speed. The other methods are light.
IS_MASK_RCNN = CONFIG.segment.method in MASK_RCNN
SEGMENT_ENV = {"background": "jointreg", "landmarker": "lab"}.get(
    CONFIG.segment.method, CONFIG.segment.method
)


rule segment:
    """Person masks in crop coordinates (paper III; Mask R-CNN there)."""
    input:
        frames=rules.prepare.output.frames,
        background=(rules.background.output.model if CONFIG.segment.method == "background" else []),
        weights=CONFIG.segment.weights or [],
    output:
        masks=f"results/{RUN}/segment/{{subject}}/{{action}}.zarr.zip",
    log:
        f"logs/{RUN}/segment/{{subject}}/{{action}}.log",
    benchmark:
        f"logs/{RUN}/segment/{{subject}}/{{action}}.benchmark.tsv"
    conda:
        f"../../envs/{SEGMENT_ENV}.yaml"
    resources:
        gpu=GPU if IS_MASK_RCNN else 0,
        runtime=minutes(3 if not IS_MASK_RCNN else 2 if GPU else 0.2),
        mem_mb=megabytes(8000 if IS_MASK_RCNN else 2000, 320),
    params:
        **DATASET_PARAMS,
        cfg=block("segment"),
        device=CONFIG.device if IS_MASK_RCNN else "cpu",
        sequence=sequence,
        code=code("segment"),
    script:
        "../scripts/segment.py"
