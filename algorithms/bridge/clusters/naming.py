# SPDX-License-Identifier: GPL-2.0-or-later
"""Cluster map + names -> class map, window by window."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from qgis.core import QgsCoordinateTransformContext, QgsProcessingException, QgsProcessingFeedback

from ....mtmsd_qgis.jobs.data_model import Band, ClassEntry
from ..feedback import ProgressRange
from ..raster.class_map_reader import ClassMap, IdBand, walk, windows_of_blocks
from ..raster.formats.raster_format import RasterFormat
from ..raster.geotiff import RawRaster, write_class_map
from ..raster.palette import palette
from ..raster.source import RasterSource, export_foreign
from ..vector.labels import LARGEST_ID, LabelLayer, make_classes, skipped_sentence
from ..vector.rasterization import left_out_sentence, rasterize_labels

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ....mtmsd_qgis.sampling.class_values import Key
    from ....mtmsd_qgis.sampling.cluster_names import ClusterName

Place = tuple[Path, QgsCoordinateTransformContext]
"""The job folder, and the project's datum shifts."""


@dataclass(frozen=True)
class NamedMap:
    """A cluster map whose clusters have names.

    Attributes:
        class_map: The cluster map.
        source: Where its numbers are read.
        classes: Of the labels and the table.
        names: Of each cluster on the map; class indices are those of the classes.
        pixels: Of each cluster.
        folder: Of the job.
    """

    class_map: ClassMap
    source: RasterSource
    classes: tuple[ClassEntry, ...]
    names: tuple[ClusterName, ...]
    pixels: Mapping[int, int]
    folder: Path

    @classmethod
    def find(
        cls,
        class_map: ClassMap,
        labels: LabelLayer | None,
        table: Mapping[int, str],
        place: Place,
        feedback: QgsProcessingFeedback,
    ) -> NamedMap:
        """Look up the labelled pixels on the map, and name its clusters.

        Args:
            class_map: The cluster map.
            labels: A few labelled features.
            table: Names by cluster, which count more.
            place: Job folder and datum shifts.
            feedback: Told from time to time.

        Raises:
            QgsProcessingException: No labelled pixel lies on the map, the table names a cluster that is not there, or
                cancelled.
        """
        import numpy as np

        from ....mtmsd_qgis.sampling.cluster_names import ClusterName, name_clusters
        from ....mtmsd_qgis.sampling.sample_table import SampleTable

        folder, transforms = place
        by_key = make_classes(labels) if labels is not None else {}
        table_of = SampleTable.from_array(np.empty((0, 4), dtype=np.int64))
        if labels is not None:
            progress = ProgressRange(feedback, 0, 10, "Rasterizing the samples")
            samples = rasterize_labels(labels, by_key, class_map.source.grid, progress)
            table_of = samples.table
            left_out = (skipped_sentence(labels), left_out_sentence(samples, labels.name))
            for sentence in filter(None, (*labels.notes, *left_out)):
                feedback.pushWarning(sentence)
        source = export_foreign(class_map.source, folder, transforms, ProgressRange(feedback, 10, 15))
        reading = walk(source, None, table_of, ProgressRange(feedback, 15, 50, "Reading the map"))
        if labels is not None and not reading.has_data.any():
            raise QgsProcessingException(
                f"Labelled pixels were expected on the map; no feature of the layer {labels.name} lies on a pixel of "
                f"{class_map.source.name} with data. Check that layer and map show the same place."
            )
        unknown = [number for number in table if number not in reading.pixels]
        if unknown:
            found = ", ".join(map(str, sorted(reading.pixels)[:10])) or "no data at all"
            raise QgsProcessingException(
                f"TABLE names cluster {unknown[0]}, which the map {class_map.source.name} has not; it has {found}. "
                "Correct the table."
            )
        classes, given = _with_table(by_key, table)
        inside = reading.has_data
        if not inside.all():
            feedback.pushWarning(f"Labelled pixels where the map has no data, which do not count: {(~inside).sum()}.")
        ids = sorted(reading.pixels)
        names = name_clusters(ids, reading.mapped[inside], table_of.class_index[inside], len(by_key))
        named = tuple(
            ClusterName(name.cluster, name.samples, given[name.cluster], 1.0) if name.cluster in given else name
            for name in names
        )
        for name in named:
            what = f"({name.reason})" if name.class_index is None else classes[name.class_index].name
            feedback.pushInfo(f"Cluster {name.cluster}: {what}, {name.samples} labelled pixels.")
        return cls(class_map, source, classes, named, reading.pixels, folder)

    @property
    def named_share(self) -> float:
        """Percent of the map's pixels whose cluster has a name."""
        named = sum(self.pixels[name.cluster] for name in self.names if name.class_index is not None)
        return 100 * named / max(1, sum(self.pixels.values()))

    def write(
        self, path: Path, stored: RasterFormat, keep: bool, feedback: QgsProcessingFeedback
    ) -> tuple[ClassEntry, ...]:
        """Write the class map, and return its classes; ids are read as the whole numbers that they are stored as.

        Args:
            path: Of the map.
            stored: How it is stored.
            keep: Whether clusters without a name stay, each a class of its own; else they become no data.
            feedback: Told from time to time.

        Raises:
            QgsProcessingException: No cluster would be left on the map, more classes than it can have, or cancelled.
        """
        from ....mtmsd_qgis.io.cube import create_cube

        entries, grid, clusters = self._entries(keep), self.source.grid, IdBand(self.source)
        progress, done = ProgressRange(feedback, 50, 85, "Naming the clusters"), 0
        out = create_cube(self.folder, "classes", (grid.height, grid.width), "uint16", [Band("class", nodata=0)])
        for window in windows_of_blocks(grid, clusters.block):
            out.write(window, _translated(*clusters.read(window), entries)[None])
            done += window.height * window.width
            progress.advance(done / (grid.height * grid.width))
        out.flush()
        used = tuple(sorted(dict.fromkeys(entries.values()), key=lambda entry: entry.id))
        raw = RawRaster(out.description, self.folder, self.class_map.source.grid, stored)
        write_class_map(raw, path, used, ProgressRange(feedback, 85, 100, "Writing the map"))
        return used

    def _entries(self, keep: bool) -> dict[int, ClassEntry]:
        """The class of each cluster on the map.

        Raises:
            QgsProcessingException: No number is left for a class, or no cluster is left on the map.
        """
        entries = {}
        taken = {entry.id for entry in self.classes}
        free = (number for number in range(1, LARGEST_ID + 1) if number not in taken)
        used = {entry.color for entry in self.classes} | set(self.class_map.colors.values())
        spare = iter([color for color in palette(len(self.names) + len(used)) if color not in used])
        for name in self.names:
            if name.class_index is not None:
                entries[name.cluster] = self.classes[name.class_index]
            elif keep:
                number = next(free, None)
                if number is None:
                    raise QgsProcessingException("A class map has 65535 classes at most, and more would be needed.")
                color = self.class_map.colors.get(name.cluster) or next(spare)
                entries[name.cluster] = ClassEntry(number, f"cluster {name.cluster} ({name.reason})", color)
        if not entries:
            raise QgsProcessingException(
                "At least one cluster with a name was expected; none has one, so the map would have no data (UNNAMED "
                "'nodata'). Label more pixels, name clusters in TABLE, or choose UNNAMED 'keep'."
            )
        return entries


