# SPDX-License-Identifier: GPL-2.0-or-later
"""Class map + labelled features -> the classes of both at the same pixels, and the classes with names and colours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from qgis.core import QgsCoordinateTransformContext, QgsProcessingException, QgsProcessingFeedback

from ....mtmsd_qgis.accuracy.assessment import Compared, Strata
from ....mtmsd_qgis.accuracy.class_matching import match_classes
from ....mtmsd_qgis.jobs.accuracy_results import MapClass
from ....mtmsd_qgis.jobs.data_model import ClassEntry
from ....mtmsd_qgis.sampling.class_values import Key
from ..feedback import ProgressRange
from ..raster.class_map_reader import MOST_CLASSES, ClassMap, Reading, walk
from ..raster.palette import palette
from ..raster.source import RasterSource, export_foreign
from .exclusion_counts import ExclusionCounts
from .labels import LabelLayer
from .rasterization import SamplePixels, rasterize_labels

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class ComparedMap:
    """Samples on mapped pixels.

    Attributes:
        samples: For the figures.
        classes: In the order of the class indices.
        left_out: Features and pixels that became no sample.
        notes: What else the report has to say.
    """

    samples: Compared
    classes: Sequence[MapClass]
    left_out: ExclusionCounts
    notes: Sequence[str]


@dataclass(frozen=True)
class MapComparison:
    """A class map and its reference samples.

    Attributes:
        class_map: The map.
        labels: The reference samples, in the map's CRS.
        strata: What they were drawn from, where that is not the map.
        sampling: How they were drawn.
    """

    class_map: ClassMap
    labels: LabelLayer
    strata: ClassMap | None
    sampling: str

    def run(
        self, folder: Path, transforms: QgsCoordinateTransformContext, feedback: QgsProcessingFeedback
    ) -> ComparedMap:
        """Rasterize the samples, walk over the map, and match the classes.

        Args:
            folder: For copies of layers that GDAL cannot read.
            transforms: Of the project, for datum shifts.
            feedback: Told from time to time.

        Raises:
            QgsProcessingException: No sample lies on the map, no class is on it, there are too many, overlaps are
                refused, or cancelled.
            SamplesError: A class has no one counterpart on the map.
        """
        class_map, strata = self.class_map, self.strata
        map_key = self._matched_keys()
        labels = replace(self.labels, shapes=tuple((shape, map_key[key]) for shape, key in self.labels.shapes))
        keys = tuple(dict.fromkeys(map_key.values()))
        entries = {key: ClassEntry(0, _name(key, class_map), "") for key in keys}
        rasterizing = ProgressRange(feedback, 0, 20, "Rasterizing the samples")
        pixels = rasterize_labels(labels, entries, class_map.source.grid, rasterizing)
        copying = ProgressRange(feedback, 20, 30)
        source = export_foreign(class_map.source, _fresh(folder, "map"), transforms, copying)
        below = None if strata is None else export_foreign(strata.source, _fresh(folder, "strata"), transforms, copying)
        reading = walk(source, below, pixels.table, ProgressRange(feedback, 30, 95, "Reading the map"))
        samples, kept = _with_data(pixels, reading, labels)
        _refuse_nothing(samples, keys, reading, labels, class_map.source)
        samples, keys = _of_classes_met(samples, keys)
        _refuse_many(keys, reading, labels)
        colors = {map_key[key]: color for key, (_, color) in self.labels.styles.items() if key in map_key}
        described = _describe(keys, reading, class_map, colors)
        compared = replace(_compared(samples, kept, keys, reading, described), sampling=self.sampling)
        if strata is not None:
            compared = replace(compared, strata=_strata(kept, reading, strata), sampling="stratified")
        return ComparedMap(compared, described, samples.left_out, _notes(reading, source))

    def _matched_keys(self) -> dict[Key, Key]:
        """The field's value -> the id on the map; values that are no class of the map stay, as text."""
        names = {key: name for key, (name, _) in self.labels.styles.items()}
        keys = dict.fromkeys(key for _, key in self.labels.shapes)
        ids = match_classes(keys, names, self.class_map.names, self.class_map.file_names)
        return {key: str(key) if number is None else number for key, number in ids.items()}


def _name(key: Key, class_map: ClassMap) -> str:
    return class_map.names.get(key, str(key)) if isinstance(key, int) else key


def _fresh(folder: Path, name: str) -> Path:
    path = folder / name
    path.mkdir()
    return path


