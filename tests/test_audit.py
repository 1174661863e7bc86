"""The look for known vulnerabilities fails where some are known, and says plainly where it could not be made."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.lab import ROOT

KNOWN = {"name": "old", "version": "1.0", "vulns": [{"id": "PYSEC-1", "fix_versions": ["1.1"]}]}
CLEAN = {"name": "new", "version": "2.0", "vulns": []}
UNKNOWN = {"name": "ours", "skip_reason": "Dependency not found on PyPI"}


def audit(folder: Path, program: str) -> subprocess.CompletedProcess[str]:
    """Run the audit with ``program`` in place of pip-audit; it finds the path that it has to write in ``$found``."""
    (folder / "pip-audit").write_text(f'#!/bin/bash\nwhile [ "$1" != --output ]; do shift; done\nfound=$2\n{program}\n')
    (folder / "pip-audit").chmod(0o755)
    (folder / "python").symlink_to(sys.executable)
    command = [str(ROOT / ".ci" / "audit"), str(folder)]
    environ = {"PATH": "/usr/bin:/bin", "AUDIT_SECONDS": "3"}
    return subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize(
    ("packages", "status", "said"),
    [
        ([KNOWN, CLEAN], 1, "old 1.0: PYSEC-1, fixed in 1.1\n2 packages audited, 1 vulnerabilities known.\n"),
        ([CLEAN, UNKNOWN], 0, "1 packages audited, 0 vulnerabilities known.\nNot known to the advisory service: ours.\n"),
        ([UNKNOWN], 0, "NOT AUDITED: the package index that is set here knows no advisories.\n"),
    ],
)
def test_what_is_known_of_the_packages_decides(tmp_path: Path, packages: list[dict[str, object]], status: int, said: str) -> None:
    done = audit(tmp_path, f"cat > $found <<'E'\n{json.dumps({'dependencies': packages})}\nE\nexit 1")
    assert (done.returncode, done.stdout) == (status, said)


@pytest.mark.parametrize("program", ["echo 'Connection refused' >&2; exit 1", "sleep 60"])
def test_a_service_that_does_not_answer_fails_nothing_and_is_said(tmp_path: Path, program: str) -> None:
    done = audit(tmp_path, program)
    assert done.returncode == 0
    assert done.stdout.startswith("NOT AUDITED: the advisory service could not be asked")
