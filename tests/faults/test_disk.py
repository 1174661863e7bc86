"""A disk that is full while a run trains costs it an attempt, and it waits until there is room again."""

from pathlib import Path

import pytest

from tests.disks import small_disk
from tests.lab import Lab, slow


@pytest.mark.long
def test_a_run_whose_disk_is_full_waits_and_goes_on_from_its_checkpoint_once_there_is_room(tmp_path: Path) -> None:
    artifacts = tmp_path / "lab" / "artifacts"
    with small_disk(artifacts) as small:
        if not small:
            pytest.skip("A file system of its own cannot be mounted here, which takes the rights of root.")
        with Lab(tmp_path / "lab", W2S_CHECKPOINT_SECONDS="1", DISK_RESERVE_GIB="0.004") as lab:
            pk = lab.launch(slow())
            run = lab.run(pk, "weak")["run"]

            def kinds() -> list[str]:
                return [event["kind"] for event in lab.events(run)]

            lab.until(lambda: "checkpoint" in kinds())
            filler = artifacts / "filler"
            with pytest.raises(OSError, match="No space"):
                fill(filler)
            (lost,) = lab.until(lambda: [event for event in lab.events(run) if event["kind"] == "lost"])
            assert lost["cause"] == f"the disk of {artifacts} is full"
            waits = lab.until(lambda: "The disk of the artifacts has" in lab.read(f"/runs/{run}/") and lab.read(f"/runs/{run}/"))
            assert "free, and this run needs" in waits
            assert "Until that changes it waits." in waits
            filler.unlink()
            lab.until(lambda: kinds().count("started") == 2)
            again = [event for event in lab.events(run) if event["kind"] == "started"][1]
            assert again["resumed_from"] > 0
            lab.call("POST", f"/experiments/{pk}/stop")
            lab.finished(pk)


def fill(path: Path) -> None:
    with path.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(2**16))
