"""A Slurm of one node with two GPUs that are none: installed, started, asked and stopped here.

Debian's packages and no systemd: munged, slurmctld and slurmd run as this user's processes with folders
and ports of their own. Job steps read `/etc/slurm/slurm.conf` whatever SLURM_CONF says, so a link stands
there while the tests run; a file or a link that is not ours is never replaced.
"""

import os
import re
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scancel", "scontrol")
LINK = Path("/etc/slurm/slurm.conf")
GPUS = {0: "/dev/null", 1: "/dev/zero"}
"""A node with a mere count of GPUs is drained: any character device is accepted as one."""

CONFIGURATION = """\
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller}
SlurmdPort={node}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
ReturnToService=2
KillWait=5
MinJobAge=3600
SchedulerParameters=batch_sched_delay=0,sched_interval=2,bf_interval=5
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
DefMemPerCPU=500
EnforcePartLimits=ALL
GresTypes=gpu
JobAcctGatherType=jobacct_gather/linux
AccountingStorageType=accounting_storage/none
NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} RealMemory={memory} Gres=gpu:{gpus} State=UNKNOWN
PartitionName=cpu Nodes={host} Default=YES MaxTime=1-0 State=UP
PartitionName=gpu Nodes={host} MaxTime=1-0 State=UP
"""


def why_not() -> str:
    """Why no Slurm of our own can run on this machine; empty where it can. Installs it where it may."""
    if os.geteuid() != 0:
        return "needs root: a link in /etc/slurm, packages of Debian"
    if os.path.lexists(LINK):
        return f"{LINK} is there: a Slurm that is left alone (or the link of a killed test: remove it)"
    if missing := [name for name in PROGRAMS if shutil.which(name) is None]:
        if shutil.which("apt-get") is None:
            return f"{', '.join(missing)} not installed, and no apt-get to install slurm-wlm and munge"
        for call in ("update", "install -y --no-install-recommends slurm-wlm munge"):
            done = subprocess.run(
                ["apt-get", "-q", *call.split()],
                env=os.environ | {"DEBIAN_FRONTEND": "noninteractive"},
                capture_output=True,
                text=True,
            )
            if done.returncode:
                return f"apt-get {call}: {done.stderr.strip().splitlines()[-1:]}"
    if running := [name for name in ("slurmctld", "slurmd") if _running(name)]:
        return f"{' and '.join(running)} runs on this machine and is not ours"
    return ""


class Slurm:
    """The daemons of one node, their folder, and what their clients say."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.conf = folder / "slurm.conf"

    def start(self) -> None:
        """Start munged, slurmctld and slurmd, and wait until the node is idle."""
        for name in ("state", "spool"):
            (self.folder / name).mkdir(parents=True)
        self.folder.chmod(0o755)
        host = socket.gethostname().split(".")[0]
        megabytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20
        controller, node = _free_ports(2)
        self.conf.write_text(
            CONFIGURATION.format(
                host=host,
                controller=controller,
                node=node,
                user="root",
                folder=self.folder,
                cpus=os.cpu_count(),
                memory=megabytes - 500,
                gpus=len(GPUS),
            )
        )
        gpus = "".join(f"Name=gpu File={device}\n" for device in GPUS.values())
        (self.folder / "gres.conf").write_text(gpus)
        key = self.folder / "munge.key"
        key.write_bytes(os.urandom(128))
        key.chmod(0o600)
        LINK.parent.mkdir(exist_ok=True)
        LINK.symlink_to(self.conf)
        try:
            _call(
                *("munged", "--force", f"--key-file={key}", f"--socket={self.folder}/munge.socket"),
                *(f"--pid-file={self.folder}/munged.pid", f"--log-file={self.folder}/munged.log"),
                f"--seed-file={self.folder}/munge.seed",
            )
            _wait(lambda: _answers("munge", "-n", "-S", f"{self.folder}/munge.socket"), "munged")
            _call("slurmctld", "-c", "-f", str(self.conf))
            _call("slurmd", "-f", str(self.conf), "-N", host)
            _wait(lambda: "State=IDLE " in self.ask("scontrol", "show", "node"), "an idle node")
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Cancel what is queued, and end the daemons by their own PID files."""
        for job in self.ask("squeue", "-h", "-o", "%i", check=False).split():
            self.ask("scancel", job, check=False)
        for name in ("slurmd", "slurmctld", "munged"):
            file = self.folder / f"{name}.pid"
            if not file.exists() or not (text := file.read_text().strip()):
                continue
            pid = int(text)
            if _name(pid).startswith(name):
                os.kill(pid, signal.SIGTERM)
                _wait(lambda pid=pid, name=name: not _name(pid).startswith(name), f"the end of {name}")
        if LINK.is_symlink() and LINK.readlink() == self.conf:
            LINK.unlink()

    def ask(self, *command: str, check: bool = True) -> str:
        """Output of a client, which is given 20 s: a drained node makes some wait for ever."""
        return _call("timeout", "20", *command, check=check)

    def jobs(self) -> list[dict[str, str]]:
        """Every job since the start, in order: its rule, state, GPU while it runs, limit and times."""
        found = []
        for text in self.ask("scontrol", "-d", "-o", "show", "job").splitlines():
            fields = dict(re.findall(r"(\S+?)=(\S*)", text))
            if "JobId" not in fields:
                continue
            gpus = re.search(r"GRES=gpu\S*\(IDX:([\d,-]+)\)", text)
            rule = re.search(r"Comment=rule_(\S+)", text)
            found.append(
                {
                    "job": fields["JobId"],
                    "rule": rule[1] if rule else fields.get("JobName", "-"),
                    "partition": fields["Partition"],
                    "state": fields["JobState"],
                    "gpu": gpus[1] if gpus else "-",
                    "limit": fields["TimeLimit"],
                    "start": fields["StartTime"].partition("T")[2],
                    "time": fields["RunTime"],
                }
            )
        return sorted(found, key=lambda job: int(job["job"]))


def table(rows: list[dict[str, str]]) -> str:
    """Rows as aligned columns under their names."""
    if not rows:
        return "no jobs"
    widths = {key: max(len(key), *(len(row[key]) for row in rows)) for key in rows[0]}
    lines = [{key: key for key in widths}, *rows]
    return "\n".join(
        "  ".join(f"{row[key]:<{w}}" for key, w in widths.items()).rstrip() for row in lines
    )


def _call(*command: str, check: bool = True) -> str:
    done = subprocess.run(command, capture_output=True, text=True)
    if check and done.returncode:
        raise RuntimeError(f"{' '.join(command)}: status {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def _answers(*command: str) -> bool:
    return subprocess.run(["timeout", "5", *command], capture_output=True).returncode == 0


def _wait(ready, what: str, seconds: float = 30) -> None:
    """Until `ready()`; raises TimeoutError after so many seconds."""
    end = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > end:
            raise TimeoutError(f"no {what} after {seconds:.0f} s")
        time.sleep(0.1)


def _name(pid: int) -> str:
    """Name of a process; empty when there is none, or it has ended and only its entry is left."""
    try:
        name, state = re.search(r"\((.*)\) (\S)", Path(f"/proc/{pid}/stat").read_text()).groups()
    except OSError:
        return ""
    return "" if state == "Z" else name


def _running(name: str) -> bool:
    return any(_name(int(p.name)).startswith(name) for p in Path("/proc").iterdir() if p.name.isdigit())


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports
