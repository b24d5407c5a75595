#!/bin/sh
# A raw file is gone, the file that was made of it is still there, and a parameter of the rule that made it has
# changed. Snakemake takes the old file for a source file: it neither asks for the raw file nor mentions the
# changed parameter. What follows is made of the old file under the new parameter, with exit status 0.
# With the raw file in its place, the same change reruns the rule.
#
# Seen with snakemake 9.27.1 and Python 3.11: the report says "take 2" and holds take 1.
# Ends with status 1 if Snakemake stops, or makes anything else. Needs a package index.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet --disable-pip-version-check snakemake==9.27.1
mkdir "$folder/run"
cd "$folder/run"
cat > Snakefile <<'SNAKEFILE'
rule report:
    input: "prepared.txt"
    output: "report.txt"
    params: take=config["take"]
    shell: "echo report of take {params.take} > {output}; cat {input} >> {output}"

rule prepare:
    input: "raw.txt"
    output: "prepared.txt"
    params: take=config["take"]
    shell: "echo frames of take {params.take} > {output}"
SNAKEFILE
touch raw.txt
run() { "$folder/env/bin/snakemake" --cores 1 "$@" > log.txt 2>&1; }
run --config take=1
run --dry-run --config take=2
grep -q '^rule prepare:' log.txt || { echo "changed: a new parameter does not rerun prepare"; exit 1; }
mv raw.txt elsewhere.txt
if ! run --config take=2; then
    echo "changed: Snakemake stops when the raw file is gone"
    exit 1
fi
cat report.txt
printf 'report of take 2\nframes of take 1\n' > expected.txt
cmp -s expected.txt report.txt || { echo "changed: the report holds something else"; exit 1; }
echo "as described: a report of take 2 that holds take 1, status 0"
