# SPDX-License-Identifier: GPL-2.0-or-later
"""How far a scene differs from the one that a classifier was learnt from.

Enters: the scene that is learnt from, for its classifier's file; that file's arrays and the scene to be mapped. Leaves:
arrays for the file; the figures that the report on a map shows, and the raster adapted where that is asked for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import FileFormatError
from ..io.cube import Raster, whole_size
from ..io.run_directory import CompletedWindows, RunDirectory
from ..io.windows import windows_with_margin
from ..jobs.data_model import Band, CubeFile
from ..jobs.transfer_results import BandComparison, TransferFacts
from ..progress import Progress, silent, span
from .adaptation import Adaptation
from .matched_raster import MatchedRaster
from .scene_applicability import RasterWithDifferences, SceneApplicability, read_pixels
from .scene_summary import SceneSummary
from .separability import Separability, separability

NO_INDEX = -1.0
INDEX_TYPE = "float32"
_SUMMARY, _AREA, _INSIDE_SHARE = "summary.", "applicability.", "inside_share"
_SIDE = 256  # pixels, of a window
_FAR = 0.9  # AUC from which the scenes are told apart with ease
_NEAR = 0.7  # up to which they are hard to tell apart
_NAMED = 3  # bands in the sentence


@dataclass(frozen=True)
class SourceFacts:
    """What a classifier's file keeps of the scene that it was learnt from.

    Attributes:
        summary: Of the bands that scenes are compared by; None where the file has none.
        applicability: By the same bands; None where the file has none.
        inside_share: Share of that scene inside the area of applicability, 0 to 1; None likewise.
    """

    summary: SceneSummary | None
    applicability: SceneApplicability | None
    inside_share: float | None

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
        return arrays

    @classmethod
    def of_file(cls, arrays: Mapping[str, NDArray[Any]], path: Path) -> SourceFacts:
        """From a classifier file.

        Raises:
            FileFormatError: Arrays are missing or not what they should be.
        """
        try:
            summary, area = _under(_SUMMARY, arrays), _under(_AREA, arrays)
            return cls(
                SceneSummary.from_arrays(summary) if summary else None,
                SceneApplicability.from_arrays(area) if area else None,
                _share(arrays[_INSIDE_SHARE]) if _INSIDE_SHARE in arrays else None,
            )
        except ValueError as error:
            raise FileFormatError(
                f"{path} is not a complete classifier ({error} were expected). Use a copy, or learn the "
                "classifier anew."
            ) from None


@dataclass(frozen=True)
class TargetFacts:
    """The scene to be mapped beside the one that was learnt from.

    Attributes:
        raster: Adapted where that was asked for.
        source: Of the other scene; None where the classifier's file has none.
        target: Of this one, as it is.
        separability: As it is mapped; None without a source.
        inside_share: Of it as it is mapped, inside the area of applicability, 0 to 1; None where that is not known.
        noise_inside_share: Of white noise; None likewise.
        adapted: Whether it is adapted.
    """

    raster: MatchedRaster
    source: SceneSummary | None
    target: SceneSummary
    separability: Separability | None
    inside_share: float | None
    noise_inside_share: float | None
    adapted: bool

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
        if known is None:
            if adapt != "none":
                raise FileFormatError(
                    "ADAPT='scale' needs the median and spread of the scene that the classifier was learnt from; its "
                    "file has none. Choose ADAPT='none', or learn the classifier anew."
                )
            return cls(raster, None, target, None, None, None, adapted=False)
        mapped = target
        if adapt == "scale":
            adaptation = Adaptation.between(known.scaling, target.scaling)
            raster, mapped = raster.adapted(adaptation), target.adapted(adaptation)
        names = [_label(position) for position in range(target.pixels.shape[1])]
        apart = separability(known, mapped, names, progress=span(progress, 0.6, 1.0))
        inside = noise = None
        area = source.applicability
        if area is not None:
            inside = area.inside_share(SceneSummary.of_raster(RasterWithDifferences(raster.compared)).pixels)
            noise = area.noise_inside_share()
        return cls(raster, known, target, apart, inside, noise, adapted=adapt == "scale")

    @property
    def sentence(self) -> str:
        """That sums it up."""
        apart = self.separability
        if apart is None or apart.auc is None:
            return "How far this scene differs from the one that the classifier was learnt from is not known."
        words = f"the two scenes can be told apart with an AUC of {apart.auc:.2f} (0.5 not at all, 1 entirely)"
        bands = ", ".join(self._name(shift.name) for shift in apart.shifts[:_NAMED])
        if apart.auc >= _FAR:
            advice = "" if self.adapted else " Try ADAPT='scale', and compare."
            return f"Much care is needed: {words}, most of all by {bands}.{advice}"
        if apart.auc > _NEAR:
            return f"Care is needed: {words}, most of all by {bands}."
        return f"This scene is much like the one that the classifier was learnt from: {words}."

    def results(self, mapped: Sequence[int]) -> TransferFacts:
        """For the result message.

        Args:
            mapped: (K,) pixels of each class on the map.
        """
        proportions = self.target.with_classes(mapped).class_proportions
        source = () if self.source is None else tuple(self.source.class_proportions.tolist())
        return TransferFacts(
            sentence=self.sentence,
            matched_by=self.raster.match.how,
            shift_auc=None if self.separability is None else self.separability.auc,
            inside_share=self.inside_share,
            noise_inside_share=self.noise_inside_share,
            bands=self._bands() if self.source is not None and self.separability is not None else (),
            source_proportions=source,
            target_proportions=tuple(proportions.tolist()),
        )

    def _bands(self) -> tuple[BandComparison, ...]:
        if self.source is None or self.separability is None:
            return ()
        shifts = {shift.name: shift for shift in self.separability.shifts}
        match, described = self.raster.match, self.raster.described
        return tuple(
            BandComparison(
                name=self._name(_label(position)),
                wavelength_nm=described[position].wavelength_nm,
                offset_nm=match.offsets_nm[position],
                shifted=position in match.shifted,
                auc=shifts[_label(position)].auc,
                higher=shifts[_label(position)].higher,
                source=tuple(self.source.quantiles[position].tolist()),
                target=tuple(self.target.quantiles[position].tolist()),
            )
            for position in range(len(self.target.quantiles))
        )

    def _name(self, label: str) -> str:
        """Of a band, for people."""
        position = int(label)
        band = self.raster.described[position]
        name = band.name or f"band {band.number or position + 1}"
        return name if band.wavelength_nm is None else f"{name} ({band.wavelength_nm:g} nm)"


def write_applicability(
    area: SceneApplicability, raster: Raster, directory: RunDirectory, progress: Progress
) -> CubeFile:
    """A raster of two bands: 1 inside the area of applicability and 0 outside, and the dissimilarity index.

    Args:
        area: Of the classifier.
        raster: The bands that scenes are compared by, as they are mapped.
        directory: Where it is written; windows that it names as completed are left as they are.
        progress: Told after each window.
    """
    surroundings = RasterWithDifferences(raster)
    names = ("inside the area of applicability", "dissimilarity index")
    bands = [Band(name, nodata=NO_INDEX) for name in names]
    out, is_new = directory.raster("applicability", whole_size(raster), INDEX_TYPE, bands)
    completed = CompletedWindows(directory, "compared", [out], fresh=is_new)
    windows = [tile.core for tile in windows_with_margin(raster.height, raster.width, _SIDE, 0, 0)]
    for done, window in enumerate(windows):
        if window in completed:
            continue
        index = area.index(surroundings, window)
        values = np.stack([area.area.inside(index).astype(np.float32), index])
        out.write(window, np.where(np.isfinite(index), values, np.float32(NO_INDEX)))
        completed.add(window)
        with completed.saved_on_cancel():
            progress((done + 1) / len(windows), f"applicability: window {done + 1} of {len(windows)}")
    completed.save()
    return out.description


def _under(prefix: str, arrays: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    return {name[len(prefix) :]: array for name, array in arrays.items() if name.startswith(prefix)}


def _share(array: NDArray[Any]) -> float:
    if array.shape != () or not 0 <= array <= 1:
        raise ValueError("a share from 0 to 1")
    return float(array)


def _label(position: int) -> str:
    """One of its own for each band; two may have the same name."""
    return str(position)
