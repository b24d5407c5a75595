"""One Slurm for all tests of this folder, and one tiny run finished on it."""

import contextlib
import threading

import one_node
import pytest
from dry_run import copy_project
from runs import Run, on_slurm


@pytest.fixture(scope="session")
def slurm(tmp_path_factory):
    """A running Slurm of one node; the test is skipped, and says why, where there can be none."""
    if reason := one_node.why_not():
        pytest.skip(f"no Slurm of our own: {reason}")
    slurm = one_node.Slurm(tmp_path_factory.mktemp("node"))
    slurm.start()
    yield slurm
    slurm.stop()


class Watcher:
    """Remembers the GPU of every job: Slurm forgets it when a job has ended."""

    def __init__(self, slurm):
        self.slurm, self.gpus, self.over = slurm, {}, threading.Event()
        self.thread = threading.Thread(target=self.watch, daemon=True)

    def watch(self):
        while not self.over.wait(1):
            with contextlib.suppress(RuntimeError):  # a busy machine: asked again in a second
                for job in self.slurm.jobs():
                    if job["gpu"] != "-":
                        self.gpus[job["job"]] = job["gpu"]

    def jobs(self):
        return [job | {"gpu": self.gpus.get(job["job"], "-")} for job in self.slurm.jobs()]


@pytest.fixture(scope="session")
def watcher(slurm):
    watcher = Watcher(slurm)
    watcher.thread.start()
    yield watcher
    watcher.over.set()
    watcher.thread.join()


@pytest.fixture(scope="session")
def finished(slurm, watcher, root, tmp_path_factory):
    """A checkout in which Slurm has made the tiny run; the log of its jobs is printed."""
    folder = copy_project(root, tmp_path_factory.mktemp("slurm") / "finished")
    run = Run(folder, *on_slurm(targets=()))
    assert run.wait() == 0, run.text
    print(f"\n{one_node.table(watcher.jobs())}")
    return folder
