"""Refinement of the initial bodies against joints, silhouettes and the discriminator."""


rule train_discriminator:
    """Energy weights of one variant, and its discriminator, on a sample of training frames (Eq. 5)."""
    input:
        frames=sequences(rules.prepare.output.frames, split="train"),
        masks=sequences(rules.segment.output.masks, split="train"),
        bodies=sequences(
            f"results/{RUN}/estimate/{CONFIG.initial}/{{subject}}/{{action}}.zarr.zip", split="train"
        ),
        regressor=rules.fit_regressor_spin.output.store,
        body=BODY_FILE,
    output:
        discriminator=f"results/{RUN}/train_discriminator/{{variant}}.pt",
        weights=f"results/{RUN}/train_discriminator/{{variant}}.json",
    log:
        f"logs/{RUN}/train_discriminator/{{variant}}.log",
    benchmark:
        f"logs/{RUN}/train_discriminator/{{variant}}.benchmark.tsv"
    conda:
        "../../envs/torch.yaml"
    resources:
        gpu=1 if CONFIG.device == "cuda" else 0,
        runtime=lambda wc, attempt: 120 * attempt,
    params:
        cfg=lambda wc: {
            "optimize": block("optimize", wc.variant),
            "train_discriminator": block("train_discriminator"),
        },
        device=CONFIG.device,
        body=CONFIG.body,
        body_digest=BODY_DIGEST,
        code=code("train_discriminator"),
    script:
        "../scripts/train_discriminator.py"


rule optimize:
    """Refine the initial bodies of one sequence to fit masks and joints (paper III, Eq. 2)."""
    input:
        frames=rules.prepare.output.frames,
        masks=rules.segment.output.masks,
        bodies=f"results/{RUN}/estimate/{CONFIG.initial}/{{subject}}/{{action}}.zarr.zip",
        regressor=rules.fit_regressor_spin.output.store,
        discriminator=rules.train_discriminator.output.discriminator,
        weights=rules.train_discriminator.output.weights,
        body=BODY_FILE,
    output:
        bodies=f"results/{RUN}/optimize/{{variant}}/{{subject}}/{{action}}.zarr.zip",
        energies=f"results/{RUN}/optimize/{{variant}}/{{subject}}/{{action}}.energies.zarr.zip",
    log:
        f"logs/{RUN}/optimize/{{variant}}/{{subject}}/{{action}}.log",
    benchmark:
        f"logs/{RUN}/optimize/{{variant}}/{{subject}}/{{action}}.benchmark.tsv"
    conda:
        "../../envs/torch.yaml"
    resources:
        gpu=1 if CONFIG.device == "cuda" else 0,
        runtime=minutes(15),
    params:
        cfg=lambda wc: block("optimize", wc.variant),
        device=CONFIG.device,
        body=CONFIG.body,
        body_digest=BODY_DIGEST,
        code=code("optimize"),
    script:
        "../scripts/optimize.py"
