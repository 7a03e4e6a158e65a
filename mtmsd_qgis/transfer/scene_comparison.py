# SPDX-License-Identifier: GPL-2.0-or-later
"""How far a scene differs from the one that a classifier was learnt from.

Enters: the scene that is learnt from, for its classifier's file; that file's arrays and the scene to be mapped. Leaves:
arrays for the file; the figures that the report on a map shows, and the raster adapted where that is asked for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import FileFormatError
from ..io.cube import Raster, whole_size
from ..io.run_directory import CompletedWindows, RunDirectory
from ..io.windows import Window, windows_with_margin
from ..jobs.data_model import Band, ClassEntry, CubeFile
from ..jobs.transfer_results import ExtraComparison, TransferFacts
from ..progress import Progress, silent, span
from .adaptation import Adaptation
from .matched_raster import MatchedRaster
from .scene_applicability import RasterWithDifferences, SceneApplicability, read_pixels
from .scene_summary import SceneSummary
from .transfer_summary import Inside, SceneComparison, Scenes

NO_INDEX = -1.0
INDEX_TYPE = "float32"
_SUMMARY, _AREA, _INSIDE_SHARE = "summary.", "applicability.", "inside_share"
_FEATURES, _LEAST = "features.", "least_confidence"
_SIDE = 256  # pixels, of a window
_UNSURE = 0.25  # share of the held-out samples that are less sure than a sure pixel
_LEAST_SAMPLES = 50  # from which on that share means something
_BANDS, _SURE_BAND = ("inside the area of applicability", "dissimilarity index"), "inside and sure"


@dataclass(frozen=True)
class SourceFacts:
    """What a classifier's file keeps of the scene that it was learnt from.

    Attributes:
        summary: Of the bands that scenes are compared by; None where the file has none.
        applicability: By the same bands; None where the file has none.
        inside_share: Share of that scene inside the area of applicability, 0 to 1; None likewise.
        features: Summary of the diffusion features that the map rests on; None where it rests on none, or the file has
            none.
        least_confidence: From which a pixel is sure; None where no samples were held out, or the file does not say.
    """

    summary: SceneSummary | None
    applicability: SceneApplicability | None
    inside_share: float | None
    features: SceneSummary | None = None
    least_confidence: float | None = None

    @classmethod
    def of_scene(
        cls, raster: Raster, positions: NDArray[np.int64], folds: NDArray[np.int64], mapped: Sequence[int]
    ) -> SourceFacts:
        """Of the scene that was learnt from.

        Args:
            raster: The bands that scenes are compared by.
            positions: (N, 2) row and column of training samples.
            folds: (N,) fold that holds each of them out; negative for none.
            mapped: (K,) pixels of each class on its map.
        """
        surroundings = RasterWithDifferences(raster)
        pixels = SceneSummary.of_raster(surroundings).pixels
        area = SceneApplicability.of_pixels(pixels, read_pixels(surroundings, positions), folds)
        return cls(SceneSummary.of_raster(raster).with_classes(mapped), area, area.inside_share(pixels))

    def arrays(self) -> dict[str, NDArray[Any]]:
        """For a classifier file."""
        summary = {} if self.summary is None else self.summary.to_arrays()
        arrays = {_SUMMARY + name: array for name, array in summary.items()}
        if self.applicability is not None:
            arrays.update({_AREA + name: array for name, array in self.applicability.to_arrays().items()})
            arrays[_INSIDE_SHARE] = np.array(self.inside_share, dtype=np.float64)
        if self.features is not None:
            arrays.update({_FEATURES + name: array for name, array in self.features.to_arrays().items()})
        if self.least_confidence is not None:
            arrays[_LEAST] = np.array(self.least_confidence, dtype=np.float64)
        return arrays

    @classmethod
    def of_file(cls, arrays: Mapping[str, NDArray[Any]], path: Path) -> SourceFacts:
        """From a classifier file.

        Raises:
            FileFormatError: Arrays are missing or not what they should be.
        """
        try:
            summary, area, features = (_under(prefix, arrays) for prefix in (_SUMMARY, _AREA, _FEATURES))
            return cls(
                SceneSummary.from_arrays(summary) if summary else None,
                SceneApplicability.from_arrays(area) if area else None,
                _share(arrays[_INSIDE_SHARE]) if _INSIDE_SHARE in arrays else None,
                SceneSummary.from_arrays(features) if features else None,
                _share(arrays[_LEAST]) if _LEAST in arrays else None,
            )
        except ValueError as error:
            raise FileFormatError(
                f"{path} is not a complete classifier ({error} were expected). Use a copy, or learn the "
                "classifier anew."
            ) from None


@dataclass(frozen=True)
class SurePixels:
    """Which pixels of a map are sure.

    Attributes:
        confidence: Raster of the probability of the mapped class.
        least: From which on a pixel is sure.
    """

    confidence: Raster
    least: float

    def within(self, window: Window) -> NDArray[np.bool_]:
        """(h, w) of a window."""
        return np.asarray(self.confidence.read(window, [0])[0] >= np.float32(self.least))


@dataclass(frozen=True)
class TargetFacts:
    """The scene to be mapped beside the one that was learnt from.

    Attributes:
        raster: Adapted where that was asked for.
        comparison: With the other scene.
        inside: Shares inside the area of applicability, of it as it is mapped; None where they are not known.
        least_confidence: From which a pixel counts as sure; None where it is not known.
    """

    raster: MatchedRaster
    comparison: SceneComparison
    inside: Inside | None
    least_confidence: float | None = None

    @classmethod
    def of(cls, source: SourceFacts, raster: MatchedRaster, adapt: str, progress: Progress = silent) -> TargetFacts:
        """Compare the scenes.

        Args:
            source: From the classifier's file.
            raster: The scene to be mapped.
            adapt: One of settings.ADAPTATIONS.
            progress: Told how far it is.

        Raises:
            FileFormatError: It is to be adapted, and the file does not say to what.
            SceneError: It cannot be adapted, or has no pixel with data.
        """
        target = SceneSummary.of_raster(raster.compared, None, span(progress, 0.0, 0.6))
        known = source.summary
        if known is not None and known.pixels.shape[1] != target.pixels.shape[1]:
            raise FileFormatError(
                f"The classifier's file keeps {known.pixels.shape[1]} bands of its scene and names "
                f"{target.pixels.shape[1]}. Use a copy, or learn the classifier anew."
            )
        if known is None and adapt != "none":
            raise FileFormatError(
                "ADAPT='scale' needs the median and spread of the scene that the classifier was learnt from; its "
                "file has none. Choose ADAPT='none', or learn the classifier anew."
            )
        scenes = Scenes(raster.described, raster.match, known, target, adaptable=raster.adaptable)
        comparison = SceneComparison.of(scenes, adapt, span(progress, 0.6, 1.0))
        if adapt == "scale" and known is not None:
            raster = raster.adapted(Adaptation.between(known.scaling, target.scaling))
        inside, area = None, source.applicability
        if area is not None:
            pixels = SceneSummary.of_raster(RasterWithDifferences(raster.compared)).pixels
            inside = Inside(area.inside_share(pixels), source.inside_share, area.noise_inside_share())
        return cls(raster, comparison, inside, source.least_confidence)

    def results(
        self,
        classes: Sequence[ClassEntry] = (),
        mapped: Sequence[int] = (),
        extras: Sequence[ExtraComparison] = (),
        share_without_extras: float = 0.0,
    ) -> TransferFacts:
        """For the result message.

        Args:
            classes: (K,) of the map; none before it is there.
            mapped: (K,) pixels of each class.
            extras: Extra rasters in use.
            share_without_extras: Of the mapped pixels, those that lack one.
        """
        names = [entry.name for entry in classes]
        facts = self.comparison.facts(self.inside, names, mapped, extras, share_without_extras)
        return replace(facts, least_confidence=self.least_confidence)


def write_applicability(
    area: SceneApplicability, raster: Raster, sure: SurePixels | None, directory: RunDirectory, progress: Progress
) -> CubeFile:
    """A raster of two or three bands: 1 inside the area of applicability and 0 outside, the dissimilarity index, sure.

    Args:
        area: Of the classifier.
        raster: The bands that scenes are compared by, as they are mapped.
        sure: For the third band, 1 where a pixel is inside and sure; None where that is not known.
        directory: Where it is written; windows that it names as completed are left as they are.
        progress: Told after each window.
    """
    surroundings = RasterWithDifferences(raster)
    names = [*_BANDS, *([_SURE_BAND] if sure else [])]
    bands = [Band(name, nodata=NO_INDEX) for name in names]
    out, is_new = directory.raster("applicability", whole_size(raster), INDEX_TYPE, bands)
    completed = CompletedWindows(directory, "compared", [out], fresh=is_new)
    windows = [tile.core for tile in windows_with_margin(raster.height, raster.width, _SIDE, 0, 0)]
    for done, window in enumerate(windows):
        if window in completed:
            continue
        index = area.index(surroundings, window)
        inside = area.area.inside(index)
        parts = [inside, index, *([inside & sure.within(window)] if sure else [])]
        values = np.stack([part.astype(np.float32) for part in parts])
        out.write(window, np.where(np.isfinite(index), values, np.float32(NO_INDEX)))
        completed.add(window)
        with completed.saved_on_cancel():
            progress((done + 1) / len(windows), f"applicability: window {done + 1} of {len(windows)}")
    completed.save()
    return out.description


def least_confidence_of(confidence: NDArray[np.float64]) -> float | None:
    """The confidence (n,) that three quarters of the held-out samples reach; None where they are too few to say."""
    known = confidence[np.isfinite(confidence)]
    return float(np.quantile(known, _UNSURE)) if len(known) >= _LEAST_SAMPLES else None


def _under(prefix: str, arrays: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    return {name[len(prefix) :]: array for name, array in arrays.items() if name.startswith(prefix)}


def _share(array: NDArray[Any]) -> float:
    if array.shape != () or not 0 <= array <= 1:
        raise ValueError("a share from 0 to 1")
    return float(array)
