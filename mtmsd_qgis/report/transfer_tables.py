# SPDX-License-Identifier: GPL-2.0-or-later
"""The parts of a report that show whether the map of another scene may be believed.

Enters: facts of both scenes, and the classes. Leaves: HTML.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from ..jobs.accuracy_results import four_digits, sampled_percent
from ..jobs.data_model import ClassEntry
from ..jobs.transfer_results import MOST_PIXELS, TRUSTED, BandComparison, TransferFacts
from .charts import QuantileLines, quantile_chart
from .extra_tables import LACK_AN_EXTRA
from .html import NONE, cards, paragraph, percent_text, swatch, table

_ALIKE = 0.505  # AUC below which a band is neither lower nor higher
_MOST_ROWS = 20  # bands in the table; those that differ most
_LOW, _MIDDLE, _HIGH = 0, 2, 4  # of the quantiles


def transfer_parts(facts: TransferFacts, classes: Sequence[ClassEntry]) -> list[str]:
    """The sentence, figures, quantiles of both scenes, bands and class proportions.

    Args:
        facts: Of the scene that is mapped.
        classes: (K,) in the order of the class indices.
    """
    parts = [paragraph(facts.sentence, "note" if facts.verdict == TRUSTED else "warn")]
    figures = _figures(facts)
    if figures:
        parts += ["<h2>May the map be believed?</h2>", cards(figures), _explained(facts)]
    if facts.bands:
        parts += [_quantiles(facts.bands), _bands(facts)]
    if facts.features:
        parts.append(_features(facts))
    if facts.extras:
        parts.append(_extras(facts))
    if facts.target_proportions:
        parts.append(_proportions(facts, classes))
    return parts


def _figures(facts: TransferFacts) -> list[tuple[str, str]]:
    figures = []
    if facts.inside_share is not None:
        beside = "" if facts.source_inside_share is None else f", {sampled_percent(facts.source_inside_share)} there"
        figures.append((sampled_percent(facts.inside_share), f"inside the area of applicability{beside}"))
    if facts.shift_auc is not None:
        figures.append(
            (f"{facts.shift_auc:.2f}", "AUC by which the scenes can be told apart: 0.5 or less not at all, 1 always")
        )
    if facts.unadapted_auc is not None:
        figures.append((f"{facts.unadapted_auc:.2f}", "the same before the bands were adapted"))
    if facts.adapted_auc is not None:
        figures.append((f"{facts.adapted_auc:.2f}", "the same if the bands were adapted (ADAPT='scale')"))
    if facts.noise_inside_share is not None:
        figures.append((sampled_percent(facts.noise_inside_share), "of white noise that would be inside"))
    return figures


def _explained(facts: TransferFacts) -> str:
    """What the figures mean."""
    text = (
        "<p>A pixel is inside where it is no less like the nearest training sample than samples that were held out in "
        "cross-validation (dissimilarity index of Meyer &amp; Pebesma 2021, doi 10.1111/2041-210X.13650): only there "
        "does the accuracy that was measured on the other scene say anything. The AUC is that of a logistic regression "
        "on the pixels of both scenes, cross-validated by regions. A high AUC does not prove the map wrong; it says "
        "that the accuracy of the other scene is no evidence for this one. Shares inside and AUC are those of "
        f"{MOST_PIXELS} pixels or fewer, spread over each scene; APPLICABILITY has all.</p>"
    )
    if facts.least_confidence is not None:
        text += (
            f"<p>Sure are pixels with a confidence of {facts.least_confidence:.6g} or more, as three quarters of the "
            "held-out samples have. Band 3 of APPLICABILITY shows the pixels that are inside and sure.</p>"
        )
    if facts.adapt == "scale":
        text += (
            "<p>Each band was brought to median and spread (interquartile range / 1.349) of the other scene before it "
            "was classified. Where the two scenes hold other land cover, that does harm.</p>"
        )
    return text


def _quantiles(bands: Sequence[BandComparison]) -> str:
    """Chart of both scenes by wavelength, or by the order of the bands."""
    wavelengths = [band.wavelength_nm for band in bands if band.wavelength_nm is not None]
    by_wavelength = len(set(wavelengths)) == len(bands)
    xs = wavelengths if by_wavelength else [float(i + 1) for i in range(len(bands))]
    order = sorted(range(len(bands)), key=lambda i: xs[i])
    lines = [
        QuantileLines(name, *([values[i][q] for i in order] for q in (_LOW, _MIDDLE, _HIGH)))
        for name, values in (
            ("other scene", [band.source for band in bands]),
            ("this scene", [band.target for band in bands]),
        )
    ]
    before = " before it was adapted" if bands[0].gain is not None else ""
    chart = quantile_chart([xs[i] for i in order], lines, "wavelength (nm)" if by_wavelength else "band", "value")
    return (
        f"<h2>Values of both scenes</h2><p>Median, and range from the 5 % to the 95 % quantile. This scene{before} and "
        f"the one that the classifier was fitted on.</p>{chart}"
    )


def _bands(facts: TransferFacts) -> str:
    """Table of the bands that differ most."""
    shown = sorted(facts.bands, key=lambda band: (not band.shifted, -band.auc))[:_MOST_ROWS]
    adapted = facts.adapt == "scale"
    head = [
        "Band",
        "Wavelength off by (nm)",
        "AUC",
        "This scene is",
        "Other scene: 5, 50, 95 %",
        "This scene: 5, 50, 95 %",
    ]
    rows = [
        [
            escape(band.name),
            NONE if band.offset_nm is None else f"{band.offset_nm:+.4g}" + (" (shifted)" if band.shifted else ""),
            f"{band.auc:.2f}",
            NONE if band.higher is None or band.auc < _ALIKE else "higher" if band.higher else "lower",
            _three(band.source),
            _three(band.target),
            *([f"{band.gain:.4g}", f"{band.offset:.4g}"] if band.gain is not None and band.offset is not None else []),
        ]
        for band in shown
    ]
    many = "" if len(facts.bands) <= _MOST_ROWS else f" The {_MOST_ROWS} of {len(facts.bands)} that differ most."
    return (
        f"<h2>Bands</h2><p>Matched by {escape(facts.matched_by)}.{many} AUC: of this band alone{_as_mapped(adapted)}. "
        "Shifted: off by more than half a band's width.</p>"
        + table([*head, *(["Gain", "Offset"] if adapted else [])], rows)
    )


def _features(facts: TransferFacts) -> str:
    """Table of the timesteps and stages that differ most."""
    shown = facts.features[:_MOST_ROWS]
    rows = [
        [str(shift.timestep), NONE if shift.stage is None else str(shift.stage), f"{shift.auc:.2f}"] for shift in shown
    ]
    many = "" if len(shown) == len(facts.features) else f" The {len(shown)} of {len(facts.features)} that differ most."
    return (
        "<h2>Diffusion features</h2><p>AUC by which those of one timestep and stage that the map uses tell the "
        f"scenes apart, as they are mapped; cross-validated by regions.{many}</p>"
        + table(["Timestep", "Stage", "AUC"], rows)
    )


def _extras(facts: TransferFacts) -> str:
    """Table of the extra rasters, and how many pixels lack one."""
    rows = [[escape(extra.name), escape(extra.difference) or "alike"] for extra in facts.extras]
    share = percent_text(100 * facts.share_without_extras)
    without = f"<p>{share} % {LACK_AN_EXTRA}.</p>"
    return (
        "<h2>Extra rasters</h2>"
        + table(["Extra raster", "Beside the one that was learnt with"], rows)
        + (without if facts.share_without_extras else "")
    )


def _as_mapped(adapted: bool) -> str:
    return ", after the adaptation" if adapted else ""


def _proportions(facts: TransferFacts, classes: Sequence[ClassEntry]) -> str:
    """Table of the shares of the classes on both maps."""
    known = len(facts.source_proportions) == len(classes)
    rows = [
        [
            swatch(entry.name, entry.color),
            percent_text(100 * facts.source_proportions[k]) if known else NONE,
            percent_text(100 * facts.target_proportions[k]),
        ]
        for k, entry in enumerate(classes)
    ]
    return (
        "<h2>Class proportions</h2><p>As counted on both maps as they were classified, before SUPERTOKENS, SIEVE and "
        "LEAST_CONFIDENCE; errors of the maps are not corrected for.</p>"
        + table(["Class", "Other scene (%)", "This scene (%)"], rows)
    )


def _three(quantiles: Sequence[float]) -> str:
    return ", ".join(four_digits(quantiles[i]) for i in (_LOW, _MIDDLE, _HIGH))
