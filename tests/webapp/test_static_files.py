"""Static files are collected once for the same sources."""

from pathlib import Path

import pytest
from django.conf import LazySettings
from django.contrib.staticfiles.finders import FileSystemFinder

from webapp import static_files


def test_they_are_collected_again_only_when_a_source_has_changed(
    tmp_path: Path, settings: LazySettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []
    source = tmp_path / "source"
    source.mkdir()
    (source / "lab.css").write_text("a { color: red }")
    settings.STATICFILES_DIRS, settings.STATIC_ROOT = [source], tmp_path / "collected"
    monkeypatch.setattr(static_files, "get_finders", lambda: [FileSystemFinder()])

    def collectstatic(name: str, **_: object) -> None:
        calls.append(name)
        settings.STATIC_ROOT.mkdir(exist_ok=True)

    monkeypatch.setattr(static_files, "call_command", collectstatic)
    static_files.collect()
    static_files.collect()
    assert calls == ["collectstatic"]
    (source / "lab.css").write_text("a { color: blue; }")
    static_files.collect()
    assert calls == ["collectstatic"] * 2
    settings.STATIC_ROOT.rmdir()
    static_files.collect()
    assert calls == ["collectstatic"] * 3
