# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

from mtmsd_qgis.report.apply_report import expected_accuracy
from tests.classifier_descriptions import a_description


def test_a_map_that_nothing_speaks_against_is_no_more_right_than_there():
    assert expected_accuracy(a_description()) == (
        "In the scene that it was learnt from, the classifier has an overall accuracy of 70.0 %. Expect no more here."
    )
    assert expected_accuracy(a_description(accuracy=None)).endswith("is not known.")