def _with_data(pixels: SamplePixels, reading: Reading, labels: LabelLayer) -> tuple[SamplePixels, NDArray]:
    """The samples on data of map and strata, with all that was left out, and which of the pixels they are."""
    import numpy as np

    left_out = labels.skipped.merged(pixels.left_out)
    outside = (
        reading.has_data & ~reading.in_strata if reading.strata_pixels else np.zeros(len(pixels.table), dtype=bool)
    )
    for reason, lost in (
        ("pixels on nodata of the map", ~reading.has_data),
        ("pixels on nodata of the strata", outside),
    ):
        if lost.any():
            groups = np.unique(pixels.table.group[lost])
            left_out.note(reason, (labels.ids[group] for group in groups), int(lost.sum()))
    kept = np.flatnonzero(reading.has_data & ~outside)
    return SamplePixels(pixels.table.subset(kept), left_out), kept


def _refuse_nothing(
    samples: SamplePixels, keys: Sequence[Key], reading: Reading, labels: LabelLayer, source: RasterSource
) -> None:
    if not len(samples.table):
        raise QgsProcessingException(
            f"Reference samples were expected on the map; no feature of the layer {labels.name} lies on a pixel of the "
            f"raster {source.name} with data ({samples.left_out.text or 'nothing was left out'}). Check that layer and "
            "raster show the same place and have the right CRS."
        )
    if not set(keys) & set(reading.pixels):
        found = ", ".join(map(str, sorted(reading.pixels)[:10]))
        wanted = ", ".join(f"'{key}'" for key in keys[:10])
        raise QgsProcessingException(
            f"The field {labels.field} of the layer {labels.name} should hold ids or names of the map's classes; its "
            f"values are {wanted}, the map {source.name} has the ids {found}. Choose another CLASS_FIELD, or give the "
            "map's classes names in its legend."
        )


def _of_classes_met(samples: SamplePixels, keys: Sequence[Key]) -> tuple[SamplePixels, Sequence[Key]]:
    """Classes that have samples: a layer that reaches beyond the map may have more."""
    import numpy as np

    met, class_index = np.unique(samples.table.class_index, return_inverse=True)
    return replace(samples, table=samples.table.with_classes(class_index)), [keys[index] for index in met]


def _refuse_many(keys: Sequence[Key], reading: Reading, labels: LabelLayer) -> None:
    """A matrix of thousands of classes, as of a field of numbers of features, would take all memory.

    Raises:
        QgsProcessingException: There are too many classes.
    """
    alone = _alone(keys, reading)
    if len(reading.pixels) + len(alone) > MOST_CLASSES:
        raise QgsProcessingException(
            f"Some dozens of classes were expected in the field {labels.field} of the layer {labels.name}; its samples "
            f"have {len(keys)}, and {len(alone)} of these are no class of the map. Choose the field with the classes "
            "as CLASS_FIELD."
        )


def _describe(keys: Sequence[Key], reading: Reading, class_map: ClassMap, colors: Mapping[Key, str]) -> list[MapClass]:
    """All classes: those of the map by id, then those that the reference alone has."""
    ordered = [*sorted(reading.pixels), *_alone(keys, reading)]
    spare = palette(len(ordered))
    names = [_name(key, class_map) for key in ordered]
    return [
        MapClass(
            id=key if isinstance(key, int) else None,
            name=f"{name} ({key})" if names.count(name) > 1 else name,
            color=(class_map.colors.get(key) if isinstance(key, int) else None) or colors.get(key) or spare[k],
        )
        for k, (key, name) in enumerate(zip(ordered, names))
    ]


def _alone(keys: Sequence[Key], reading: Reading) -> list[Key]:
    """Classes of the reference without a pixel on the map: numbers, then texts."""
    return sorted((key for key in keys if key not in reading.pixels), key=lambda key: (isinstance(key, str), key))


def _compared(
    samples: SamplePixels, kept: NDArray, keys: Sequence[Key], reading: Reading, described: Sequence[MapClass]
) -> Compared:
    import numpy as np

    known = np.array(sorted(reading.pixels), dtype=np.int64)
    alone = _alone(keys, reading)
    position = {key: k for k, key in enumerate([*known.tolist(), *alone])}
    of_key = np.array([position[key] for key in keys], dtype=np.int64)
    return Compared(
        reference=of_key[samples.table.class_index],
        mapped=np.searchsorted(known, reading.mapped[kept]),
        group=samples.table.group,
        mapped_pixels=np.array([reading.pixels.get(n, 0) for n in known.tolist()] + [0] * len(alone), dtype=np.int64),
        names=[entry.name for entry in described],
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
    why = source.grid.why_no_area
    if why and source.grid.crs.isValid():
        notes.append(
            f"Pixels of the map have no area in square metres, as {why}. Areas are shares of pixels; warp the map to "
            "an equal-area CRS for areas in hectares."
        )
    return notes
