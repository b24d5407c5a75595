"""The figures of the paper on this run, and one refinement as an animation."""

# Whose errors by joint are drawn on the body: the method whose bodies were refined.
DRAWN_METHOD = CONFIG.initial if CONFIG.initial in CONFIG.methods else CONFIG.methods[0]
DISCRIMINATING = [name for name in CONFIG.variants if block("optimize", name)["adversarial"] > 0]


rule figures:
    """The figures of the paper on this run, and errors, energies and discriminators."""
    input:
        frames=examples(rules.prepare.output.frames),
        masks=examples(rules.segment.output.masks),
        initial=examples(INITIAL_BODIES),
        refined=examples(rules.optimize.output.bodies),
        ablated_frames=examples(rules.prepare.output.frames, ABLATED),
        ablated_masks=examples(rules.segment.output.masks, ABLATED),
        ablated_initial=examples(INITIAL_BODIES, ABLATED),
        ablated_refined=[
            path
            for variant in CONFIG.variants
            for path in examples(rules.optimize.output.bodies, ABLATED, variant)
        ],
        training=expand(rules.train_discriminator.output.record, variant=DISCRIMINATING),
        energies=[
            path
            for variant in CONFIG.variants
            for path in sequences(rules.optimize.output.energies, split="train", variant=variant)
        ],
        table=rules.table_1.output.csv,
        by_joint=f"results/{RUN}/tables/by_joint.csv",
        by_action=f"results/{RUN}/tables/by_action.csv",
        regressors=list(regressor_files().values()),
        body=BODY_FILE,
    output:
        overlays=[overlay_report(row) for row in EXAMPLES],
        teaser=figure_report("teaser", "Figure 1: before and after"),
        support=figure_report("regressor_support", "Figure 2: vertices of each regressor"),
        triplets=figure_report("triplets", "Figure 3: input, mask, render"),
        ablations=figure_report("ablations", "Figures 4 and 6: bodies of all variants"),
        estimates=figure_report("joint_estimates", "Figure 7: joints of two regressors"),
        discriminator=figure_report("discriminator", "training of the discriminator"),
        energies=figure_report("energies", "energies over iterations"),
        joints=figure_report("joint_errors", "error by joint"),
        actions=figure_report("action_errors", "error by action"),
        on_body=figure_report("joint_errors_body", "error by joint on the body"),
        table=figure_report("table_1_plot", "Table I as dots"),
    log:
        f"logs/{RUN}/figures.log",
    benchmark:
        f"logs/{RUN}/figures.benchmark.tsv"
    localrule: True
    conda:
        "../../envs/plot.yaml"
    params:
        **BODY_PARAMS,
        cfg=block("figures"),
        examples=[example_params(row) for row in EXAMPLES],
        ablated=[example_params(row) for row in ABLATED],
        regressors=list(regressor_files()),
        variants=CONFIG.variants,
        discriminating=DISCRIMINATING,
        method=DRAWN_METHOD,
        methods_tables=CONFIG.methods_tables,
        paper_file=PAPER,
        protocol=PROTOCOL,
        tables=[file_digest(table) for table in (*CONFIG.methods_tables, PAPER)],
        code=code("figures"),
    script:
        "../scripts/figures.py"


rule animation:
    """The refinement of one frame, computed again, with the bodies of its steps."""
    input:
        frames=examples(rules.prepare.output.frames, ABLATED)[0],
        masks=examples(rules.segment.output.masks, ABLATED)[0],
        bodies=examples(INITIAL_BODIES, ABLATED)[0],
        regressor=regressor_files()[block("optimize", REFERENCE)["regressor"]],
        discriminator=expand(
            rules.train_discriminator.output.discriminator,
            variant=[name for name in DISCRIMINATING if name == REFERENCE],
        ),
        weights=rules.energy_weights.output.weights,
        body=BODY_FILE,
    output:
        gif=report(
            f"results/{RUN}/figures/fit.gif",
            caption="../report/fit.rst",
            category="Figures",
            labels={"figure": "one fit, moving"},
        ),
    log:
        f"logs/{RUN}/animation.log",
    benchmark:
        f"logs/{RUN}/animation.benchmark.tsv"
    localrule: True
    conda:
        "../../envs/plot.yaml"
    params:
        **BODY_PARAMS,
        cfg=block("optimize", REFERENCE),
        example=example_params(ABLATED[0]),
        device=CONFIG.device,
        code=code("animation"),
    script:
        "../scripts/animation.py"
