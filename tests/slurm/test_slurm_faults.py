"""What goes wrong on a cluster. After each fault the tables are those of an undisturbed run, byte for
byte, and no job that had finished was made again.
"""

import os
import signal

import one_node
from runs import FROM_OPTIMIZE, Run, copy_without, on_slurm, recovered, scripts, until


def optimizing(slurm):
    """Jobs of `optimize` that run now."""
    return [
        job for job in slurm.jobs() if job["state"] == "RUNNING" and job["rule"].startswith("optimize")
    ]


def unfinished(slurm):
    """Jobs that wait or run now."""
    return [job for job in slurm.jobs() if job["state"] in ("PENDING", "RUNNING", "COMPLETING")]


def jobs_after(watcher, known):
    """Log of the jobs since there were so many."""
    return f"\n{one_node.table(watcher.jobs()[known:])}"


def test_a_cancelled_job(slurm, watcher, finished, tmp_path):
    known = len(slurm.jobs())
    folder = copy_without(finished, tmp_path / "run", *FROM_OPTIMIZE)
    run = Run(folder, *on_slurm())
    slurm.ask("scancel", until(lambda: optimizing(slurm), "optimize")[0]["job"])
    assert run.wait() == 0, run.text
    assert "CANCELLED" in {job["state"] for job in slurm.jobs()[known:]}
    print(jobs_after(watcher, known))
    recovered(folder, finished)


def test_a_killed_process(slurm, watcher, finished, tmp_path):
    known = len(slurm.jobs())
    folder = copy_without(finished, tmp_path / "run", *FROM_OPTIMIZE)
    run = Run(folder, *on_slurm())
    os.kill(until(lambda: scripts(folder, "optimize"), "optimize")[0], signal.SIGKILL)
    assert run.wait() == 0, run.text
    assert "FAILED" in {job["state"] for job in slurm.jobs()[known:]}
    print(jobs_after(watcher, known))
    recovered(folder, finished)


def test_the_end_of_the_wall_time(slurm, watcher, finished, tmp_path):
    """A minute, of which a stopped process makes nothing; then ten, enough on a busy machine."""
    known = len(slurm.jobs())
    folder = copy_without(finished, tmp_path / "run", *FROM_OPTIMIZE)
    run = Run(folder, *on_slurm(resources=["optimize:runtime=1 + 9 * (attempt - 1)"]))
    os.kill(until(lambda: scripts(folder, "optimize"), "optimize")[0], signal.SIGSTOP)
    assert run.wait() == 0, run.text
    assert "TIMEOUT" in {job["state"] for job in slurm.jobs()[known:]}
    print(jobs_after(watcher, known))
    recovered(folder, finished)


def test_a_killed_controller(slurm, watcher, finished, tmp_path):
    """Its jobs live on: when they have ended, the next run goes on from there."""
    known = len(slurm.jobs())
    folder = copy_without(finished, tmp_path / "run", *FROM_OPTIMIZE)
    run = Run(folder, *on_slurm())
    held = until(lambda: scripts(folder, "optimize"), "optimize")[0]
    os.kill(held, signal.SIGSTOP)
    until(lambda: "Finished jobid" in run.text, "the other job of optimize")
    run.kill()
    os.kill(held, signal.SIGCONT)
    until(lambda: not optimizing(slurm), "the end of the job without its controller")
    assert slurm.jobs()[-1]["state"] == "COMPLETED"
    assert Run(folder, *on_slurm("--unlock")).wait() == 0
    again = Run(folder, *on_slurm("--rerun-incomplete"))
    assert again.wait() == 0, again.text
    print(jobs_after(watcher, known))
    recovered(folder, finished)


def test_a_job_that_was_preempted_and_finished_is_not_made_again_after_its_controller_was_killed(
    slurm, watcher, finished, tmp_path
):
    """Slurm puts a preempted job back into its queue, under the same number."""
    known = len(slurm.jobs())
    folder = copy_without(finished, tmp_path / "run", *FROM_OPTIMIZE)
    run = Run(folder, *on_slurm())
    preempted = until(lambda: optimizing(slurm), "optimize")[0]["job"]
    slurm.ask("scontrol", "requeue", preempted)
    slurm.ask("scontrol", "release", preempted, check=False)
    until(lambda: run.text.count("Finished jobid") >= 2, "both jobs of optimize")
    run.kill()
    until(lambda: not unfinished(slurm), "the end of the jobs without their controller")
    ended = len(slurm.jobs())
    assert Run(folder, *on_slurm("--unlock")).wait() == 0
    again = Run(folder, *on_slurm("--rerun-incomplete"))
    assert again.wait() == 0, again.text
    print(jobs_after(watcher, known))
    rules = [job["rule"] for job in slurm.jobs()[known:]]
    assert sum(rule.startswith("optimize") for rule in rules) == 2
    assert not [job for job in slurm.jobs()[ended:] if job["rule"].startswith("optimize")]
    recovered(folder, finished)
