"""Refinement of the initial bodies against joints, silhouettes and the discriminator."""


rule energy_weights:
    """Weights that make the energies equal at the start, on a seeded sample (paper III)."""
    input:
        frames=sequences(rules.prepare.output.frames, split="train"),
        masks=sequences(rules.segment.output.masks, split="train"),
        bodies=sequences(INITIAL_BODIES, split="train"),
        regressor=rules.fit_regressor_spin.output.npy,
        body=BODY_FILE,
    output:
        weights=f"results/{RUN}/energy_weights/weights.json",
    log:
        f"logs/{RUN}/energy_weights.log",
    benchmark:
        f"logs/{RUN}/energy_weights.benchmark.tsv"
    conda:
        "../../envs/torch.yaml"
    params:
        **BODY_PARAMS,
        cfg={"frames": CONFIG.train_discriminator.frames},
        seed=CONFIG.seed,
        code=code("energy_weights"),
    script:
        "../scripts/energy_weights.py"


def energy_regressor(wildcards):
    """The regressor that reads the joints in E_joint of a variant."""
    return regressor_files()[block("optimize", wildcards.variant)["regressor"]]


rule train_discriminator:
    """The discriminator of one variant, trained on the sample in rounds (paper III, Eq. 5)."""
    input:
        frames=sequences(rules.prepare.output.frames, split="train"),
        masks=sequences(rules.segment.output.masks, split="train"),
        bodies=sequences(INITIAL_BODIES, split="train"),
        regressor=energy_regressor,
        weights=rules.energy_weights.output.weights,
        body=BODY_FILE,
    output:
        discriminator=f"results/{RUN}/train_discriminator/{{variant}}.pt",
        record=f"results/{RUN}/train_discriminator/{{variant}}.json",
    log:
        f"logs/{RUN}/train_discriminator/{{variant}}.log",
    benchmark:
        f"logs/{RUN}/train_discriminator/{{variant}}.benchmark.tsv"
    conda:
        "../../envs/torch.yaml"
    resources:
        gpu=GPU,
        runtime=lambda wc, attempt: 120 * attempt,
    params:
        **BODY_PARAMS,
        cfg=lambda wc: {
            "optimize": block("optimize", wc.variant),
            "train_discriminator": block("train_discriminator"),
        },
        device=CONFIG.device,
        seed=CONFIG.seed,
        code=code("train_discriminator"),
    script:
        "../scripts/train_discriminator.py"


def discriminator(wildcards):
    """The variant's discriminator, where it has the adversarial term."""
    if block("optimize", wildcards.variant)["adversarial"] == 0:
        return []
    return rules.train_discriminator.output.discriminator


rule optimize:
    """Refine the initial bodies of one sequence to fit masks and joints (paper III, Eq. 2)."""
    input:
        frames=rules.prepare.output.frames,
        masks=rules.segment.output.masks,
        bodies=INITIAL_BODIES,
        regressor=energy_regressor,
        discriminator=discriminator,
        weights=rules.energy_weights.output.weights,
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
        gpu=GPU,
        runtime=minutes(3),
        mem_mb=megabytes(3000, 60),
    params:
        **BODY_PARAMS,
        cfg=lambda wc: block("optimize", wc.variant),
        device=CONFIG.device,
        code=code("optimize"),
    script:
        "../scripts/optimize.py"
