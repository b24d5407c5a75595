"""Correct a joint regressor: refine bodies to joints and silhouettes, refit, evaluate (CRV 2022)."""

import os
from pathlib import Path

from snakemake.utils import min_version

min_version("9.20")
# The working directory is another one where a run is started from outside, or as a module of another workflow.
ROOT = Path(workflow.current_basedir).resolve()


configfile: os.path.relpath(ROOT / "config/config.yaml")


report: "workflow/report/workflow.rst"


include: "workflow/rules/common.smk"
include: "workflow/rules/inputs.smk"


if IS_SYNTHETIC:

    include: "workflow/rules/open.smk"


if CONFIG.dataset.source == "landmarks":

    include: "workflow/rules/lab.smk"


if CONFIG.body != "open":

    include: "workflow/rules/body.smk"


include: "workflow/rules/captions.smk"
include: "workflow/rules/prepare.smk"
include: "workflow/rules/segment.smk"
include: "workflow/rules/estimate.smk"
include: "workflow/rules/networks.smk"
include: "workflow/rules/regressor.smk"
include: "workflow/rules/optimize.smk"
include: "workflow/rules/evaluate.smk"
include: "workflow/rules/tables.smk"
include: "workflow/rules/figures.smk"
include: "workflow/rules/export.smk"


if IS_SYNTHETIC:

    include: "workflow/rules/diagnose.smk"


include: "workflow/rules/report.smk"
include: "workflow/rules/offsets.smk"
include: "workflow/rules/learning_curve.smk"


rule paper:
    """Everything that regenerates the paper, without the comparison with the truth."""
    input:
        rules.table_1.output,
        rules.agreement.output,
        rules.figures.output,
        rules.animation.output,
        # With synthetic data the report contains the comparison with the truth, and belongs to `all`.
        [] if IS_SYNTHETIC else rules.report.output,


rule all:
    """Everything: the paper's tables and figures, and with synthetic data the comparison with the truth."""
    default_target: True
    input:
        rules.paper.input,
        rules.report.output,
        rules.export.output,
        rules.diagnose.output if IS_SYNTHETIC else [],
        rules.draw_diagnosis.output if IS_SYNTHETIC else [],
