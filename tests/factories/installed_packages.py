"""The package w2s-lab, built from the checkout and installed into an environment of its own, outside the checkout."""

import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

from tests.lab import ROOT, Lab

STATE = Path(".local/share/w2s-lab")
"""Where an installed laboratory keeps its state, below the home folder."""


def built(folder: Path) -> Path:
    """Return the wheel of the checkout."""
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=120)
    (wheel,) = folder.glob("*.whl")
    return wheel


class InstalledPackage:
    """An environment with the package, a home folder, and the dependencies of the tests' own environment."""

    def __init__(self, folder: Path) -> None:
        self.place, self.home = folder / "environment", folder / "home"
        self.home.mkdir()
        venv.create(self.place, symlinks=True)
        site = self.place / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"
        (site / "dependencies.pth").write_text(f"{sysconfig.get_path('purelib')}\n")
        self.before = self.files()
        (folder / "wheel").mkdir()
        self._pip("install", "--no-deps", "--no-index", str(built(folder / "wheel")))
        left_out = ("DATA_DIR", "DATASETS_DIR", "PYTHONPATH", "DJANGO_SETTINGS_MODULE", "SECRET_KEY", "XDG_DATA_HOME")
        self.environment = {name: value for name, value in os.environ.items() if name not in left_out}
        self.environment |= {"HOME": str(self.home), "PATH": f"{self.place / 'bin'}{os.pathsep}{os.environ['PATH']}"}

    def _pip(self, *words: str) -> None:
        command = [sys.executable, "-m", "pip", "--python", str(self.place / "bin" / "python"), "--quiet", *words]
        subprocess.run([*command, "--disable-pip-version-check"], check=True, capture_output=True, cwd=self.home, timeout=120)

    def files(self) -> set[Path]:
        """Return the files of the environment."""
        return {path for path in self.place.rglob("*") if path.is_file()}

    def w2s(self, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Return the command after its end."""
        command = [str(self.place / "bin" / "w2s"), *words]
        return subprocess.run(
            command, cwd=self.home, env=self.environment | environment, capture_output=True, text=True, check=False, timeout=900
        )

    def lab(self, *arguments: str) -> Lab:
        """Return its laboratory, which keeps its state where the platform does."""
        return InstalledLab(self, *arguments)

    def uninstall(self) -> None:
        self._pip("uninstall", "--yes", "w2s-lab")


class InstalledLab(Lab):
    """The laboratory as ``w2s`` starts it."""

    def __init__(self, package: InstalledPackage, *arguments: str) -> None:
        super().__init__(package.home / STATE, *arguments)
        self.environment = package.environment
        self.program = (str(package.place / "bin" / "w2s"),)
        self.folder = package.home

    def prepare(self) -> None:
        """Leave tables and static files to the package."""
