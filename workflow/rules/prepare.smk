"""From raw videos, labels and cameras to undistorted person crops."""

from jointreg.pipeline.raw_files import RawData

# Raw files of the user are no inputs: their state is a parameter of the rules that read them.
RAW_FILES = RawData(CONFIG, SEQUENCES, METHODS, EXAMPLES, f"results/{RUN}/raw_files.tsv")
if workflow.is_main_process:
    with plan.stop_with_its_text():
        RAW_FILES.require()


rule prepare:
    """Undistorted 224 px crops, labels in the camera frame and crop intrinsics of one sequence."""
    input:
        raw_data,
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
