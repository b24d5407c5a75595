#!/bin/sh
# Snakemake's Slurm plugin asks for all jobs of an array what the first one needs, although a rule's memory and time
# may depend on the wildcards, and each job is asked for alone with its own. A long job behind a short one is killed
# for memory or time, without a word at the submission. The same holds for GPUs and partitions.
#
# Seen with snakemake 9.27.1 and snakemake-executor-plugin-slurm 2.8.0. Two jobs, of 5 minutes and 100 MB, and of 600
# minutes and 8000 MB:
#   one by one:           -t 5 --mem 100 and -t 600 --mem 8000
#   --slurm-array-jobs:   -t 5 --mem 101 --array=1-2, or -t 600 --mem 8001 --array=1-2: whichever job comes first
# Ends with status 1 if the array asks for more than one of the two. Needs Python 3.11 or later, `which` and a package
# index; no Slurm: its commands are stand-ins, and sbatch writes down what it is asked for.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet --disable-pip-version-check snakemake==9.27.1 \
    snakemake-executor-plugin-slurm==2.8.0
cd "$folder"
cat > Snakefile <<'SNAKEFILE'
rule all:
    input: "short.txt", "long.txt"

rule work:
    output: "{n}.txt"
    resources:
        mem_mb=lambda wildcards: {"short": 100, "long": 8000}[wildcards.n],
        runtime=lambda wildcards: {"short": 5, "long": 600}[wildcards.n],
    shell: "touch {output}"
SNAKEFILE
# sbatch writes down what it is asked for, and refuses.
mkdir bin
for name in scancel sinfo squeue sacct sacctmgr; do
    printf '#!/bin/sh\n' > "bin/$name"
done
printf '#!/bin/sh\necho "MaxArraySize = 1001"; echo "MinJobAge = 300 sec"\n' > bin/scontrol
printf '#!/bin/sh\necho "$*" >> "%s/asked.txt"\necho refused >&2\nexit 1\n' "$PWD" > bin/sbatch
chmod +x bin/*
asked() {
    rm -f asked.txt
    PATH="$PWD/bin:$PATH" "$folder/env/bin/snakemake" --executor slurm --jobs 2 --slurm-status-command squeue "$@" \
        --default-resources slurm_account=account slurm_partition=partition > log.txt 2>&1 || true
    grep -oE -e '(-t|--mem) [0-9]+|--array=[0-9-]+' asked.txt | tr '\n' ' '
}
alone=$(asked)
array=$(asked --slurm-array-jobs work)
echo "one by one: $alone"
echo "--slurm-array-jobs: $array"
[ "$(echo "$alone" | grep -o -e '--mem' | wc -l)" = 2 ] && echo "$array" | grep -q -e '--array=1-2' &&
    [ "$(echo "$array" | grep -o -e '--mem' | wc -l)" = 1 ] || { echo "changed: not the behaviour described above"; exit 1; }
echo "as described"
