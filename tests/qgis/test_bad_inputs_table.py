# SPDX-License-Identifier: GPL-2.0-or-later
"""A hundred ways to ask for what cannot work: each is refused with words of its own, and no file appears."""

from __future__ import annotations

import processing
import pytest
from bad_inputs import CASES, Place
from qgis.core import QgsProcessingException
from scenes import Log


def test_there_are_enough_of_them_and_each_is_there_once():
    assert len({(algorithm, name) for algorithm, name, _, _ in CASES}) == len(CASES)
    assert len(CASES) >= 90


@pytest.mark.parametrize(
    ("algorithm", "make", "words"), [(a, m, w) for a, _, m, w in CASES], ids=[f"{a}-{n}" for a, n, _, _ in CASES]
)
def test_it_is_refused_and_leaves_nothing(scene, tmp_path, fake_worker, algorithm, make, words):
    fake_worker("sys.exit(9)")  # all of them are refused before a worker is asked
    (tmp_path / "in").mkdir()
    (tmp_path / "out").mkdir()
    parameters = make(Place(scene, tmp_path / "in", tmp_path / "out"))
    before = {path: path.read_bytes() for path in (tmp_path / "in").iterdir() if path.is_file()}
    with pytest.raises(QgsProcessingException) as caught:
        processing.run(f"mtmsd:{algorithm}", parameters, feedback=Log())
    assert words in str(caught.value)
    assert "Traceback" not in str(caught.value)
    assert list((tmp_path / "out").iterdir()) == []
    after = {path: path.read_bytes() for path in (tmp_path / "in").iterdir() if path.suffix != ".xml"}
    assert after == before
