"""What a job took, as the end of its log gives it."""

import re
import subprocess
import sys


def test_the_log_says_how_much_memory_a_job_took():
    """300 MB that are written to show, and no more than an interpreter with numpy beside them."""
    imports = "from jointreg.pipeline.job import _report_cost, np"
    code = f"{imports}; a = np.ones(300 * 2**17); del a; _report_cost(0.0)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    (memory,) = re.findall(r"^memory (\d+) MB at most$", done.stdout, re.MULTILINE)
    assert 300 < int(memory) < 450
