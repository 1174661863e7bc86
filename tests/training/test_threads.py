"""The number of threads of a trainer, from what its process may use."""

import os
from pathlib import Path

import pytest

from training import threads
from training.environment import SettingError

VARIABLES = ("W2S_THREADS", "W2S_TRAINERS", "OMP_NUM_THREADS", "SLURM_CPUS_PER_TASK")
UNIFIED = "41 31 0:38 / /sys/fs/cgroup rw,relatime shared:4 - cgroup2 cgroup2 rw\n"
CPU = "32 31 0:29 {within} /sys/fs/cgroup/cpu,cpuacct rw,relatime - cgroup cgroup rw,cpu,cpuacct\n"
MEMORY = "36 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n"


@pytest.fixture(autouse=True)
def large_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine of 64 cores, all of which this process may use, and no variable that says otherwise."""
    monkeypatch.setattr(os, "cpu_count", lambda: 64)
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(64)))
    monkeypatch.setattr(threads, "cgroup_quota", lambda: None)
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


def tree(root: Path, groups: str, mounts: str, files: dict[str, str]) -> float | None:
    """Return the quota that is read from made files below ``root``."""
    (root / "process").mkdir()
    (root / "process" / "cgroup").write_text(groups)
    (root / "process" / "mountinfo").write_text(mounts)
    for name, text in files.items():
        path = root / "sys/fs/cgroup" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{text}\n")
    return QUOTA(root / "process", root)


QUOTA = threads.cgroup_quota


@pytest.mark.parametrize(
    ("files", "quota"),
    [
        ({"slurm/job/cpu.max": "50000 100000"}, 0.5),
        ({"slurm/job/cpu.max": "max 100000", "slurm/cpu.max": "400000 100000"}, 4.0),
        ({"slurm/job/cpu.max": "400000 100000", "slurm/cpu.max": "150000 100000"}, 1.5),
        ({"slurm/job/cpu.max": "max 100000", "slurm/other/cpu.max": "50000 100000"}, None),
        ({"slurm/job/cpu.max": "nonsense"}, None),
        ({}, None),
    ],
)
def test_the_quota_is_the_least_of_the_group_and_of_those_around_it(
    tmp_path: Path, files: dict[str, str], quota: float | None
) -> None:
    assert tree(tmp_path, "0::/slurm/job\n", UNIFIED, files) == quota


@pytest.mark.parametrize(
    ("path", "within", "files", "quota"),
    [
        ("/job", "/", {"job/cpu.cfs_quota_us": "50000", "job/cpu.cfs_period_us": "100000"}, 0.5),
        ("/job", "/", {"job/cpu.cfs_quota_us": "-1", "job/cpu.cfs_period_us": "100000"}, None),
        ("/docker/a1/job", "/docker/a1", {"cpu.cfs_quota_us": "300000", "cpu.cfs_period_us": "100000"}, 3.0),
    ],
)
def test_the_first_version_of_control_groups_is_read_too_in_a_container_as_well(
    tmp_path: Path, path: str, within: str, files: dict[str, str], quota: float | None
) -> None:
    groups = f"5:memory:{path}\n4:cpu,cpuacct:{path}\n0::/\n"
    mounts = MEMORY + CPU.format(within=within) + UNIFIED.replace("/sys/fs/cgroup", "/sys/fs/cgroup/unified")
    assert tree(tmp_path, groups, mounts, {f"cpu,cpuacct/{name}": text for name, text in files.items()}) == quota


def test_a_mount_without_a_source_does_not_hide_the_quota(tmp_path: Path) -> None:
    nameless = "43 31 0:40 / /mnt rw,relatime - tmpfs  rw,size=1024k\n"
    assert tree(tmp_path, "0::/job\n", nameless + UNIFIED, {"job/cpu.max": "50000 100000"}) == 0.5


def test_a_system_without_control_groups_has_no_quota(tmp_path: Path) -> None:
    assert QUOTA(tmp_path, tmp_path) is None


@pytest.mark.parametrize(("quota", "number"), [(0.5, 1), (1.0, 1), (1.9, 1), (4.0, 4), (32.0, 8)])
def test_a_quota_gives_as_many_threads_as_it_has_whole_cores_and_at_least_one(
    monkeypatch: pytest.MonkeyPatch, quota: float, number: int
) -> None:
    monkeypatch.setattr(threads, "cgroup_quota", lambda: quota)
    assert threads.allowed().number == number


def test_a_trainer_takes_no_more_than_its_affinity_and_no_more_than_eight(monkeypatch: pytest.MonkeyPatch) -> None:
    assert threads.allowed() == (8, "the most that a trainer takes")
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {3, 5})
    assert threads.allowed() == (2, "the CPU affinity of this process")


@pytest.mark.parametrize(
    ("variables", "processes", "number"),
    [
        ({"W2S_THREADS": "12"}, 1, 12),
        ({"W2S_THREADS": "12", "OMP_NUM_THREADS": "1", "W2S_TRAINERS": "4"}, 1, 12),
        ({"W2S_THREADS": "12"}, 4, 3),
        ({"W2S_THREADS": "1"}, 4, 1),
        ({"OMP_NUM_THREADS": "3"}, 1, 3),
        ({"OMP_NUM_THREADS": "3,1"}, 1, 3),
        ({"OMP_NUM_THREADS": "12"}, 1, 8),
        ({"OMP_NUM_THREADS": "many"}, 1, 8),
        ({"W2S_TRAINERS": "16"}, 1, 4),
        ({"W2S_TRAINERS": "16"}, 2, 2),
        ({"W2S_TRAINERS": "100"}, 1, 1),
        ({"SLURM_CPUS_PER_TASK": "4"}, 1, 4),
    ],
)
def test_variables_decide_and_cores_are_divided_among_trainers_and_processes(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], processes: int, number: int
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert threads.allowed(processes).number == number


def test_slurm_is_believed_only_where_it_does_not_bind_its_tasks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLURM_CPUS_PER_TASK", "2")
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {0, 1, 2, 3})
    assert threads.allowed() == (4, "the CPU affinity of this process")


def test_the_source_names_what_the_cores_were_divided_by(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("W2S_TRAINERS", "16")
    assert threads.allowed(2) == (2, "the cores of this machine, divided by 16 trainers and 2 processes")


@pytest.mark.parametrize("name", ["W2S_THREADS", "W2S_TRAINERS"])
@pytest.mark.parametrize("value", ["0", "-1", "two", "1.5"])
def test_a_variable_that_is_no_number_of_threads_is_refused(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingError, match=f"{name} must be a whole number from 1, and it is “{value}”"):
        threads.allowed()


def test_passive_waiting_is_a_default_that_the_environment_may_change(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "environ", {"GOMP_SPINCOUNT": "100"})
    threads.wait_passively()
    assert os.environ == {"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "100", "KMP_BLOCKTIME": "0"}
