# SPDX-License-Identifier: GPL-2.0-or-later
"""EXTRA_INPUTS: further rasters of the same bands or features, brought into the order of INPUT's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from qgis.core import QgsProcessing, QgsProcessingFeedback, QgsProcessingParameterMultipleLayers

from ..parameters import ParameterValues
from ..pretraining_parameters import BandChoice
from ..translation import tr

if TYPE_CHECKING:
    from ...bridge.raster.source import RasterSource
    from ..algorithm import MtmsdAlgorithm


@dataclass(frozen=True)
class ExtraScene:
    """A further raster.

    Attributes:
        source: The raster.
        numbers: Its bands (from 1) that stand for the used bands of INPUT, in their order.
        how: They were found: "wavelength", "name" or "order".
    """

    source: RasterSource
    numbers: tuple[int, ...]
    how: str


@dataclass(frozen=True)
class ExtraSceneChoice:
    """All further rasters.

    Attributes:
        scenes: In the order given.
        bands: Of INPUT, without those that a further raster marks as bad.
        notes: What the log has to say of it.
    """

    scenes: tuple[ExtraScene, ...]
    bands: BandChoice
    notes: tuple[str, ...] = ()

    def announce(self, feedback: QgsProcessingFeedback) -> None:
        """Say which they are, and what was noticed."""
        for scene in self.scenes:
            source = scene.source
            feedback.pushInfo(f"Further raster: {source.name}, {source.size_text}; bands matched by {scene.how}.")
            for note in source.notes:
                feedback.pushWarning(note)
        for note in self.notes:
            feedback.pushWarning(note)


class ExtraScenes:
    """EXTRA_INPUTS: further scenes to learn from."""

    def declare(self, algorithm: MtmsdAlgorithm) -> None:
        """Add it."""
        _declare(
            algorithm,
            tr("Further rasters"),
            tr(
                "More scenes of the same sensor to learn from, of any size and CRS: other dates, other tiles. Their "
                "bands are matched with those of the raster by wavelength, else by name, else by order. Each scene has "
                "a share of the training by its valid pixels. 'Pixels to leave out' counts in all of them."
            ),
        )

    def read(self, values: ParameterValues, first: RasterSource, chosen: BandChoice) -> ExtraSceneChoice:
        """The further rasters, their bands matched.

        Args:
            values: Of the run.
            first: INPUT.
            chosen: Its bands.

        Raises:
            QgsProcessingException: A raster cannot be read, or no band is left.
            SceneError: One is of another sensor.
        """
        from ...bridge.raster.source import describe_raster

        rasters = [describe_raster(layer) for layer in values.rasters("EXTRA_INPUTS")]
        return matched_scenes(first, chosen, rasters, fixed=bool(values.integers("BANDS")))


def matched_scenes(
    first: RasterSource, chosen: BandChoice, rasters: Sequence[RasterSource], *, fixed: bool = False
) -> ExtraSceneChoice:
    """Rasters of the same sensor as a first one, their bands brought into its order.

    Args:
        first: The first raster.
        chosen: Its bands.
        rasters: The others.
        fixed: Whether the user chose the bands, so that none is left out.

    Raises:
        QgsProcessingException: No band is left.
        SceneError: One is of another sensor.
    """
    from ....mtmsd_qgis.transfer.band_matching import same_sensor_bands
    from ...bridge.raster.scene_export import refuse_no_band

    notes: list[str] = []
    scenes: list[ExtraScene] = []
    for raster in rasters:
        if _is_again(raster, first, scenes):
            notes.append(_counted_once(raster))
            continue
        wanted = [first.bands[number - 1] for number in chosen.used]
        how, positions = same_sensor_bands(wanted, raster.bands, len(first.bands), (first.name, raster.name))
        scenes.append(ExtraScene(raster, tuple(position + 1 for position in positions), how))
    if fixed:
        return ExtraSceneChoice(tuple(scenes), chosen, tuple(notes))
    good = [i for i in range(len(chosen.used)) if all(s.numbers[i] in s.source.measured for s in scenes)]
    if len(good) < len(chosen.used):
        lost = ", ".join(str(number) for i, number in enumerate(chosen.used) if i not in good)
        notes.append(f"Marked as bad in a further raster, left out: {lost}.")
    used = tuple(chosen.used[i] for i in good)
    refuse_no_band(first, used)
    scenes = [replace(scene, numbers=tuple(scene.numbers[i] for i in good)) for scene in scenes]
    return ExtraSceneChoice(tuple(scenes), replace(chosen, used=used), tuple(notes))


class ExtraFeatureRasters:
    """EXTRA_INPUTS: further feature rasters to learn from."""

    def declare(self, algorithm: MtmsdAlgorithm) -> None:
        """Add it."""
        _declare(
            algorithm,
            tr("Further feature rasters"),
            tr(
                "More scenes to learn from, with the same features of the same diffusion model, in any CRS. Each "
                "feature of the training layer is looked up in the first raster that covers it. The map is that of the "
                "feature raster above."
            ),
        )

    def read(self, values: ParameterValues, first: RasterSource) -> ExtraSceneChoice:
        """The further rasters, their bands matched with all of INPUT's.

        Raises:
            QgsProcessingException: A raster cannot be read.
            SceneError: One has other features or bands.
        """
        from ....mtmsd_qgis.transfer.band_matching import same_sensor_bands
        from ....mtmsd_qgis.transfer.feature_matching import same_feature_bands
        from ...bridge.raster.source import describe_raster

        notes: list[str] = []
        scenes: list[ExtraScene] = []
        for raster in map(describe_raster, values.rasters("EXTRA_INPUTS")):
            if _is_again(raster, first, scenes):
                notes.append(_counted_once(raster))
                continue
            names = (first.name, raster.name)
            if first.layout is None and raster.layout is None:
                how, positions = same_sensor_bands(first.bands, raster.bands, len(first.bands), names)
            else:
                how = "name"
                positions = same_feature_bands((first.layout, first.bands), (raster.layout, raster.bands), names)
            scenes.append(ExtraScene(raster, tuple(position + 1 for position in positions), how))
        return ExtraSceneChoice(tuple(scenes), BandChoice(tuple(range(1, len(first.bands) + 1))), tuple(notes))


def _is_again(raster: RasterSource, first: RasterSource, scenes: Sequence[ExtraScene]) -> bool:
    """Whether a raster is the first one or one of the further ones."""
    from ...bridge.files.file_places import FilePlace

    known = (first.uri, *(scene.source.uri for scene in scenes))
    return bool(raster.uri) and any(FilePlace.of(raster.uri).overlaps(FilePlace.of(uri)) for uri in known if uri)


def _counted_once(raster: RasterSource) -> str:
    return f"{raster.name} was given twice; it counts once."


def _declare(algorithm: MtmsdAlgorithm, title: str, text: str) -> None:
    rasters = QgsProcessingParameterMultipleLayers(
        "EXTRA_INPUTS", title, QgsProcessing.SourceType.TypeRaster, optional=True
    )
    algorithm.declare(rasters, text, advanced=True)
