"""Captions, the protocol in words, and the frames that tables and figures show."""

from jointreg.config.examples import load_examples
from jointreg.datasets.human36m.layouts import human36m_layout
from jointreg.evaluation.network_words import protocol_words
from jointreg.evaluation.protocol import protocol_sentence
from jointreg.labels.words import labels_words
from jointreg.tables.names import SIMULATED, TITLES
from jointreg.tables.render import FORMS

with plan.stop_with_its_text():
    left_out = []
    EXAMPLES = load_examples(CONFIG.figures.examples, SEQUENCES, left_out.append)
    if workflow.is_main_process:
        print(*left_out, sep="", end="\n" if left_out else "", file=sys.stderr)
TRAINED_UNITS = {(row.subject, row.action) for row in TRAINING}
# Examples shown with the bodies of all variants. Those bodies exist for training sequences only.
ABLATED = ([row for row in EXAMPLES if (row.subject, row.action) in TRAINED_UNITS] or EXAMPLES)[:3]
# The paper's values are printed beside Human3.6M and its stand-in only.
PAPER = os.path.relpath(ROOT / "config/paper_table_1.csv") if CONFIG.dataset.kind == "human36m" else ""
with plan.stop_with_its_text():
    PROTOCOL = protocol_sentence(
        CONFIG.evaluate,
        subjects=TEST_SUBJECTS,
        cameras=sorted({camera for row in SEQUENCES if row.split == "test" for camera in row.cameras}),
        frame_step=CONFIG.prepare.frame_step,
        skip_damaged=CONFIG.dataset.skip_damaged,
        damaged=CONFIG.dataset.damaged,
        kept_only=(
            CONFIG.dataset.source == "human36m" and human36m_layout(CONFIG.dataset.root) == "h36m_fetch"
        ),
        simulated=any(method.startswith(SIMULATED) for method in CONFIG.methods),
        fitted=any(METHODS[method].kind == "keypoints" for method in CONFIG.methods),
        networks=protocol_words(
            CONFIG.run_network, [METHODS[method] for method in CONFIG.methods], CONFIG.body
        ),
        given=any(METHODS[method].kind == "joints" for method in CONFIG.methods),
        labels=labels_words(CONFIG.triangulate) if CONFIG.dataset.source == "landmarks" else "",
        body=CONFIG.body.rpartition("/")[2],
        joint_set=JOINT_SET,
    )


def examples(pattern, rows=EXAMPLES, variant=CONFIG.figures.variant):
    """`pattern` filled for every row of the table of examples, in its order."""
    return [
        str(pattern).format_map({"subject": row.subject, "action": row.action, "variant": variant})
        for row in rows
    ]


def example_params(row):
    """An example as plain values."""
    return {"subject": row.subject, "action": row.action, "frames": list(row.frames)}


def captions(names):
    """Captions of tables, as parameters: a changed caption prints its table again."""
    return {
        name: (ROOT / "workflow/report" / f"{name}.rst").read_text(encoding="utf-8") for name in names
    }


# The HTML form of every table. It is a parameter of its own, because source digests cover Python only.
TABLE_TEMPLATE = ROOT / "src/jointreg/tables/assets/table.html"


def printed(names):
    """Tables in every form except CSV: Markdown, LaTeX, HTML, terminal."""
    return [f"results/{RUN}/tables/{name}.{form}" for name in names for form in FORMS]


def table_report(name, form):
    """A table of the report, with its caption."""
    stem = name.split(".")[0]
    return report(
        f"results/{RUN}/tables/{name}",
        caption=f"../report/{stem}.rst",
        category="Tables",
        labels={"table": TITLES.get(stem, stem.replace("_", " ")), "form": form},
    )


def figure_report(name, what):
    """A figure of the report with its caption, then its forms for a paper."""
    base = f"results/{RUN}/figures/{name}"
    caption = f"../report/{name}.rst"
    svg = report(f"{base}.svg", caption=caption, category="Figures", labels={"figure": what})
    return [svg, f"{base}.pdf", f"{base}.png"]


def overlay_report(row):
    """The overlay of one example."""
    path = f"results/{RUN}/figures/overlay_{row.subject}_{row.action}.png"
    labels = {"subject": row.subject, "action": row.action}
    return report(path, caption="../report/overlay.rst", category="Overlays", labels=labels)


def determinacy_report(name):
    """The table on how well the data determine one regressor, with its caption."""
    return report(
        f"results/{RUN}/tables/regressor_{name}.csv",
        caption="../report/regressor.rst",
        category="Tables",
        labels={"table": f"what the data determine of J_{name}", "form": "data"},
    )
