"""Predictions of three examples, and damage to a file."""

import os
from pathlib import Path

import numpy as np

from training.storage.predictions import Predictions, Trajectory


def predictions() -> Predictions:
    return Predictions(
        id=np.array([5, 3, 9]),
        split=np.array(["transfer", "test", "test"]),
        group=np.array([0, 1, 1]),
        gold=np.array([1, 0, 1], np.int8),
        prob=np.array([0.9, 0.5, 0.25], np.float32),
    )


def trajectory() -> Trajectory:
    return Trajectory(
        steps=np.array([0, 4, 8, 9]),
        id=np.array([7, 5, 6]),
        prob=np.array([[0.5, 0.5, 0.5], [0.25, 0.1, 0.9], [0.9, 0.8, 0.1], [0.9, 0.2, 0.5]], np.float32),
        validation=np.array([np.nan, 0.5, 0.75, 0.75]),
        selected=8,
    )


def flip(path: Path, bit: int) -> None:
    """Change one bit of a file in place, and leave its time as it was."""
    status, content = path.stat(), bytearray(path.read_bytes())
    content[bit // 8 % len(content)] ^= 1 << bit % 8
    path.write_bytes(content)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
