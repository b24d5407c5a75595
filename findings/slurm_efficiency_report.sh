#!/bin/sh
# `--slurm-efficiency-report` of a run that passes midnight. The plugin asks `sacct --name=<run>` without a start
# time, for which sacct takes 00:00 of the current day: jobs that ended before the last midnight are in no row,
# and no message says so. A run all of whose jobs ended earlier: "No job data found", no file.
# And `--slurm-efficiency-threshold` (0.8 if not given) is compared with per cent: a job that used half of its
# CPU is not warned about, only one that used less than 0.8 %.
#
# Seen with snakemake-executor-plugin-slurm 2.8.0 and Slurm 22.05.8 with slurmdbd: the sacct below answers as that
# one did. Ends with status 1 if the plugin asks for a start time, or warns. Needs a package index.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet --disable-pip-version-check snakemake==9.27.1 \
    snakemake-executor-plugin-slurm==2.8.0
cd "$folder"
mkdir bin
cat > bin/sacct <<'SACCT'
#!/bin/sh
job() { # number, rule
    echo "$1|run|$2|00:01:40|00:50.000|1|1||4000M"
    echo "$1.0|python3||00:01:40|00:50.000|1|1|1000000K|"
}
case " $*" in *" -S"* | *" --starttime"*) job 1 rule_yesterday ;; esac
job 2 rule_today
SACCT
chmod +x bin/sacct
PATH="$PWD/bin:$PATH" env/bin/python - > log.txt 2>&1 <<'PYTHON'
import logging

from snakemake_executor_plugin_slurm.efficiency_report import create_efficiency_report

logging.basicConfig(level=logging.INFO)
create_efficiency_report(0.8, "run", None, logging.getLogger())
PYTHON
cut -d, -f2,4,16 efficiency_report_run.csv
grep -q rule_today efficiency_report_run.csv || { echo "changed: no row for the job of today"; exit 1; }
if grep -q rule_yesterday efficiency_report_run.csv || grep -q "low CPU efficiency" log.txt; then
    echo "changed: not the behaviour described above"
    exit 1
fi
echo "as described: no row for the job of yesterday, and no warning about 50 %"
