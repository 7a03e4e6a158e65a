# SPDX-License-Identifier: GPL-2.0-or-later
"""The raster that a classifier from a file is applied to: its bands or features found, and adapted on request.

Enters: a raster and what a classifier file says of itself. Leaves: rasters whose bands are those that the classifier
reads, in its order, or one sentence that says why it cannot be applied.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..errors import SceneError
from ..io.band_subset import BandSubset
from ..io.cube import Cube, Raster
from ..io.raster_stack import RasterStack
from ..jobs.classifier_description import BANDS, SCENE, ClassifierDescription
from ..jobs.data_model import Band, FeatureLayout
from .adaptation import Adaptation, AdaptedRaster
from .band_matching import BandMatch, match_all_bands

_SHOWN = 12  # digits of a fingerprint in a message


@dataclass(frozen=True)
class MatchedRaster:
    """A raster and the classifier's bands in it.

    Attributes:
        raster: What the classifier's rule or its features read.
        match: Of the bands that two scenes are compared by.
        compared: These bands.
        described: What the classifier's file says of these bands.
        is_scene: Whether features are still to be computed.
    """

    raster: Raster
    match: BandMatch
    compared: Raster
    described: tuple[Band, ...]
    is_scene: bool

    @classmethod
    def find(
        cls,
        cube: Cube | RasterStack,
        layout: FeatureLayout | None,
        classifier: ClassifierDescription,
        band_count: int | None = None,
    ) -> MatchedRaster:
        """Find the classifier's bands, or features, in a raster.

        Args:
            cube: The raster, or those of its bands that are needed.
            layout: What its bands are; None for a raster without features.
            classifier: What its file says.
            band_count: Bands of the whole raster; None where the cube has them all.

        Raises:
            SceneError: The raster lacks something, or is of another kind than the classifier was learnt from.
        """
        if layout is not None:
            return cls._of_features(cube, layout, classifier)
        if classifier.input not in (SCENE, BANDS):
            raise SceneError(
                "The classifier was learnt from a feature raster and needs one, INPUT has bands without features. "
                "Extract features of this scene with the same diffusion model and settings, and apply it to these."
            )
        bands = cube.description.bands
        match, positions = match_all_bands(classifier.bands, bands, classifier.source_band_count, band_count)
        raster = BandSubset(cube, positions)
        return cls(raster, match, raster, classifier.bands, classifier.input == SCENE)

    @classmethod
    def _of_features(
        cls, cube: Cube | RasterStack, found: FeatureLayout, classifier: ClassifierDescription
    ) -> MatchedRaster:
        if classifier.input == BANDS:
            raise SceneError(
                "The classifier was learnt from plain bands, INPUT is a feature raster. Choose the scene itself."
            )
        _check_model(found, classifier)
        wanted, stored = classifier.layout, cube.description.bands
        positions = feature_positions(wanted, found)
        spectra: list[int] = []
        match = _same_order(wanted.diffusion_bands)
        described = classifier.bands[: wanted.features]
        if wanted.spectra:
            described = tuple(_without_prefix(classifier.bands[-wanted.spectra :]))
            there = _without_prefix(stored[found.diffusion_bands :])
            if not there:
                raise SceneError(
                    "The classifier needs the spectra beside the features, and INPUT has none. Extract the features "
                    "anew, with the spectra."
                )
            match, offsets = match_all_bands(described, there)
            spectra = [found.diffusion_bands + offset for offset in offsets]
        compared = spectra or positions[: wanted.features]
        return cls(
            BandSubset(cube, [*positions, *spectra]), match, BandSubset(cube, compared), described, is_scene=False
        )

    @property
    def adaptable(self) -> bool:
        """Whether bands are read that can still be adapted: not where diffusion features are computed already."""
        return self.raster is self.compared

    def adapted(self, adaptation: Adaptation) -> MatchedRaster:
        """The same, read through an adaptation of the compared bands, which must be all that are read.

        Raises:
            SceneError: There are diffusion features, which are computed already.
        """
        if not self.adaptable:
            raise SceneError(
                "ADAPT='scale' changes bands before features are computed, and INPUT is a raster of diffusion "
                "features. Choose the scene itself, or ADAPT='none'."
            )
        raster = AdaptedRaster(self.raster, adaptation)
        return replace(self, raster=raster, compared=raster)


def feature_positions(wanted: FeatureLayout, found: FeatureLayout) -> list[int]:
    """Where the features of one layout lie in a raster of another one, by timestep and name.

    Raises:
        SceneError: One of them is missing.
    """
    if not wanted.names or not found.names:
        if (wanted.timesteps, wanted.features) != (found.timesteps, found.features):
            raise SceneError(
                f"The classifier needs {wanted.diffusion_bands} features without names, INPUT has "
                f"{found.diffusion_bands}. Choose a raster of the same making."
            )
        return list(range(wanted.diffusion_bands))
    timesteps = {timestep: i for i, timestep in enumerate(found.timesteps)}
    names = {name: i for i, name in enumerate(found.names)}
    lacking = [f"timestep {t}" for t in wanted.timesteps if t not in timesteps]
    lacking += [f"feature {name}" for name in wanted.names if name not in names]
    if lacking:
        raise SceneError(
            f"The classifier needs features that INPUT lacks: {_listed(lacking)}. Extract features of this scene with "
            "the same TIMESTEPS and STAGES and with KEEP=0, and apply it to these."
        )
    return [timesteps[t] * found.features + names[name] for t in wanted.timesteps for name in wanted.names]


def _check_model(found: FeatureLayout, classifier: ClassifierDescription) -> None:
    used = classifier.diffusion_model
    if used is not None and used.sha256 and found.model and used.sha256 != found.model:
        raise SceneError(
            f"The classifier was learnt from features of the diffusion model {used.sha256[:_SHOWN]}, INPUT has "
            f"features of {found.model[:_SHOWN]} (fingerprints). Extract the features with the same model."
        )


def _without_prefix(bands: Sequence[Band]) -> list[Band]:
    """Bands of spectra by the names that they have in their scene."""
    return [replace(band, name=band.name.removeprefix("spectrum ")) for band in bands]


def _same_order(count: int) -> BandMatch:
    positions = tuple(range(count))
    return BandMatch("order", positions, (None,) * count, (), (), ())


def _listed(words: Sequence[str]) -> str:
    shown = 5
    more = len(words) - shown
    return ", ".join(words[:shown]) + (f" and {more} more" if more > 0 else "")
