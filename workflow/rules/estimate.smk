"""Initial bodies of every method, except the networks."""

# Parameters of the rules `estimate`, `estimate_training` and `estimate_test`.
ESTIMATE_PARAMS = {
    **BODY_PARAMS,
    "cfg": block("estimate"),
    "reading": lambda wc: METHODS[wc.method].reading(),
    "code": code("estimate"),
}


rule estimate:
    """SMPL bodies of one method for one sequence (paper III: SPIN)."""
    input:
        frames=rules.prepare.output.frames,
        predictions=simulated,
        map=mesh_maps,
        body=BODY_FILE,
    output:
        bodies=f"results/{RUN}/estimate/{{method}}/{{subject}}/{{action}}.zarr.zip",
    log:
        f"logs/{RUN}/estimate/{{method}}/{{subject}}/{{action}}.log",
    benchmark:
        f"logs/{RUN}/estimate/{{method}}/{{subject}}/{{action}}.benchmark.tsv"
    wildcard_constraints:
        method=one_of(USED - set(NETWORKS)),
    conda:
        "../../envs/jointreg.yaml"
    resources:
        runtime=minutes(20),
    params:
        **ESTIMATE_PARAMS,
        sequences=lambda wc: [f"{wc.subject}/{wc.action}"],
        raw=lambda wc: RAW_FILES.state_of_predictions(wc.method, [f"{wc.subject}/{wc.action}"]),
    script:
        "../scripts/estimate.py"


if CONFIG.short_sequences:

    ruleorder: estimate_training > estimate

    use rule estimate as estimate_training with:
        input:
            frames=sequences(rules.prepare.output.frames, split="train"),
            predictions=lambda wc: simulated(wc, split="train"),
            map=mesh_maps,
            body=BODY_FILE,
        output:
            bodies=sequences(rules.estimate.output.bodies, split="train", method="{method}"),
        log:
            f"logs/{RUN}/estimate_training/{{method}}.log",
        benchmark:
            f"logs/{RUN}/estimate_training/{{method}}.benchmark.tsv"
        params:
            **ESTIMATE_PARAMS,
            sequences=sequences("{subject}/{action}", "train"),
            raw=lambda wc: RAW_FILES.state_of_predictions(
                wc.method, sequences("{subject}/{action}", "train")
            ),


if CONFIG.short_sequences and TEST_SUBJECTS:

    ruleorder: estimate_test > estimate

    use rule estimate as estimate_test with:
        input:
            frames=sequences(rules.prepare.output.frames, split="test"),
            predictions=lambda wc: simulated(wc, split="test"),
            map=mesh_maps,
            body=BODY_FILE,
        output:
            bodies=sequences(rules.estimate.output.bodies, split="test", method="{method}"),
        log:
            f"logs/{RUN}/estimate_test/{{method}}.log",
        benchmark:
            f"logs/{RUN}/estimate_test/{{method}}.benchmark.tsv"
        params:
            **ESTIMATE_PARAMS,
            sequences=sequences("{subject}/{action}", "test"),
            raw=lambda wc: RAW_FILES.state_of_predictions(
                wc.method, sequences("{subject}/{action}", "test")
            ),


(INITIAL_BODIES,) = expand(rules.estimate.output.bodies, method=CONFIG.initial, allow_missing=True)
