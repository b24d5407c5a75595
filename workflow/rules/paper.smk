"""Tables and figures."""

from jointreg.labels import make
from jointreg.datasets.human36m.layouts import human36m_layout
from jointreg.evaluation.protocol import protocol_sentence
from jointreg.tables.render import FORMS

REPORT = f"results/{RUN}/report.html"
TEST_SUBJECTS = sorted(
    {row.subject for row in SEQUENCES if row.split == "test"}, key=lambda name: (len(name), name)
)
EXAMPLES = load_examples(CONFIG.figures.examples, SEQUENCES)
TRAINING = {(row.subject, row.action) for row in SEQUENCES if row.split == "train"}
# Shown with the bodies of all variants, which exist for training sequences.
ABLATED = ([row for row in EXAMPLES if (row.subject, row.action) in TRAINING] or EXAMPLES)[:3]
# Whose errors by joint stand on the body: those of the method whose bodies were refined.
SHOWN_METHOD = CONFIG.initial if CONFIG.initial in CONFIG.methods else CONFIG.methods[0]
DISCRIMINATING = [name for name in CONFIG.variants if block("optimize", name)["adversarial"] > 0]
# The paper's values stand beside Human3.6M and its stand-in only.
PAPER = "config/paper_table_1.csv" if CONFIG.dataset.kind == "human36m" else ""
KEPT_ONLY = (
    CONFIG.dataset.kind == "human36m"
    and not CONFIG.synthesize.enabled
    and human36m_layout(CONFIG.dataset.root) == "h36m_fetch"
)
PROTOCOL = protocol_sentence(
    CONFIG.evaluate,
    subjects=TEST_SUBJECTS,
    cameras=sorted({camera for row in SEQUENCES if row.split == "test" for camera in row.cameras}),
    frame_step=CONFIG.prepare.frame_step,
    skip_damaged=CONFIG.dataset.skip_damaged,
    damaged=CONFIG.dataset.damaged,
    kept_only=KEPT_ONLY,
    simulated=any(method.startswith("sim_") for method in CONFIG.methods),
    fitted=any(METHODS[method].kind == "keypoints" for method in CONFIG.methods),
    networks=protocol_words(
        CONFIG.networks, [METHODS[method] for method in CONFIG.methods], CONFIG.body
    ),
    given=len(BODY_METHODS) < len(CONFIG.methods),
    labels=make.about(CONFIG.triangulate) if CONFIG.triangulate.enabled else "",
)


def examples(pattern, rows=EXAMPLES, variant="full"):
    """`pattern` filled for every row of the table of examples, in its order."""
    return [
        str(pattern).format_map({"subject": row.subject, "action": row.action, "variant": variant})
        for row in rows
    ]


def plain(row):
    """An example as a parameter."""
    return {"subject": row.subject, "action": row.action, "frames": list(row.frames)}


def captions(names):
    """Texts of the captions of tables: they are printed, so that a changed one prints its table again."""
    return {name: (ROOT / "workflow/report" / f"{name}.rst").read_text() for name in names}


def printed(names):
    """Tables in every form beside CSV: Markdown, LaTeX, HTML, terminal."""
    return [f"results/{RUN}/tables/{name}.{form}" for name in names for form in FORMS]


def table_report(name, form):
    """A table of the report, with its caption."""
    return report(
        f"results/{RUN}/tables/{name}",
        caption=f"../report/{name.split('.')[0]}.rst",
        category="Tables",
        labels={"table": name.split(".")[0].replace("_", " "), "form": form},
    )


def figure_report(name, what):
    """A figure of the report, with its caption, and the same figure for a paper."""
    base = f"results/{RUN}/figures/{name}"
    caption = f"../report/{name}.rst"
    shown = report(f"{base}.svg", caption=caption, category="Figures", labels={"figure": what})
    return [shown, f"{base}.pdf", f"{base}.png"]


def overlay_report(row):
    """The overlay of one example."""
    path = f"results/{RUN}/figures/overlay_{row.subject}_{row.action}.png"
    labels = {"subject": row.subject, "action": row.action}
    return report(path, caption="../report/overlay.rst", category="Overlays", labels=labels)


