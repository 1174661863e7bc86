"""The browser libraries and fonts in static/vendor are the files that VERSIONS.txt says they are, and ask for nothing outside."""

import re
from hashlib import sha256
from pathlib import Path

import pytest

VENDOR = Path(__file__).parents[1] / "static" / "vendor"
LISTED = [line.split("  ") for line in (VENDOR / "VERSIONS.txt").read_text().splitlines() if line and not line.startswith("#")]


@pytest.mark.parametrize("row", LISTED, ids=lambda row: row[0])
def test_a_file_has_the_digest_that_is_listed(row: list[str]) -> None:
    name, _, _, _, digest = row
    assert sha256((VENDOR / name).read_bytes()).hexdigest() == digest


@pytest.mark.parametrize("row", [row for row in LISTED if row[0].endswith(".js")], ids=lambda row: row[0])
def test_a_script_carries_the_version_that_is_listed(row: list[str]) -> None:
    name, _, version, _, _ = row
    assert re.search(rf"""["'`]{re.escape(version)}["'`]""", (VENDOR / name).read_text())


def test_every_file_is_listed_and_every_licence_is_there() -> None:
    files = {path.relative_to(VENDOR).as_posix() for path in VENDOR.rglob("*") if path.is_file()}
    assert {name for name in files if "LICENSE" not in name} == {row[0] for row in LISTED} | {"VERSIONS.txt"}
    assert sum("LICENSE" in name for name in files) == len(LISTED)


def test_no_script_names_a_source_map() -> None:
    assert not [path.name for path in VENDOR.glob("*.js") if re.search(r"^//# sourceMappingURL", path.read_text(), re.M)]
