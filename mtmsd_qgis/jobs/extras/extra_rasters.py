# SPDX-License-Identifier: GPL-2.0-or-later
"""Extra rasters beside the scene: what a job says of them, and what a classifier found them to be worth.

Enters: values of a JSON document. Leaves: frozen dataclasses, or a ValueError that names the field.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ...errors import SceneError, SettingsError
from ..data_model import CubeFile
from ..json_dataclasses import from_json, shown

VALUES = "values"  # measurements of any unit
ELEVATION = "elevation"  # heights above a datum
CATEGORIES = "categories"  # one band a category: its share of the pixel
TEXTURE = "texture"  # deviations of the scene's own components
KINDS = (VALUES, ELEVATION, CATEGORIES)
EXTRA_USES = ("auto", "always")


@dataclass(frozen=True)
class ExtraRaster:
    """An extra raster, brought to the scene's grid.

    Attributes:
        name: Of its layer.
        kind: VALUES, ELEVATION or CATEGORIES.
        bands: Names of its bands in the cube of all extra rasters.
    """

    name: str
    kind: str
    bands: tuple[str, ...]

    @classmethod
    def from_json(cls, values: object) -> ExtraRaster:
        """An extra raster from a job or a classifier file.

        Raises:
            ValueError: A part is missing or of the wrong type, or nothing is known of such a kind.
        """
        raster = from_json(cls, values)
        if raster.kind not in KINDS:
            raise ValueError(f"the kind of an extra raster should be one of {', '.join(KINDS)}, {shown(raster.kind)}")
        if not raster.bands:
            raise ValueError("an extra raster should have bands")
        return raster


@dataclass(frozen=True)
class ExtraInputs:
    """What a job has beside its scene.

    Attributes:
        use: "auto": an extra joins the classifier where it improves it; "always": without asking.
        texture: Whether the deviations of the scene's own components are an extra too.
        rasters: In the order given.
        cube: Their bands one after the other, with the scene's rows and columns; None without rasters.
    """

    use: str = "auto"
    texture: bool = False
    rasters: tuple[ExtraRaster, ...] = ()
    cube: CubeFile | None = None

    def __post_init__(self) -> None:
        """Check the word.

        Raises:
            SettingsError: It is not known.
        """
        if self.use not in EXTRA_USES:
            raise SettingsError(f"EXTRA_USE must be one of {', '.join(EXTRA_USES)}, found {shown(self.use)}.")


@dataclass(frozen=True)
class ExtraFinding:
    """What an extra is worth to the classifier.

    Attributes:
        name: Of the layer, or "texture".
        joined: Whether the classifier uses it.
        sentence: Why, for log and report.
        gain: By how much it lowers the log loss of a discriminant on held-out samples; None where that was not asked.
        standard_error: Of the gain, over what was held out together.
        shifted_below: Of the copies shifted over the scene, how many help less; None where that was not asked.
    """

    name: str
    joined: bool
    sentence: str
    gain: float | None = None
    standard_error: float | None = None
    shifted_below: int | None = None


@dataclass(frozen=True)
class ExtraFacts:
    """What became of the extras.

    Attributes:
        findings: One an extra.
        share_without: Of the mapped pixels, those at which an extra in use has no data, so that they are mapped without
            it; 0 where no extra is in use.
    """

    findings: tuple[ExtraFinding, ...]
    share_without: float = 0.0


def check_extras(wanted: Sequence[ExtraRaster], given: Sequence[ExtraRaster]) -> None:
    """That the extra rasters of a scene are of the kinds that a classifier was learnt with.

    Raises:
        SceneError: Another number of them, or one of another kind or with other bands.
    """
    check_number(wanted, len(given))
    for number, (one, other) in enumerate(zip(wanted, given), 1):
        if (one.kind, len(one.bands)) != (other.kind, len(other.bands)):
            raise SceneError(
                f"Extra raster {number} should be like {one.name} ({one.kind}, {len(one.bands)} bands on the scene's "
                f"grid), that the classifier was learnt with; {other.name} is of {other.kind} with "
                f"{len(other.bands)}. Choose another raster, or the order in which the classifier was learnt."
            )


def learnt_order(wanted: Sequence[ExtraRaster], given: Sequence[str]) -> list[int]:
    """Positions of given extra rasters in the order of those that a classifier was learnt with.

    One that has the name of a learnt one, as no other does, stands for that one; the others are taken as they come.

    Args:
        wanted: As many as are given.
        given: Names.
    """
    names = [raster.name for raster in wanted]
    found = [given.index(name) if names.count(name) == 1 and list(given).count(name) == 1 else None for name in names]
    others = iter(sorted(set(range(len(given))) - set(found)))
    return [next(others) if position is None else position for position in found]


def check_number(wanted: Sequence[ExtraRaster], given: int) -> None:
    """That there are as many extra rasters as a classifier was learnt with.

    Raises:
        SceneError: There are fewer or more.
    """
    if len(wanted) == given:
        return
    if not wanted:
        raise SceneError(f"The classifier was learnt without extra rasters, and EXTRA gives {given}. Leave EXTRA out.")
    names = ", ".join(f"{raster.name} ({raster.kind})" for raster in wanted)
    raise SceneError(
        f"EXTRA should give the {len(wanted)} extra raster{'s' if len(wanted) > 1 else ''} that the classifier was "
        f"learnt with, and gives {given}. Give rasters like these, in this order: {names}."
    )
