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
    threads: 1 if GPU else min(8, 1 + CONFIG.train_discriminator.frames // 256)
    resources:
        gpu=GPU,
        runtime=lambda wc, attempt: 240 * attempt,
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


# Variants that refine all sequences of a subject together, those of each split apart.
BY_SUBJECT = [name for name in CONFIG.variants if settings.optimize_settings(CONFIG, name).by_subject]
# Where each variant is refined: Levenberg-Marquardt computes on the CPU.
DEVICES = {
    name: settings.solver_device(settings.optimize_settings(CONFIG, name), CONFIG.device)
    for name in CONFIG.variants
}


rule optimize:
    """Refine the initial bodies of one sequence to fit masks and joints (paper III, Eq. 2)."""
    input:
        frames=rules.prepare.output.frames,
        masks=rules.segment.output.masks,
        bodies=lambda wc: start_bodies(wc.variant).format_map(wc),
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
    wildcard_constraints:
        variant=one_of(set(CONFIG.variants) - set(BY_SUBJECT)),
    conda:
        "../../envs/torch.yaml"
    resources:
        gpu=lambda wc: int(DEVICES[wc.variant] == "cuda"),
        runtime=minutes(3),
        mem_mb=megabytes(3000, 60),
    params:
        **BODY_PARAMS,
        cfg=lambda wc: block("optimize", wc.variant),
        device=lambda wc: DEVICES[wc.variant],
        code=code("optimize"),
    script:
        "../scripts/optimize.py"


if CONFIG.short_sequences:

    ruleorder: optimize_training > optimize

    use rule optimize as optimize_training with:
        input:
            frames=sequences(rules.prepare.output.frames, split="train"),
            masks=sequences(rules.segment.output.masks, split="train"),
            bodies=lambda wc: sequences(start_bodies(wc.variant), split="train"),
            regressor=energy_regressor,
            discriminator=discriminator,
            weights=rules.energy_weights.output.weights,
            body=BODY_FILE,
        output:
            bodies=sequences(rules.optimize.output.bodies, split="train", variant="{variant}"),
            energies=sequences(rules.optimize.output.energies, split="train", variant="{variant}"),
        log:
            f"logs/{RUN}/optimize_training/{{variant}}.log",
        benchmark:
            f"logs/{RUN}/optimize_training/{{variant}}.benchmark.tsv"


rule optimize_subject:
    """Refine all training or test sequences of one subject together: shared betas, label offsets."""
    input:
        frames=lambda wc: sequences(rules.prepare.output.frames, wc.split, wc.subject),
        masks=lambda wc: sequences(rules.segment.output.masks, wc.split, wc.subject),
        bodies=lambda wc: sequences(start_bodies(wc.variant), wc.split, wc.subject),
        offsets=start_offsets,
        regressor=energy_regressor,
        discriminator=discriminator,
        weights=rules.energy_weights.output.weights,
        body=BODY_FILE,
    output:
        bodies=f"results/{RUN}/optimize_subject/{{variant}}/{{split}}/{{subject}}.zarr.zip",
        energies=f"results/{RUN}/optimize_subject/{{variant}}/{{split}}/{{subject}}.energies.zarr.zip",
        offsets=f"results/{RUN}/optimize_subject/{{variant}}/{{split}}/{{subject}}.offsets.zarr.zip",
    log:
        f"logs/{RUN}/optimize_subject/{{variant}}/{{split}}/{{subject}}.log",
    benchmark:
        f"logs/{RUN}/optimize_subject/{{variant}}/{{split}}/{{subject}}.benchmark.tsv"
    wildcard_constraints:
        variant=one_of(BY_SUBJECT),
        split="train|test",
        subject=one_of(SUBJECTS),
    conda:
        "../../envs/torch.yaml"
    resources:
        gpu=lambda wc: int(DEVICES[wc.variant] == "cuda"),
        runtime=minutes(3),
        # Levenberg-Marquardt keeps two matrices of 86 kB for each moment.
        mem_mb=lambda wc, attempt: megabytes(
            3000, 300 if block("optimize", wc.variant)["solver"] == "lm" else 120
        )(wc, attempt),
    params:
        **BODY_PARAMS,
        cfg=lambda wc: block("optimize", wc.variant),
        sequences=lambda wc: sequences("{subject}/{action}", wc.split, wc.subject),
        device=lambda wc: DEVICES[wc.variant],
        code=code("optimize_subject"),
    script:
        "../scripts/optimize_subject.py"


rule split_subject:
    """The bodies and energies of one sequence, out of those of its subject."""
    input:
        bodies=of_subject(rules.optimize_subject.output.bodies),
        energies=of_subject(rules.optimize_subject.output.energies),
    output:
        bodies=rules.optimize.output.bodies,
        energies=rules.optimize.output.energies,
    log:
        f"logs/{RUN}/split_subject/{{variant}}/{{subject}}/{{action}}.log",
    benchmark:
        f"logs/{RUN}/split_subject/{{variant}}/{{subject}}/{{action}}.benchmark.tsv"
    wildcard_constraints:
        variant=one_of(BY_SUBJECT),
    localrule: True
    conda:
        "../../envs/jointreg.yaml"
    params:
        sequences=lambda wc: [f"{wc.subject}/{wc.action}"],
        code=code("split_subject"),
    script:
        "../scripts/split_subject.py"


if CONFIG.short_sequences:

    ruleorder: split_training > split_subject

    use rule split_subject as split_training with:
        input:
            bodies=of_training_subjects(rules.optimize_subject.output.bodies),
            energies=of_training_subjects(rules.optimize_subject.output.energies),
        output:
            bodies=sequences(rules.optimize.output.bodies, split="train", variant="{variant}"),
            energies=sequences(rules.optimize.output.energies, split="train", variant="{variant}"),
        log:
            f"logs/{RUN}/split_training/{{variant}}.log",
        benchmark:
            f"logs/{RUN}/split_training/{{variant}}.benchmark.tsv"
        params:
            sequences=sequences("{subject}/{action}", "train"),
            code=code("split_subject"),
