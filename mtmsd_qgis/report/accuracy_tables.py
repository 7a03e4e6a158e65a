# SPDX-License-Identifier: GPL-2.0-or-later
"""The parts of a report that show how right a map is: headline, matrix, classes, calibration, areas.

Enters: figures of the accuracy and of the area, and the classes. Leaves: HTML.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Union

from ..jobs.accuracy_results import AccuracyFigures, AccuracyResult, AreaFigures, CalibrationFigures, MapClass
from ..jobs.data_model import ClassEntry
from .html import NONE, cards, counted, percent_text, swatch, table, with_error, with_interval

_MOST_DECIMALS = 4  # of an area in hectares: a square metre
_ROUNDING = 1e-9  # of errors that are the same, where all depends on few groups
_WIDE = 12  # a matrix of more classes is set smaller in print

Classes = Sequence[Union[ClassEntry, MapClass]]


def headline(accuracy: AccuracyFigures) -> str:
    """The figures of the samples as counted."""
    shown = [
        (percent_text(accuracy.oa), f"overall accuracy (%), {_interval(accuracy.oa_interval)}"),
        (percent_text(accuracy.aa), f"average accuracy (%), {_interval(accuracy.aa_interval)}"),
        (percent_text(accuracy.kappa), f"kappa (%), {_interval(accuracy.kappa_interval)}"),
    ]
    if accuracy.calibration:
        expected = _expected(accuracy.calibration)
        shown.append(
            (
                f"{accuracy.calibration.error:.2f}",
                f"calibration error: distance of confidence and accuracy; {expected}",
            )
        )
    from_features = "" if accuracy.features == accuracy.samples else f" from {counted(accuracy.features, 'feature')}"
    return cards(
        [*shown, (str(accuracy.samples), f"reference pixel{'' if accuracy.samples == 1 else 's'}{from_features}")]
    ) + (
        "<p>Intervals take the reference pixels as independent samples. Neighbours are not, and then the true "
        "intervals are wider.</p>"
    )


def by_area(adjusted: AreaFigures) -> str:
    """The overall accuracy of the area."""
    return cards(
        [
            (percent_text(adjusted.oa), f"overall accuracy by area (%), {_interval(adjusted.oa_interval)}"),
            (percent_text(adjusted.oa_error), "its standard error (% points)"),
        ]
    )


def class_table(accuracy: AccuracyFigures, classes: Classes, training: Sequence[int] | None = None) -> str:
    """Producer's and user's accuracy and F1 of every class.

    Args:
        accuracy: The figures.
        classes: In the order of the class indices.
        training: Samples that were learnt from, by class index.
    """
    head = [
        "Class",
        *([] if training is None else ["Training"]),
        "Reference",
        "Mapped so",
        "Producer's accuracy (%)",
        "User's accuracy (%)",
        "F1 (%)",
    ]
    rows = [
        [
            swatch(entry.name, entry.color),
            *([] if training is None else [str(training[k])]),
            str(sum(accuracy.matrix[k])),
            str(sum(row[k] for row in accuracy.matrix)),
            with_interval(accuracy.producers[k], accuracy.producers_interval[k]),
            with_interval(accuracy.users[k], accuracy.users_interval[k]),
            with_interval(accuracy.f1[k], accuracy.f1_interval[k]),
        ]
        for k, entry in enumerate(classes)
    ]
    return (
        "<h2>Classes</h2><p>Producer's accuracy: of all that are the class, the share mapped so. User's accuracy: of "
        f"all mapped as the class, the share that is. Small: 95 % interval. {NONE}: no sample to tell from.</p>"
        + table(head, rows)
    )


def matrix_table(accuracy: AccuracyFigures, classes: Classes) -> str:
    """The confusion matrix, reference in the rows, with the accuracies at its margins."""
    matrix, count = accuracy.matrix, len(classes)
    ids = "".join(f'<th title="{escape(entry.name)}">{_id(entry)}</th>' for entry in classes)
    body = []
    for i, entry in enumerate(classes):
        total = sum(matrix[i])
        cells = "".join(_count(samples, total, right=i == j) for j, samples in enumerate(matrix[i]))
        body.append(
            f'<tr><td class="name">{swatch(entry.name, entry.color)} ({_id(entry)})</td>{cells}'
            f'<td class="total side">{total}</td>'
            f'<td class="total">{percent_text(accuracy.producers[i])}</td></tr>'
        )
    sums = "".join(f"<td>{sum(row[j] for row in matrix)}</td>" for j in range(count))
    users = "".join(f"<td>{percent_text(value)}</td>" for value in accuracy.users)
    return (
        "<h2>Confusion matrix</h2><p>Reference pixels. Rows: reference. Columns: map, by class id.</p>"
        f'<div class="scroll"><table class="matrix{" wide" if count > _WIDE else ""}"><thead>'
        f'<tr><th class="name" rowspan="2">Reference</th><th class="axis" colspan="{count}">Map</th>'
        '<th class="total side" rowspan="2">Sum</th><th class="total" rowspan="2">Producer\'s (%)</th></tr>'
        f"<tr>{ids}</tr></thead><tbody>{''.join(body)}"
        f'<tr class="total"><td class="name">Sum</td>{sums}<td class="side">{accuracy.samples}</td><td></td></tr>'
        f'<tr class="total"><td class="name">User\'s (%)</td>{users}<td class="side">{percent_text(accuracy.oa)}</td>'
        "<td></td></tr></tbody></table></div>"
    )


def calibration_table(calibration: CalibrationFigures) -> str:
    """Confidence against accuracy on the reference samples."""
    rows = [[f"{each.confidence:.2f}", f"{each.accuracy:.2f}", str(each.samples)] for each in calibration.bins]
    return (
        "<h2>Calibration</h2><p>Reference pixels by confidence, and the share of them that is right. The mean distance "
        f"of the two, the expected calibration error, is {calibration.error:.3f}. "
        f"{_against_perfect(calibration)}</p>" + table(["Mean confidence", "Accuracy", "Pixels"], rows, first="")
    )


def _expected(calibration: CalibrationFigures) -> str:
    """What the calibration error would be under perfect calibration, in a few words."""
    if calibration.expected_error is None:
        return f"{counted(calibration.groups, 'spatial group')} cannot tell it from chance"
    return f"{calibration.expected_error:.2f} expected under perfect calibration"


def _against_perfect(calibration: CalibrationFigures) -> str:
    """What the calibration error would be under perfect calibration, and what follows."""
    groups = counted(calibration.groups, "spatial group")
    place = (
        f"The reference lies in {groups} (polygons, or blocks of 32 x 32 pixels), whose pixels are mostly right or "
        "wrong together."
    )
    if calibration.expected_error is None or calibration.expected_error_at_most is None:
        return f"{place} That is too few to say whether the confidence is wrong: such an error may be chance."
    excess = sum(each.samples * (each.confidence - each.accuracy) for each in calibration.bins)
    word = "overconfident" if excess > 0 else "underconfident"
    verdict = (
        f"So the map is {word}."
        if calibration.error > calibration.expected_error_at_most + _ROUNDING
        else "So there is no evidence that the confidence is wrong."
    )
    return (
        f"{place} With as few groups, a map with perfect calibration has an error of "
        f"{calibration.expected_error:.3f} on average, and more than {calibration.expected_error_at_most:.3f} in one "
        f"of twenty cases. {verdict}"
    )


def mapped_areas(pixels: Sequence[int], classes: Classes, pixel_area_m2: float | None) -> str:
    """Pixels, share and area of each class as mapped, errors of the map included."""
    total = max(1, sum(pixels))
    hectares = _hectares(pixels, pixel_area_m2)
    head = ["Class", "Pixels", "Share (%)", *([] if hectares is None else ["Area (ha)"])]
    rows = [
        [
            swatch(entry.name, entry.color),
            str(count),
            percent_text(100 * count / total),
            *([] if hectares is None else [hectares[k]]),
        ]
        for k, (entry, count) in enumerate(zip(classes, pixels))
    ]
    return "<h2>Mapped areas</h2><p>As counted on the map; errors of the map are not corrected for.</p>" + table(
        head, rows
    )


def estimated_areas(result: AccuracyResult, pixel_area_m2: float | None) -> str:
    """Areas and accuracies by area, with standard errors and intervals, beside the areas as mapped."""
    adjusted, pixels, classes = result.adjusted, result.mapped_pixels, result.classes
    areas = [
        [
            swatch(entry.name, entry.color),
            percent_text(100 * pixels[k] / max(1, sum(pixels))),
            with_error(adjusted.area[k], adjusted.area_error[k]),
            _ends(adjusted.area_interval[k]),
        ]
        for k, entry in enumerate(classes)
    ]
    head = ["Class", "Mapped (%)", "Estimated (%)", "95 % interval"]
    if pixel_area_m2 is not None:
        head += ["Mapped (ha)", "Estimated (ha)", "95 % interval (ha)"]
        areas = [row + more for row, more in zip(areas, _in_hectares(adjusted, pixels, pixel_area_m2))]
    accuracies = [
        [
            swatch(entry.name, entry.color),
            with_error(adjusted.users[k], adjusted.users_error[k]),
            _ends(adjusted.users_interval[k]),
            with_error(adjusted.producers[k], adjusted.producers_error[k]),
            _ends(adjusted.producers_interval[k]),
        ]
        for k, entry in enumerate(classes)
    ]
    of_accuracies = ["Class", "User's accuracy (%)", "95 % interval", "Producer's accuracy (%)", "95 % interval"]
    return (
        "<h2>Estimates by area</h2><p>Corrected for the errors of the map, as the reference samples show them: each "
        "sample stands for the pixels of its stratum. Small: ± one standard error. Intervals come from Wilson's for "
        "each stratum and need not lie evenly about the estimate. Sources: Olofsson et al. (2014), doi "
        "10.1016/j.rse.2014.02.015; Stehman (2014), doi 10.1080/01431161.2014.930207.</p>"
        + by_area(adjusted)
        + table(head, areas)
        + "<p></p>"
        + table(of_accuracies, accuracies)
    )


def _in_hectares(adjusted: AreaFigures, pixels: Sequence[int], pixel_area_m2: float) -> list[list[str]]:
    """Mapped area, estimate with its error, and interval of each class."""
    ends = adjusted.area_pixels_interval
    columns = [
        pixels,
        adjusted.area_pixels,
        adjusted.area_pixels_error,
        [low for low, _ in ends],
        [high for _, high in ends],
    ]
    width, rows = len(pixels), []
    texts = _hectares([value for column in columns for value in column], pixel_area_m2) or []  # one number of decimals
    for mapped, value, error, low, high in zip(*(texts[i : i + width] for i in range(0, len(texts), width))):
        small = "" if error == NONE else f" <small>± {error}</small>"
        rows.append([mapped, f"{value}{small}", NONE if low == NONE else f"{low}–{high}"])
    return rows


def strata_table(adjusted: AreaFigures) -> str:
    """What the samples were drawn from."""
    rows = [[escape(each.name), f"{each.pixels:,}", str(each.samples)] for each in adjusted.strata]
    return "<h2>Strata</h2>" + table(["Stratum", "Pixels", "Samples"], rows)


def _id(entry: ClassEntry | MapClass) -> str:
    return NONE if entry.id is None else str(entry.id)


def _count(samples: int, total: int, *, right: bool) -> str:
    if not samples:
        return '<td style="color:#b5bfc5">0</td>'
    strength = 0.12 + 0.55 * samples / max(1, total)
    colour = f"rgba(46,139,87,{strength:.2f})" if right else f"rgba(200,70,40,{strength:.2f})"
    return f'<td style="background:{colour}">{samples}</td>'


def _interval(ends: Sequence[float | None]) -> str:
    return "no interval" if ends[0] is None else f"95 % interval {percent_text(ends[0])} to {percent_text(ends[1])}"


def _ends(ends: Sequence[float | None]) -> str:
    return NONE if ends[0] is None else f"{percent_text(ends[0])}–{percent_text(ends[1])}"


def _hectares(pixels: Sequence[float | None], pixel_area_m2: float | None) -> list[str] | None:
    """With as many decimals as the largest needs, and more where what is not 0 would read so.

    None where a pixel has no area in metres.
    """
    if pixel_area_m2 is None:
        return None
    values = [None if count is None else count * pixel_area_m2 / 10_000 for count in pixels]
    decimals = 1 if max((value for value in values if value is not None), default=0.0) >= 10 else 3
    return [NONE if value is None else _hectare_text(value, decimals) for value in values]


def _hectare_text(value: float, decimals: int) -> str:
    enough = next((more for more in range(decimals, _MOST_DECIMALS + 1) if round(value, more)), decimals)
    return f"{value:,.{enough}f}"