# The HTML form of every table; a source digest follows Python only.
TABLE_TEMPLATE = ROOT / "src/jointreg/tables/assets/table.html"
TABLES = ("table_1", "changes", "by_subject", "by_action", "by_joint", "pck_auc", "ablation")


rule table_1:
    """The paper's Table I on this run, the paper's values beside ours, and every other table of errors."""
    input:
        tables=expand(rules.evaluate.output.table, method=CONFIG.methods, subject=TEST_SUBJECTS),
        errors=expand(rules.evaluate.output.errors, method=CONFIG.methods, subject=TEST_SUBJECTS),
    output:
        csv=table_report("table_1.csv", "data"),
        others=[table_report(f"{name}.csv", "data") for name in TABLES[1:]],
        printed=printed(TABLES),
    log:
        f"logs/{RUN}/table_1.log",
    benchmark:
        f"logs/{RUN}/table_1.benchmark.tsv"
    localrule: True
    conda:
        "../../envs/plot.yaml"
    params:
        cfg=block("evaluate"),
        methods=CONFIG.methods,
        methods_table=CONFIG.methods_table,
        paper_file=PAPER,
        tables=[file_digest(CONFIG.methods_table), file_digest(PAPER)],
        captions=captions(TABLES),
        protocol=PROTOCOL,
        looks=file_digest(TABLE_TEMPLATE),
        code=code("table_1"),
    script:
        "../scripts/table_1.py"


rule agreement:
    """How well bodies agree with masks and labels before and after refinement, training frames."""
    input:
        frames=sequences(rules.prepare.output.frames, split="train"),
        masks=sequences(rules.segment.output.masks, split="train"),
        bodies=[
            *sequences(INITIAL_BODIES, split="train"),
            *(
                path
                for variant in CONFIG.variants
                for path in sequences(rules.optimize.output.bodies, split="train", variant=variant)
            ),
        ],
        regressor=rules.fit_regressor_spin.output.npy,
        body=BODY_FILE,
    output:
        table=table_report("agreement.csv", "data"),
    log:
        f"logs/{RUN}/agreement.log",
    benchmark:
        f"logs/{RUN}/agreement.benchmark.tsv"
    conda:
        "../../envs/torch.yaml"
    params:
        bodies=["initial", *CONFIG.variants],
        body=BODY,
        body_digest=BODY_DIGEST,
        code=code("agreement"),
    script:
        "../scripts/agreement.py"


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
        regressors=[path for path in regressor_files().values()],
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
        cfg=block("figures"),
        examples=[plain(row) for row in EXAMPLES],
        ablated=[plain(row) for row in ABLATED],
        regressors=list(regressor_files()),
        variants=CONFIG.variants,
        discriminating=DISCRIMINATING,
        method=SHOWN_METHOD,
        methods_table=CONFIG.methods_table,
        paper_file=PAPER,
        protocol=PROTOCOL,
        tables=[file_digest(CONFIG.methods_table), file_digest(PAPER)],
        body=BODY,
        body_digest=BODY_DIGEST,
        code=code("figures"),
    script:
        "../scripts/figures.py"


rule animation:
    """The refinement of one frame, refined again to be seen on its way."""
    input:
        frames=examples(rules.prepare.output.frames, ABLATED)[0],
        masks=examples(rules.segment.output.masks, ABLATED)[0],
        bodies=examples(INITIAL_BODIES, ABLATED)[0],
        regressor=regressor_files()[block("optimize", "full")["regressor"]],
        discriminator=expand(
            rules.train_discriminator.output.discriminator,
            variant=[name for name in DISCRIMINATING if name == "full"],
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
        cfg=block("optimize", "full"),
        example=plain(ABLATED[0]),
        device=CONFIG.device,
        body=BODY,
        body_digest=BODY_DIGEST,
        code=code("animation"),
    script:
        "../scripts/animation.py"


rule paper:
    """Everything that regenerates the paper, without the comparison with truth."""
    input:
        rules.table_1.output,
        rules.agreement.output,
        rules.figures.output,
        rules.animation.output,
        # On the open data set the report compares with the truth, and belongs to `all`.
        [] if CONFIG.synthesize.enabled else REPORT,
