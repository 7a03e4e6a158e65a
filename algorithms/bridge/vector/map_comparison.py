# SPDX-License-Identifier: GPL-2.0-or-later
"""Class map + labelled features -> the classes of both at the same pixels, and the classes with names and colours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qgis.core import QgsCoordinateTransformContext, QgsProcessingException, QgsProcessingFeedback

from ....mtmsd_qgis.accuracy.assessment import Compared, Strata
from ....mtmsd_qgis.accuracy.class_matching import Key, match_classes
from ....mtmsd_qgis.jobs.data_model import ClassEntry
from ..feedback import ProgressRange
from ..raster.class_map_reader import ClassMap, Reading, walk
from ..raster.palette import palette
from ..raster.source import RasterSource, export_foreign
from .exclusion_counts import ExclusionCounts
from .labels import LabelLayer
from .rasterization import SamplePixels, rasterize_labels

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Comparison:
    """Samples on mapped pixels.

    Attributes:
        compared: For the figures.
        classes: id, name and color of each class, in the order of the class indices; id None where the map has no name
            like that.
        left_out: Features and pixels that became no sample.
        notes: What else the report has to say.
    """

    compared: Compared
    classes: Sequence[Mapping[str, Any]]
    left_out: ExclusionCounts
    notes: Sequence[str]


def compare(
    classes: ClassMap,
    labels: LabelLayer,
    strata: ClassMap | None,
    sampling: str,
    folder: Path,
    context: QgsCoordinateTransformContext,
    feedback: QgsProcessingFeedback,
) -> Comparison:
    """Place the samples, walk over the map, and match the classes.

    Args:
        classes: The map.
        labels: The reference samples, in the map's CRS.
        strata: What they were drawn from, where that is not the map.
        sampling: How they were drawn.
        folder: For copies of layers that GDAL cannot read.
        context: Of the project, for datum shifts.
        feedback: Told from time to time.

    Raises:
        QgsProcessingException: No sample lies on the map, no class is on it, overlaps are refused, or cancelled.
        SamplesError: A class has no one counterpart on the map.
    """
    ids = match_classes(
        dict.fromkeys(key for _, key in labels.shapes), _labels(labels), classes.names, classes.file_names
    )
    meant = {key: key if number is None else number for key, number in ids.items()}
    labels = replace(labels, shapes=tuple((shape, meant[key]) for shape, key in labels.shapes))
    keys = tuple(dict.fromkeys(meant.values()))
    entries = {key: ClassEntry(0, _name(key, classes), "") for key in keys}
    placed = rasterize_labels(
        labels, entries, classes.source.grid, ProgressRange(feedback, 0, 20, "Placing the samples")
    )
    copying = ProgressRange(feedback, 20, 30)
    source = export_foreign(classes.source, _fresh(folder, "map"), context, copying)
    below = None if strata is None else export_foreign(strata.source, _fresh(folder, "strata"), context, copying)
    reading = walk(source, below, placed.table, ProgressRange(feedback, 30, 95, "Reading the map"))
    left_out = labels.skipped.merged(placed.left_out)
    table, kept = _usable(placed, reading, labels, left_out)
    _refuse_nothing(table, keys, reading, labels, classes.source, left_out)
    drawn = {meant[key]: color for key, (_, color) in labels.styles.items() if key in meant}
    described = _describe(keys, reading, classes, drawn)
    compared = _compared(table, kept, keys, reading, described, sampling)
    if strata is not None:
        compared = replace(compared, strata=_strata(kept, reading, strata), sampling="stratified")
    return Comparison(compared, described, left_out, _notes(reading, source))


def _labels(labels: LabelLayer) -> dict[Key, str]:
    return {key: name for key, (name, _) in labels.styles.items()}


def _name(key: Key, classes: ClassMap) -> str:
    return classes.names.get(key, str(key)) if isinstance(key, int) else key


def _fresh(folder: Path, name: str) -> Path:
    place = folder / name
    place.mkdir()
    return place


def _usable(
    placed: SamplePixels, reading: Reading, labels: LabelLayer, left_out: ExclusionCounts
) -> tuple[NDArray, NDArray]:
    """The samples on data of map and strata, and which of the placed ones they are."""
    import numpy as np

    outside = (
        reading.has_data & ~reading.in_strata if reading.strata_pixels else np.zeros(len(placed.table), dtype=bool)
    )
    for reason, lost in (
        ("pixels on nodata of the map", ~reading.has_data),
        ("pixels on nodata of the strata", outside),
    ):
        if lost.any():
            groups = np.unique(placed.table[lost, 3])
            left_out.note(reason, (labels.ids[group] for group in groups), int(lost.sum()))
    kept = np.flatnonzero(reading.has_data & ~outside)
    return placed.table[kept], kept


def _refuse_nothing(
    table: NDArray,
    keys: Sequence[Key],
    reading: Reading,
    labels: LabelLayer,
    source: RasterSource,
    left_out: ExclusionCounts,
) -> None:
    if not len(table):
        raise QgsProcessingException(
            f"Reference samples were expected on the map; no feature of the layer {labels.name} lies on a pixel of the "
            f"raster {source.name} with data ({left_out.text or 'nothing was left out'}). Check that layer and raster "
            "show the same place and have the right CRS."
        )
    if not set(keys) & set(reading.pixels):
        found = ", ".join(map(str, sorted(reading.pixels)[:10]))
        wanted = ", ".join(f"'{key}'" for key in keys[:10])
        raise QgsProcessingException(
            f"The field {labels.field} of the layer {labels.name} should hold ids or names of the map's classes; its "
            f"values are {wanted}, the map {source.name} has the ids {found}. Choose another CLASS_FIELD, or give the "
            "map's classes names in its legend."
        )


def _describe(
    keys: Sequence[Key], reading: Reading, classes: ClassMap, drawn: Mapping[Key, str]
) -> list[dict[str, Any]]:
    """All classes: those of the map by id, then those that the reference alone has."""
    ordered = [*sorted(reading.pixels), *_alone(keys, reading)]
    spare = palette(len(ordered))
    names = [_name(key, classes) for key in ordered]
    return [
        {
            "id": key if isinstance(key, int) else None,
            "name": f"{name} ({key})" if names.count(name) > 1 else name,
            "color": (classes.colors.get(key) if isinstance(key, int) else None) or drawn.get(key) or spare[k],
        }
        for k, (key, name) in enumerate(zip(ordered, names))
    ]


def _alone(keys: Sequence[Key], reading: Reading) -> list[Key]:
    """Classes of the reference without a pixel on the map: numbers, then texts."""
    return sorted((key for key in keys if key not in reading.pixels), key=lambda key: (isinstance(key, str), key))


def _compared(
    table: NDArray,
    kept: NDArray,
    keys: Sequence[Key],
    reading: Reading,
    described: Sequence[Mapping[str, Any]],
    sampling: str,
) -> Compared:
    import numpy as np

    known = np.array(sorted(reading.pixels), dtype=np.int64)
    alone = _alone(keys, reading)
    position = {key: k for k, key in enumerate([*known.tolist(), *alone])}
    of_key = np.array([position[key] for key in keys], dtype=np.int64)
    return Compared(
        reference=of_key[table[:, 2]],
        mapped=np.searchsorted(known, reading.mapped[kept]),
        features=table[:, 3],
        mapped_pixels=np.array([reading.pixels.get(n, 0) for n in known.tolist()] + [0] * len(alone), dtype=np.int64),
        names=[str(entry["name"]) for entry in described],
        sampling=sampling,
    )


def _strata(kept: NDArray, reading: Reading, strata: ClassMap) -> Strata:
    import numpy as np

    known = sorted(reading.strata_pixels)
    return Strata(
        layer=strata.source.name,
        names=[strata.names.get(number, str(number)) for number in known],
        sizes=np.array([reading.strata_pixels[number] for number in known], dtype=np.int64),
        of_samples=np.searchsorted(np.array(known, dtype=np.int64), reading.strata[kept]),
    )


def _notes(reading: Reading, source: RasterSource) -> list[str]:
    notes = []
    if reading.beyond_strata:
        notes.append(
            f"{reading.beyond_strata} pixels of the map lie on nodata of the strata. All figures hold for the map "
            "without them."
        )
    if source.grid.crs.isValid() and source.grid.crs.isGeographic():
        notes.append(
            "The map's CRS is in degrees, so pixels differ in size, and areas are shares of pixels. Warp the map to an "
            "equal-area CRS for areas in hectares."
        )
    return notes
