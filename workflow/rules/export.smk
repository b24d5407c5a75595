"""J_spin, J_opt and the recommended J_opt, where the run has it, as files that drop into other code."""

from jointreg.exchange.regressor_files import export_files

EXPORTED = {
    "J_spin": rules.fit_regressor_spin.output.npy,
    **{
        f"J_opt_{name}": rules.fit_regressor_opt.output.npy.format(variant=name)
        for name in (REFERENCE, settings.RECOMMENDED)
        if name in CONFIG.variants
    },
}


rule export:
    """The regressors in every format that needs no file of the user, with sidecars."""
    input:
        regressors=list(EXPORTED.values()),
    output:
        files=[
            f"results/{RUN}/export/{name}/{file}"
            for name in EXPORTED
            for file in export_files(JOINT_SET)
        ],
    log:
        f"logs/{RUN}/export.log",
    benchmark:
        f"logs/{RUN}/export.benchmark.tsv"
    localrule: True
    conda:
        "../../envs/torch.yaml"
    params:
        names=list(EXPORTED),
        folder=lambda wc: f"results/{RUN}/export",
        trained_on={
            "initial_method": CONFIG.initial,
            "training_subjects": sorted({row.subject for row in TRAINING}),
            "protocol": {
                "actions": sorted({row.action for row in TRAINING}),
                "cameras": sorted({camera for row in TRAINING for camera in row.cameras}),
                "dataset": CONFIG.dataset.kind,
                "frame_step": CONFIG.prepare.frame_step,
                "run": RUN,
                "skip_damaged": CONFIG.dataset.skip_damaged,
            },
        },
        code=code("export"),
    script:
        "../scripts/export.py"
