# SPDX-License-Identifier: GPL-2.0-or-later
"""Documents have the endings of what is in them: programs go by these."""

from __future__ import annotations

import pytest
from qgis.core import QgsApplication, QgsProcessingContext, QgsProcessingException
from scenes import run


@pytest.mark.parametrize(
    ("name", "output", "file", "ending"),
    [
        ("classify", "REPORT", "report.pdf", ".html"),
        ("describefile", "REPORT", "report.docx", ".html"),
        ("assessaccuracy", "OUTPUT_JSON", "report.csv", ".json"),
        ("assessaccuracy", "OUTPUT_CSV", "report.xlsx", ".csv"),
        ("checkenvironment", "OUTPUT_HTML", "report.txt", ".html"),
    ],
)
def test_a_document_has_the_ending_of_what_is_in_it(name, output, file, ending, tmp_path):
    from mtmsd.algorithms.base.parameters import ParameterValues

    algorithm = QgsApplication.processingRegistry().createAlgorithmById(f"mtmsd:{name}")
    values = ParameterValues(algorithm, {output: str(tmp_path / file)}, QgsProcessingContext())
    with pytest.raises(QgsProcessingException, match=rf"{output} should be a file whose name ends in \{ending}, as"):
        algorithm.refuse_other_endings(values)


def test_a_run_is_refused_before_its_work(tmp_path):
    with pytest.raises(QgsProcessingException, match=r"OUTPUT_HTML should be a file whose name ends in \.html"):
        run("checkenvironment", {"OUTPUT_HTML": str(tmp_path / "report.pdf")})
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("file", ["report.html", "Report.HTM", "report", "report_v1.2", "TEMPORARY_OUTPUT"])
def test_pages_may_have_these_names(file, tmp_path):
    place = file if file.isupper() else str(tmp_path / file)
    run("checkenvironment", {"OUTPUT_HTML": place})
