"""Exports leave the disk piece by piece."""

import tempfile
from pathlib import Path

from webapp.explorer.download import PIECE, download


async def test_a_file_is_passed_on_in_pieces_and_closed_at_its_end(tmp_path: Path) -> None:
    content = bytes(range(256)) * (4 * PIECE // 256) + b"end"
    (tmp_path / "made.parquet").write_bytes(content)
    file = (tmp_path / "made.parquet").open("rb")
    answer = download(file, "made.parquet")
    pieces = [piece async for piece in answer]
    assert [len(piece) for piece in pieces] == [PIECE] * 4 + [3]
    assert b"".join(pieces) == content
    assert answer["Content-Length"] == str(len(content))
    assert answer["Content-Disposition"] == 'attachment; filename="made.parquet"'
    assert file.closed


async def test_a_large_file_does_not_pass_through_memory_as_a_whole() -> None:
    """Read the response as the server does: one piece is taken before the next one is read."""
    with tempfile.TemporaryFile() as file:
        file.truncate(50 * PIECE)
        answer = download(file, "made.csv")
        read: list[int] = []
        async for piece in answer:
            read.append(file.tell())
            assert len(piece) <= PIECE
        assert read == [PIECE * at for at in range(1, 51)]
