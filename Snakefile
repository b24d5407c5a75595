"""Correct a joint regressor: refine bodies to joints and silhouettes, refit, evaluate (CRV 2022)."""

from snakemake.utils import min_version

min_version("9.20")


configfile: "config/config.yaml"


report: "workflow/report/workflow.rst"


include: "workflow/rules/common.smk"


if CONFIG.synthesize.enabled:

    include: "workflow/rules/open.smk"


if CONFIG.triangulate.enabled:

    include: "workflow/rules/lab.smk"


if CONFIG.body != "open":

    include: "workflow/rules/body.smk"


include: "workflow/rules/prepare.smk"
include: "workflow/rules/segment.smk"
include: "workflow/rules/estimate.smk"
include: "workflow/rules/networks.smk"
include: "workflow/rules/regressor.smk"
include: "workflow/rules/optimize.smk"
include: "workflow/rules/evaluate.smk"
include: "workflow/rules/paper.smk"
include: "workflow/rules/export.smk"


if CONFIG.synthesize.enabled:

    include: "workflow/rules/diagnose.smk"


include: "workflow/rules/report.smk"
include: "workflow/rules/offsets.smk"
include: "workflow/rules/learning_curve.smk"


rule all:
    """Everything: the paper's table and figures, and with the open data set the comparison with truth."""
    default_target: True
    input:
        rules.paper.input,
        rules.report.output,
        rules.export.output,
        rules.diagnose.output if CONFIG.synthesize.enabled else [],
        rules.draw_diagnosis.output if CONFIG.synthesize.enabled else [],
