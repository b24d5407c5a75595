"""Bodies of SPIN, VIBE and MEVA: features of their common backbone, then each network's own part."""


rule features:
    """Backbone features of every frame, computed once for all networks that use the same crop rule."""
    input:
        frames=rules.prepare.output.frames,
        checkpoint=CONFIG.run_network.spin,
    output:
        features=f"results/{RUN}/features/{{crop}}/{{subject}}/{{action}}.zarr.zip",
    log:
        f"logs/{RUN}/features/{{crop}}/{{subject}}/{{action}}.log",
    benchmark:
        f"logs/{RUN}/features/{{crop}}/{{subject}}/{{action}}.benchmark.tsv"
    conda:
        "../../envs/torch.yaml"
    resources:
        gpu=GPU,
        runtime=minutes(10 if GPU else 1),
        mem_mb=megabytes(4000, 10),
    params:
        **DATASET_PARAMS,
        batch=CONFIG.run_network.batch,
        device=CONFIG.device,
        sequence=sequence,
        code=code("features"),
    script:
        "../scripts/features.py"


rule run_network:
    """SMPL bodies of one network for one sequence (paper III: SPIN)."""
    input:
        frames=rules.prepare.output.frames,
        features=features_of,
        checkpoint=network_checkpoint,
        mean_params=CONFIG.run_network.mean_params or [],
        body=BODY_FILE,
    output:
        bodies=rules.estimate.output.bodies,
    log:
        f"logs/{RUN}/run_network/{{method}}/{{subject}}/{{action}}.log",
    benchmark:
        f"logs/{RUN}/run_network/{{method}}/{{subject}}/{{action}}.benchmark.tsv"
    wildcard_constraints:
        method=one_of(NETWORKS),
    conda:
        "../../envs/torch.yaml"
    resources:
        runtime=minutes(20),
    params:
        **BODY_PARAMS,
        cfg=lambda wc: {
            "kind": METHODS[wc.method].kind,
            "orientation": CONFIG.run_network.orientation,
        },
        code=code("run_network"),
    script:
        "../scripts/run_network.py"
