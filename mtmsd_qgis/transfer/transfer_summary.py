# SPDX-License-Identifier: GPL-2.0-or-later
"""What a classifier's source scene and another scene have in common, summed up for the report.

Enters: matched bands and the summaries of both scenes; what lies inside the area of applicability. Leaves: the facts of
the report, with a verdict and its sentence.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..jobs.data_model import Band
from ..jobs.transfer_results import BandComparison, ExtraComparison, TransferFacts
from ..progress import Progress, silent, span
from .adaptation import Adaptation
from .band_matching import BandMatch, named
from .scene_summary import SceneSummary
from .separability import Separability, separability
from .verdict import judged


@dataclass(frozen=True)
class Scenes:
    """A classifier's source scene and the target scene.

    Attributes:
        bands: (B,) as the classifier describes them.
        match: The target's bands that stand for them.
        source: Of these bands; None where the classifier does not know its scene.
        target: Of the matched bands, before any adaptation.
        adaptable: Whether the target's bands could be adapted.
    """

    bands: Sequence[Band]
    match: BandMatch
    source: SceneSummary | None
    target: SceneSummary
    adaptable: bool = True


@dataclass(frozen=True)
class Inside:
    """Shares inside the area of applicability, 0 to 1.

    Attributes:
        share: Of the target.
        source_share: Of the source; None where it is not known.
        noise_share: Of white noise; None where it is not known.
    """

    share: float
    source_share: float | None = None
    noise_share: float | None = None


@dataclass(frozen=True)
class SceneComparison:
    """How two scenes differ.

    Attributes:
        scenes: Both.
        adaptation: Of the target to the source, whether it is used or not; None where there is no source, or where
            the target cannot be adapted.
        adapted: Whether it is used.
        unadapted: As the target is; None where there is no source.
        scaled: As the target is after the adaptation; None where there is none.
    """

    scenes: Scenes
    adaptation: Adaptation | None
    adapted: bool
    unadapted: Separability | None
    scaled: Separability | None

    @classmethod
    def of(cls, scenes: Scenes, adapt: str, progress: Progress = silent) -> SceneComparison:
        """Tell the scenes apart, as they are and with the target adapted.

        Args:
            scenes: Both.
            adapt: "none" or "scale".
            progress: Told how far it is.

        Raises:
            ValueError: The scenes have not the same bands.
        """
        source, target = scenes.source, scenes.target
        if source is None:
            return cls(scenes, None, adapted=False, unadapted=None, scaled=None)
        names = [str(position) for position in range(len(scenes.bands))]  # two bands may have one name
        unadapted = separability(source, target, names, span(progress, 0.0, 0.5))
        if not scenes.adaptable:
            return cls(scenes, None, adapted=False, unadapted=unadapted, scaled=None)
        adaptation = Adaptation.between(source.scaling, target.scaling)
        scaled = separability(source, target.adapted(adaptation), names, span(progress, 0.5, 1.0))
        return cls(scenes, adaptation, adapt == "scale", unadapted, scaled)

    def facts(
        self,
        inside: Inside | None,
        classes: Sequence[str] = (),
        mapped_pixels: Sequence[int] = (),
        extras: Sequence[ExtraComparison] = (),
        share_without_extras: float = 0.0,
    ) -> TransferFacts:
        """For the report.

        Args:
            inside: The area of applicability; None where it is not known.
            classes: (K,) names, for the sentence.
            mapped_pixels: (K,) of each class on the target's map; none before there is a map.
            extras: Extra rasters in use.
            share_without_extras: Of the mapped pixels, those that lack one.
        """
        source, target = self.scenes.source, self.scenes.target.with_classes(mapped_pixels)
        unadapted = None if self.unadapted is None else self.unadapted.auc
        scaled = None if self.scaled is None else self.scaled.auc
        facts = TransferFacts(
            sentence="",
            matched_by=self.scenes.match.how,
            shift_auc=scaled if self.adapted else unadapted,
            inside_share=None if inside is None else inside.share,
            noise_inside_share=None if inside is None else inside.noise_share,
            bands=self._bands(),
            source_proportions=() if source is None else tuple(source.class_proportions.tolist()),
            target_proportions=tuple(target.class_proportions.tolist()),
            source_inside_share=None if inside is None else inside.source_share,
            adapt="scale" if self.adapted else "none",
            unadapted_auc=unadapted if self.adapted else None,
            adapted_auc=None if self.adapted else scaled,
            extras=tuple(extras),
            share_without_extras=share_without_extras,
        )
        return judged(facts, classes)

    def _bands(self) -> tuple[BandComparison, ...]:
        source, target, match = self.scenes.source, self.scenes.target, self.scenes.match
        shown = self.scaled if self.adapted else self.unadapted
        if source is None or shown is None:
            return ()
        shifts = {shift.name: shift for shift in shown.shifts}
        used = self.adaptation if self.adapted else None
        return tuple(
            BandComparison(
                name=named(self.scenes.bands, [position]),
                wavelength_nm=band.wavelength_nm,
                offset_nm=match.offsets_nm[position],
                shifted=position in match.shifted,
                auc=shifts[str(position)].auc,
                higher=shifts[str(position)].higher,
                source=tuple(source.quantiles[position].tolist()),
                target=tuple(target.quantiles[position].tolist()),
                gain=None if used is None else float(used.gain[position]),
                offset=None if used is None else float(used.offset[position]),
            )
            for position, band in enumerate(self.scenes.bands)
        )
