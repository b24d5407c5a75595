#!/bin/sh
# Snakemake keeps a record of every output, by which it sees that a parameter has changed: one file each with
# --persistence-backend file, one database with db. A folder whose outputs were recorded by one of them is not
# remade when the other is asked: the parameter has changed, the plan is empty, and nothing names the reason.
# So a cluster profile that sets db hides a change from runs that were begun without it, and the other way round.
#
# Seen with snakemake 9.27.1:
#   made with file, parameter changed, planned with file: 1 jobs, with db: 0 jobs
#   made with db, parameter changed, planned with db: 1 jobs, with file: 0 jobs
# Ends with status 1 if a plan differs. Needs Python 3.11 or later and a package index.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet --disable-pip-version-check snakemake==9.27.1
status=0
for made in file db; do
    mkdir "$folder/$made"
    cd "$folder/$made"
    cat >Snakefile <<'RULES'
rule fit:
    output:
        "fit.txt",
    params:
        root=config["root"],
    shell:
        "echo {params.root} > {output}"
RULES
    "$folder/env/bin/snakemake" --cores 1 --quiet all --persistence-backend "$made" --config root=pelvis
    for asked in file db; do
        plan=$("$folder/env/bin/snakemake" -n --persistence-backend "$asked" --config root=spine 2>&1)
        jobs=$(printf '%s\n' "$plan" | awk '/^rule fit:/ {count++} END {print count + 0}')
        echo "made with $made, parameter changed, planned with $asked: $jobs jobs"
        if [ "$made" = "$asked" ]; then expected=1; else expected=0; fi
        [ "$jobs" = "$expected" ] || status=1
    done
done
[ $status = 0 ] && echo "as described" || echo "changed: not the behaviour described above"
exit $status
