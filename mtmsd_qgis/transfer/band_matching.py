# SPDX-License-Identifier: GPL-2.0-or-later
"""The bands of a classifier or model against the bands of a raster: which stands for which, and how well.

Enters: descriptions of bands. Leaves: a BandMatch, or one sentence that says why the raster cannot be used.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import SceneError
from ..jobs.data_model import Band

_NARROWEST_NM = 4.0  # a band that is described as narrower, or whose neighbours are nearer, counts as so wide
_WIDEST_SHARE = 0.1  # of its wavelength: how wide a band without FWHM is at most; multispectral ones are 0.05 to 0.12
_SAME_NM = 0.5  # that bands of one wavelength may differ by from date to date
_WIDTH_RATIO = 1.5  # bands whose widths differ by more are not of the same sensor
_NAMES_FOUND = 0.5  # of the names; where fewer are found, the names are not the classifier's
_MADE_UP = re.compile(r"(?:band|layer)[ _]0*(\d+)", re.IGNORECASE)  # by QGIS, or GDAL for ENVI and Erdas files
_SHOWN = 5  # bands in a message


@dataclass(frozen=True)
class BandMatch:
    """Which band of the target raster stands for each band that is wanted.

    Attributes:
        how: "wavelength", "name" or "order".
        indices: (B,) 0-based band of the target, None where it has none that fits.
        offsets_nm: (B,) wavelength of the target's band minus the wanted one; None where either is unknown.
        missing: Positions among the wanted bands for which the target has no band.
        shifted: Positions whose band is off by more than half the wanted band's width.
        shared: Positions whose band stands for another wanted band too.
    """

    how: str
    indices: tuple[int | None, ...]
    offsets_nm: tuple[float | None, ...]
    missing: tuple[int, ...]
    shifted: tuple[int, ...]
    shared: tuple[int, ...]


def compare_bands(
    wanted: Sequence[Band],
    target: Sequence[Band],
    source_band_count: int | None = None,
    target_band_count: int | None = None,
) -> BandMatch | None:
    """Match bands by wavelength where both sides have them, else by name, else by order.

    A band is missing where the nearest one is off by more than the wanted band's width. The width is the FWHM; where it
    is unknown, the distance to the nearest other wanted band, but at most a tenth of the wavelength. Of several bands
    of one wavelength, as stacks of dates have, the one of the same name is taken, else the one by order, else the first
    for the first, the second for the second. Names count where the target has at least half of them, and where each
    wanted band has one, of its own, and not made up. The order counts where the numbers of bands are equal: those of
    the rasters, then bands of the same number belong together, or else those of wanted and target; and where no name of
    a wanted band is at another place, and either all of them are there or less than half.

    Args:
        wanted: (B,) bands of the classifier or model, in its order.
        target: Bands of the raster.
        source_band_count: Bands of the raster that it was learnt from, left-out ones included.
        target_band_count: Bands of the raster likewise; None where the target has them all.

    Returns:
        None where nothing tells which bands belong together.
    """
    wanted_nm = [band.wavelength_nm for band in wanted]
    order = _order(wanted, target, (target_band_count or len(target)) == source_band_count)
    if None not in wanted_nm and any(band.wavelength_nm is not None for band in target):
        return _by_wavelength(wanted, target, order)
    asked, names = _names(wanted, target)
    found = _by_name(asked, names, order)
    known = [name for name in asked if name]
    once = sum(names.count(name) == 1 for name in known)
    lacks_some = any(name and index is None for name, index in zip(asked, found))
    are_its_names = bool(known) and once >= _NAMES_FOUND * len(known)
    if are_its_names and all(asked):
        return _matched("name", wanted, target, found)
    if order is None:
        return None
    elsewhere = any(name in names and names[place] != name for name, place in zip(asked, order) if name)
    if elsewhere or (are_its_names and lacks_some):
        return _matched("name", wanted, target, found)
    return _matched("order", wanted, target, order)


def match_all_bands(
    wanted: Sequence[Band],
    target: Sequence[Band],
    source_band_count: int | None = None,
    target_band_count: int | None = None,
    owner: str = "classifier",
) -> tuple[BandMatch, list[int]]:
    """As compare_bands, where every band is needed.

    Args:
        wanted: As for compare_bands.
        target: As for compare_bands.
        source_band_count: As for compare_bands.
        target_band_count: As for compare_bands.
        owner: Whose the wanted bands are, for the message.

    Returns:
        The match, and the 0-based bands of the target in the wanted order.

    Raises:
        SceneError: A band is missing, or nothing tells which bands belong together.
    """
    match = compare_bands(wanted, target, source_band_count, target_band_count)
    if match is None:
        expected = len(wanted) if source_band_count is None else source_band_count
        found = target_band_count or len(target)
        raise SceneError(
            f"The {owner} expects a raster of {_count(expected)}, this one has {_count(found)} and neither "
            "wavelengths nor band names tell which belong together; use a raster of the same sensor."
        )
    if match.missing:
        kind = "none near them" if match.how == "wavelength" else "none of these names"
        lacking = _lacking(wanted, target, match)
        if not lacking:
            raise SceneError(
                f"The {owner} knows these bands by their order alone, as they have no names of their own: "
                f"{named(wanted, match.missing)}. This raster has the other bands, by their names, in another order; "
                "use one with the bands in the same order."
            )
        raise SceneError(
            f"The {owner} needs {_count(len(wanted))}, of which this raster has {kind}: {named(wanted, lacking)}; "
            "use a raster of the same sensor, or one that has these bands."
        )
    return match, [index for index in match.indices if index is not None]


def match_model_bands(
    wanted: Sequence[Band],
    target: Sequence[Band],
    source_band_count: int | None = None,
    target_band_count: int | None = None,
) -> list[int]:
    """The bands of a raster that a diffusion model can be used on: all that it knows, at their wavelengths.

    Args:
        wanted: As for compare_bands.
        target: As for compare_bands.
        source_band_count: As for compare_bands.
        target_band_count: As for compare_bands.

    Returns:
        0-based bands of the target in the wanted order.

    Raises:
        SceneError: A band is missing or off by more than half the wanted band's width, or nothing tells which bands
            belong together.
    """
    match, indices = match_all_bands(wanted, target, source_band_count, target_band_count, "model")
    if match.shifted:
        raise SceneError(
            f"The model needs bands at most half a band's width off; this raster's are farther off: "
            f"{named(wanted, match.shifted)}. Use a raster of the same sensor, or train a model on this raster."
        )
    return indices


def sensor_difference(one: Sequence[Band], other: Sequence[Band]) -> str | None:
    """What speaks against two rasters being of the same sensor, as a phrase; None where nothing does.

    Rasters without wavelengths and names can differ in nothing but the number of bands.
    """
    if len(one) != len(other):
        return f"{_count(len(one))} in one and {len(other)} in the other"
    match = compare_bands(one, other)
    if match is None or match.missing:
        missing = range(len(one)) if match is None else match.missing
        return f"no band in the other for {named(one, missing)}"
    if match.shifted:
        return f"wavelengths that are off by more than half a width: {named(one, match.shifted)}"
    if match.shared:
        return f"one band of the other stands for several: {named(one, match.shared)}"
    pairs = [(band.fwhm_nm, other[index].fwhm_nm) for band, index in zip(one, match.indices) if index is not None]
    wider = [i for i, (a, b) in enumerate(pairs) if a and b and max(a, b) > _WIDTH_RATIO * min(a, b)]
    return f"widths that differ: {named(one, wider)}" if wider else None


def same_sensor_bands(
    wanted: Sequence[Band], target: Sequence[Band], source_band_count: int, names: tuple[str, str]
) -> tuple[str, list[int]]:
    """Bands of a raster that stand for those of another raster of the same sensor.

    Args:
        wanted: (B,) bands that are used of the one raster.
        target: All bands of the other.
        source_band_count: Bands of the one raster.
        names: Of both, for the message.

    Returns:
        How they were matched, and the 0-based bands of the target in the wanted order.

    Raises:
        SceneError: They are of different sensors.
    """
    match = compare_bands(wanted, target, source_band_count)
    if match is None:
        trouble: str | None = (
            f"it has {_count(len(target))} instead of {source_band_count}, and neither wavelengths nor band names tell "
            "which belong together"
        )
    elif match.missing:
        lacking = _lacking(wanted, target, match)
        trouble = f"it has no band for {named(wanted, lacking)}" if lacking else "its named bands lie in another order"
    else:
        trouble = sensor_difference(wanted, [target[index] for index in match.indices if index is not None])
    if match is None or trouble:
        raise SceneError(
            f"A raster of the same sensor as {names[0]} was expected, {names[1]} is of another one: {trouble}. Leave "
            "it out, or take a raster whose bands are the same."
        )
    return match.how, [index for index in match.indices if index is not None]


def named(bands: Sequence[Band], positions: Sequence[int]) -> str:
    """Bands for a message, by wavelength, name or number; a long list is cut."""
    words = []
    for position in positions[:_SHOWN]:
        band = bands[position]
        label = f"band {band.number or position + 1}"
        if band.name and band.name != f"Band {band.number or position + 1}":
            label = band.name
        words.append(label if band.wavelength_nm is None else f"{label} ({band.wavelength_nm:g} nm)")
    more = len(positions) - _SHOWN
    return ", ".join(words) + (f" and {more} more" if more > 0 else "")


def _by_wavelength(wanted: Sequence[Band], target: Sequence[Band], order: Sequence[int] | None) -> BandMatch:
    """The nearest band of the target for each wanted one, if it is not off by more than its width."""
    target_nm = np.array([np.inf if band.wavelength_nm is None else band.wavelength_nm for band in target])
    found: list[int | None] = []
    for position, (band, width) in enumerate(zip(wanted, _widths(wanted))):
        off = np.abs(target_nm - (band.wavelength_nm or 0.0))
        alike = [place for place, other in enumerate(wanted) if other.wavelength_nm == band.wavelength_nm]
        nearest = off.min() + (_SAME_NM if len(alike) > 1 else 0.0)
        places = np.flatnonzero(off <= nearest).tolist() if off.min() <= width else []
        of_name = [place for place in places if band.name and target[place].name == band.name]
        if len(of_name) == 1:
            found.append(of_name[0])
        elif order is not None and order[position] in places:
            found.append(order[position])
        else:
            found.append(dict(enumerate(places)).get(alike.index(position)))
    return _matched("wavelength", wanted, target, found)


def _names(wanted: Sequence[Band], target: Sequence[Band]) -> tuple[list[str], list[str]]:
    """Names that tell which bands belong together; empty for bands without such a name.

    "Band 3" and "Layer_3" are made up, for bands without a name, where all such names say the band's own number. In a
    raster whose bands were put into another order they say which ones these are.
    """
    asked, names = [band.name for band in wanted], [band.name for band in target]
    if _own_numbers(wanted) and _own_numbers(target):
        asked, names = ([("" if _MADE_UP.fullmatch(name) else name) for name in some] for some in (asked, names))
    return [name if asked.count(name) == 1 else "" for name in asked], names


def _by_name(asked: Sequence[str], names: Sequence[str], order: Sequence[int] | None) -> list[int | None]:
    """Place of each name asked for among the names; of a name at several places the one by order, where it is such."""
    found: list[int | None] = []
    for position, name in enumerate(asked):
        places = [place for place, other in enumerate(names) if name and other == name]
        if len(places) != 1 and order is not None:
            places = [place for place in places if place == order[position]]
        found.append(places[0] if len(places) == 1 else None)
    return found


def _own_numbers(bands: Sequence[Band]) -> bool:
    """Whether all names that may be made up say the number of their own band."""
    found = [(band.number or place, _MADE_UP.fullmatch(band.name)) for place, band in enumerate(bands, 1)]
    return all(name is None or int(name[1]) == number for number, name in found)


def _lacking(wanted: Sequence[Band], target: Sequence[Band], match: BandMatch) -> list[int]:
    """Positions of missing bands; by name, of those that have one."""
    asked, _ = _names(wanted, target)
    return [position for position in match.missing if match.how != "name" or asked[position]]


def _order(wanted: Sequence[Band], target: Sequence[Band], same_count: bool) -> list[int] | None:
    """The target's band for each wanted one by order, None where it does not tell.

    Args:
        wanted: (B,) bands.
        target: Bands of the raster.
        same_count: Whether both rasters have as many bands, so that their numbers say the same.
    """
    numbers = [band.number or place for place, band in enumerate(target, 1)]
    if same_count and all(band.number in numbers for band in wanted):
        return [numbers.index(band.number) for band in wanted]
    return list(range(len(wanted))) if len(target) == len(wanted) else None


def _matched(how: str, wanted: Sequence[Band], target: Sequence[Band], found: Sequence[int | None]) -> BandMatch:
    offsets = [_offset(band, None if index is None else target[index]) for band, index in zip(wanted, found)]
    return BandMatch(
        how=how,
        indices=tuple(found),
        offsets_nm=tuple(offsets),
        missing=tuple(i for i, index in enumerate(found) if index is None),
        shifted=tuple(
            i
            for i, (off, width) in enumerate(zip(offsets, _widths(wanted)))
            if off is not None and abs(off) > width / 2
        ),
        shared=tuple(i for i, index in enumerate(found) if index is not None and list(found).count(index) > 1),
    )


def _offset(wanted: Band, target: Band | None) -> float | None:
    if target is None or target.wavelength_nm is None or wanted.wavelength_nm is None:
        return None
    return target.wavelength_nm - wanted.wavelength_nm


def _widths(bands: Sequence[Band]) -> list[float]:
    """FWHM of each band in nm; else the distance to the next band, at most a tenth of the wavelength."""
    known = np.unique([band.wavelength_nm for band in bands if band.wavelength_nm is not None])
    widths = []
    for band in bands:
        nm = band.wavelength_nm or 0.0
        others = known[known != nm]
        spacing = float(np.abs(others - nm).min()) if len(others) else np.inf
        widths.append(max(_NARROWEST_NM, band.fwhm_nm or min(spacing, _WIDEST_SHARE * nm)))
    return widths


def _count(bands: int) -> str:
    return "1 band" if bands == 1 else f"{bands} bands"
