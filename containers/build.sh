#!/bin/sh
# The steps of both images, as root. /checkout/.git is the repository; the argument is the index of torch.
set -eu
# git: results name the commit that they come from. Root owns the repository, and other users ask it.
apt-get update
apt-get install -y --no-install-recommends git
rm -rf /var/lib/apt/lists/*
git config --system --add safe.directory '*'
git clone --quiet /checkout /opt/jointreg
cd /opt/jointreg
pip install --no-cache-dir -c constraints.txt torch --index-url "$1"
pip install --no-cache-dir -c constraints.txt -e '.[workflow,lab]'
# What a user of the image cannot write is compiled here: modules, and the kernels, which run.sh copies.
python -m compileall -q src
NUMBA_CACHE_DIR=/opt/kernels OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 NUMBA_NUM_THREADS=1 python tools/warm_up.py