def _with_table(
    by_key: Mapping[Key, ClassEntry], table: Mapping[int, str]
) -> tuple[tuple[ClassEntry, ...], dict[int, int]]:
    """The classes of the labels and those that the table alone names; and the index of the class that it gives.

    The table gives a class of the labels by its name or by the value of its field, in any spelling. A class of its own
    that is called by a whole number has that number as its id, where it is free.

    Args:
        by_key: Classes of the labels, by the value of their field.
        table: Names by cluster.
    """
    from ....mtmsd_qgis.sampling.class_values import as_whole_number, matching_values

    known, texts = tuple(by_key.values()), list(dict.fromkeys(table.values()))
    by_name = {entry.name: index for index, entry in enumerate(known)}
    by_value = {key: index for index, key in enumerate(by_key)}
    index_of = {text: by_value[key] for text, key in matching_values(texts, by_value).items()}
    index_of.update({text: by_name[name] for text, name in matching_values(texts, by_name).items()})
    new: list[str] = []
    for text in texts:
        if text not in index_of:
            same = matching_values([text], new).get(text, text)
            new += [] if same in new else [text]
            index_of[text] = len(known) + new.index(same)
    ids = set(range(1, LARGEST_ID + 1)) - {entry.id for entry in known}
    own = {name: number for name in new if (number := as_whole_number(name)) in ids}
    free = iter(sorted(ids - set(own.values())))
    colors = [color for color in palette(len(known) + len(new)) if color not in {entry.color for entry in known}]
    entries = (ClassEntry(own[name] if name in own else next(free), name, color) for name, color in zip(new, colors))
    return (*known, *entries), {cluster: index_of[text] for cluster, text in table.items()}


def _translated(values: NDArray, has_data: NDArray, entries: Mapping[int, ClassEntry]) -> NDArray:
    """Class ids (h, w) of clusters (h, w), 0 where there is none."""
    import numpy as np

    out = np.zeros(values.shape, dtype=np.uint16)
    for cluster, entry in entries.items():
        out[has_data & (values == cluster)] = entry.id
    return out
