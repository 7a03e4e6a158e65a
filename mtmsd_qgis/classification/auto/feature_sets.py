# SPDX-License-Identifier: GPL-2.0-or-later
"""Views of a pixel: spectrum, smoothed forms, noise fractions, fine and wide features, means of boxes, position, guide.

Enters: a Cube of diffusion features and spectra (or of plain bands) with its layout. Leaves: for a window, each
view as (F, h, w), and what each of its columns comes from.

Which views a map rests on is chosen by cross-validation (adaptive.py); here they are only computed.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ...features.box_filter import box_mean
from ...io.cube import Raster
from ...io.windows import Tile, Window, windows_with_margin
from ...jobs.data_model import FeatureLayout
from ...jobs.disk_sizes import GUIDE_CHANNELS
from ..context.joint_bilateral import neighbour_weights, smooth
from .unlabelled_pixels import CELL

BOXES = (3, 7, 11, 17, 25, 35)  # sides of the means of components, pixels
WIDE_BOXES = (5, 15, 31)  # of the means of wide features
MARGIN = 18  # pixels that a view reads around a pixel: the largest box, and three smoothings
_FINE_UP_TO = 100  # timesteps of the fine view
_WIDE_AT = (100, 300)  # timesteps of the wide view, or the nearest there are
_GUIDE_AT = (100, 200)  # timesteps of the likeness
_COMPONENTS = 25  # of the spectra, at most
_MOST_BANDS = 300  # more plain bands are reduced to this many components
_LIKE_COMPONENTS = 10  # of the spectra, that say how alike pixels are where there are no features
GUIDE = "guide"  # the view that says how alike pixels are; no model learns from it
_NOISE_SHARE = 0.1  # of the identity in the noise covariance
_FRACTIONS = 30  # minimum noise fractions, at most
_SURVEY_WINDOWS = 24
_WINDOW_BYTES = 256 << 20  # of the views of one window


@dataclass(frozen=True)
class Source:
    """What a column of a view comes from: a timestep and stage of diffusion, or "spectra" or "position"."""

    kind: str
    timestep: int | None = None
    stage: int | None = None


@dataclass(frozen=True)
class _Plan:
    """Bands of the cube that the views read."""

    base: tuple[int, ...]
    fine: tuple[int, ...]
    wide: tuple[int, ...]
    guide: tuple[int, ...]

    @classmethod
    def of(cls, layout: FeatureLayout, bands: int) -> _Plan:
        first = layout.diffusion_bands
        diffusion = len(layout.timesteps) > 1 or bool(layout.spectra)
        if not diffusion:
            return cls(tuple(range(bands)), (), (), ())
        stages = [_stage_of(name) for name in layout.names] or [0] * layout.features
        finest = sorted(set(stages))[-2:]

        def pick(timesteps: Iterable[int], wanted: set[int]) -> tuple[int, ...]:
            return tuple(
                layout.timesteps.index(t) * layout.features + d
                for t in timesteps
                for d in range(layout.features)
                if stages[d] in wanted
            )

        fine = [t for t in layout.timesteps if t <= _FINE_UP_TO][-3:] or [layout.timesteps[0]]
        base = tuple(range(first, bands)) if layout.spectra else pick([layout.timesteps[0]], set(stages))
        return cls(
            base=base,
            fine=pick(fine, {finest[-1]}),
            wide=pick(_nearest(layout.timesteps, _WIDE_AT), set(stages)),
            guide=pick(_nearest(layout.timesteps, _GUIDE_AT), set(finest)),
        )


class ViewReader:
    """Reads views of windows; what it needs to know of the scene is learnt once, without labels."""

    def __init__(self, cube: Raster, layout: FeatureLayout, device: torch.device) -> None:
        """Survey the scene.

        Args:
            cube: Of features, spectra or plain bands.
            layout: What its bands are.
            device: Where views shall lie.
        """
        self.cube, self.layout, self.device = cube, layout, device
        self.plan = _Plan.of(layout, cube.bands)
        cube.expect([*self.plan.base, *self.plan.fine, *self.plan.wide, *self.plan.guide])
        self._filled = _filled_windows(cube, self.plan.base[0])
        self.survey = self.spread(_SURVEY_WINDOWS)
        self._scale_base(self.survey)
        self._scale_guide(self.survey)
        self._widths = self._columns()

    def _scale_base(self, blocks: Sequence[Window]) -> None:
        """Mean and deviation of the bands and of their logarithms, components, and the covariance of the noise."""
        base = list(self.plan.base)
        values, steps = [], []
        for block in blocks:
            window = self.cube.read(block, base)
            good = np.isfinite(window).all(axis=0)
            values.append(window[:, good])
            right = window[:, :, 1:] - window[:, :, :-1]
            down = window[:, 1:] - window[:, :-1]
            steps += [s.reshape(len(base), -1)[:, np.isfinite(s).all(axis=0).reshape(-1)] for s in (right, down)]
        pixels = np.concatenate(values, axis=1).astype(np.float64)
        noise = np.concatenate(steps, axis=1).astype(np.float64)
        mean, deviation = pixels.mean(axis=1), pixels.std(axis=1)
        inverse = _inverse(deviation)
        self._mean, self._inverse = self._tensor(mean), self._tensor(inverse)
        low, middle = np.percentile(pixels, [1, 50], axis=1)
        self._low, self._half = self._tensor(low), self._tensor(_inverse(middle - low))
        logs = _log(pixels, low[:, None], _inverse(middle - low)[:, None])
        self._log_mean, self._log_inverse = self._tensor(logs.mean(axis=1)), self._tensor(_inverse(logs.std(axis=1)))
        z = (pixels - mean[:, None]) * inverse[:, None]
        variance, axes = np.linalg.eigh(z @ z.T / z.shape[1])
        order = np.argsort(variance)[::-1]
        kept = [i for i in order[:_MOST_BANDS] if variance[i] > 1e-9 * variance.max()] or [order[0]]
        self._reduction = self._tensor(axes[:, kept].T) if len(base) > _MOST_BANDS else None
        few = kept[:_COMPONENTS]
        self._axes = self._tensor((axes[:, few] * _inverse(np.sqrt(np.maximum(variance[few], 0)))).T)
        reduced, z_reduced = noise * inverse[:, None], z
        if self._reduction is not None:
            reduced, z_reduced = axes[:, kept].T @ reduced, axes[:, kept].T @ z
        whitening = _whitening(reduced) if reduced.shape[1] > 1 else None
        self.noise_whitening = None if whitening is None else self._tensor(whitening)
        self._fractions = self._tensor(_noise_fractions(z_reduced, whitening))

    def _scale_guide(self, blocks: Sequence[Window]) -> None:
        """Components of the features that say how alike two pixels are."""
        if not self.plan.guide:
            self._guide = None
            return
        values = [self.cube.read(block, list(self.plan.guide)) for block in blocks]
        flat = np.concatenate([v[:, np.isfinite(v).all(axis=0)] for v in values], axis=1).astype(np.float64)
        mean, inverse = flat.mean(axis=1), _inverse(flat.std(axis=1))
        z = (flat - mean[:, None]) * inverse[:, None]
        variance, axes = np.linalg.eigh(z @ z.T / z.shape[1])
        kept = np.argsort(variance)[::-1][:GUIDE_CHANNELS]
        length = math.sqrt(max(float(variance[kept].mean()), 1e-12))
        self._guide = (self._tensor(mean), self._tensor(axes[:, kept].T * inverse / length))

    def _tensor(self, values: NDArray[np.floating]) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(values, dtype=np.float32)).to(self.device)

    @property
    def names(self) -> tuple[str, ...]:
        """The views that this raster has."""
        return tuple(self._widths)

    def sources(self, name: str) -> list[Source]:
        """What each column of a view comes from."""
        return self._widths[name]

    def bands_of(self, wanted: Sequence[str]) -> list[int]:
        """Bands of the cube that these views read."""
        plan = self.plan
        parts = {"fine": plan.fine, "wide": plan.wide, "smoothed": plan.guide, GUIDE: plan.guide}
        read = [bands for word, bands in parts.items() if any(word in name.split() for name in wanted)]
        return sorted({*plan.base, *(band for bands in read for band in bands)})

    def spread(self, count: int) -> list[Window]:
        """At most so many windows with valid pixels, spread evenly over the scene."""
        place = np.unique(np.linspace(0, len(self._filled) - 1, min(count, len(self._filled))).round().astype(int))
        return [self._filled[i] for i in place]

    def windows(self, wanted: Sequence[str], *, for_samples: bool = False) -> list[Tile]:
        """Windows that cover the raster once, as large as memory allows for these views, a multiple of 16 pixels.

        For samples, which lie here and there, those of a costly raster are small.
        """
        if for_samples and self.cube.costly:
            return windows_with_margin(self.cube.height, self.cube.width, CELL, MARGIN, MARGIN)
        columns = sum(len(self.sources(name)) for name in wanted) + len(self.plan.wide) + len(self.plan.base)
        side = max(32, min(256, math.isqrt(_WINDOW_BYTES // (4 * columns)) - 2 * MARGIN) // 16 * 16)
        return windows_with_margin(self.cube.height, self.cube.width, side, MARGIN, MARGIN)

    def read(self, tile: Tile, wanted: Sequence[str]) -> tuple[dict[str, Tensor], NDArray[np.bool_]]:
        """Views of a window.

        Args:
            tile: Core and what is read around it.
            wanted: Names of views.

        Returns:
            Each view as (F, h, w) float32, finite everywhere, and where the core is valid (h, w).
        """
        raw = self.cube.read(tile.window, list(self.plan.base))
        here = np.asarray(np.isfinite(raw).all(axis=0))
        inner = tile.inner.slices
        valid = np.asarray(here[inner])
        if not valid.any():
            return {name: torch.zeros(len(self.sources(name)), *valid.shape) for name in wanted}, valid
        frame = _Frame(self, tile, raw, here)
        return {name: frame.view(name) for name in wanted}, valid

    def features(self, window: Window, bands: Sequence[int]) -> Tensor:
        """Diffusion features (F, h, w) of a window, 0 where there is no data."""
        stored = np.nan_to_num(self.cube.read(window, list(bands)), copy=False, nan=0.0)
        return torch.from_numpy(stored).to(self.device)

    def standardised(self, values: Tensor) -> Tensor:
        """Bands (B, h, w) brought to mean 0 and variance 1; very many are reduced to components."""
        z = (values - _column(self._mean)) * _column(self._inverse)
        return z if self._reduction is None else torch.einsum("cb,bhw->chw", self._reduction, z)

    def fractions(self, values: Tensor) -> Tensor:
        """Minimum noise fractions (M, h, w) of the bands, of variance 1, those with most signal first."""
        return torch.einsum("mc,chw->mhw", self._fractions, self.standardised(values))

    def logarithms(self, values: Tensor) -> Tensor:
        """Standardised logarithms (B, h, w) of the bands."""
        logs = torch.log1p(((values - _column(self._low)) * _column(self._half)).clamp(min=-0.5))
        return (logs - _column(self._log_mean)) * _column(self._log_inverse)

    def components(self, values: Tensor) -> Tensor:
        """Principal components (C, h, w) of the bands, of variance 1."""
        z = (values - _column(self._mean)) * _column(self._inverse)
        return torch.einsum("cb,bhw->chw", self._axes, z)

    def guide(self, window: Window, values: Tensor, known: Tensor) -> Tensor:
        """What says how alike two pixels are (G, h, w): diffusion features, or components where there are none."""
        if self._guide is None:
            few = torch.where(known, self.components(values)[:_LIKE_COMPONENTS], 0.0)
            return box_mean(few, known, slice(0, known.shape[0]), slice(0, known.shape[1]), 3)
        mean, axes = self._guide
        return torch.einsum("gf,fhw->ghw", axes, self.features(window, self.plan.guide) - _column(mean))

    def _columns(self) -> dict[str, list[Source]]:
        """The sources of each view's columns."""
        layout, plan = self.layout, self.plan

        def of(band: int) -> Source:
            if not plan.wide:
                return Source("spectra")
            if band >= layout.diffusion_bands:
                return Source("spectra")
            stage = _stage_of(layout.names[band % layout.features]) if layout.names else None
            return Source("features", layout.timesteps[band // layout.features], stage)

        base = [of(band) for band in plan.base]
        spectra = base if self._reduction is None else [Source("spectra")] * len(self._reduction)
        forms = ("", " smoothed", " smoothed thrice")
        views = {f"spectra{form}": spectra for form in forms}
        views |= {f"logarithms{form}": base for form in forms[:2]} if self._reduction is None else {}
        views["fractions"] = [base[0]] * len(self._fractions)
        views["boxes"] = [base[0]] * len(self._axes) * (1 + len(BOXES))
        if plan.wide:
            fine = [of(band) for band in plan.fine]
            views |= {f"fine{form}": fine for form in forms}
            views["wide"] = [of(band) for band in plan.wide] * (1 + len(WIDE_BOXES))
        guides = min(_LIKE_COMPONENTS, len(self._axes)) if self._guide is None else len(self._guide[1])
        return views | {"position": [Source("position")] * 2, GUIDE: [Source("guide")] * guides}


class _Frame:
    """Views of one window; what several of them need is computed once."""

    def __init__(self, reader: ViewReader, tile: Tile, raw: NDArray[np.float32], here: NDArray[np.bool_]) -> None:
        self._reader, self._tile = reader, tile
        self._inner = tile.inner.slices
        self._known = torch.from_numpy(here).to(reader.device)
        self._values = torch.from_numpy(np.where(here, raw, np.float32(0))).to(reader.device)
        self._whole: dict[str, Tensor] = {}
        self._weights: Tensor | None = None

    def view(self, name: str) -> Tensor:
        """A view (F, h, w) of the core."""
        if name == "boxes":
            return self._boxes(self._reader.components(self._values), BOXES)
        if name == "wide":
            return self._boxes(self._reader.features(self._tile.window, self._reader.plan.wide), WIDE_BOXES)
        if name == "position":
            return _positions(self._tile.core, self._reader.device)
        return self._window(name)[:, self._inner[0], self._inner[1]]

    def _boxes(self, values: Tensor, sides: Sequence[int]) -> Tensor:
        rows, cols = self._inner
        values = torch.where(self._known, values, 0.0)
        return torch.cat([values[:, rows, cols], *(box_mean(values, self._known, rows, cols, s) for s in sides)])

    def _window(self, name: str) -> Tensor:
        """A view with its margin; a smoothed one rests on the next less smoothed."""
        if name not in self._whole:
            if name.endswith(" thrice"):
                once = self._window(name.removesuffix(" thrice"))
                self._whole[name] = smooth(smooth(once, self._likeness()), self._likeness())
            elif name.endswith(" smoothed"):
                self._whole[name] = smooth(self._window(name.removesuffix(" smoothed")), self._likeness())
            else:
                self._whole[name] = torch.where(self._known, self._plain(name), 0.0)
        return self._whole[name]

    def _plain(self, name: str) -> Tensor:
        if name == "spectra":
            return self._reader.standardised(self._values)
        if name == "logarithms":
            return self._reader.logarithms(self._values)
        if name == "fractions":
            return self._reader.fractions(self._values)
        if name == GUIDE:
            return self._guide()
        return self._reader.features(self._tile.window, self._reader.plan.fine)

    def _likeness(self) -> Tensor:
        if self._weights is None:
            self._weights = neighbour_weights(self._guide(), self._known)
        return self._weights

    def _guide(self) -> Tensor:
        return self._reader.guide(self._tile.window, self._values, self._known)


def _positions(core: Window, device: torch.device) -> Tensor:
    """(2, h, w) row and column, in tens of pixels."""
    rows = torch.arange(core.row, core.stop_row, device=device, dtype=torch.float32) / 10
    cols = torch.arange(core.col, core.stop_col, device=device, dtype=torch.float32) / 10
    return torch.stack(torch.meshgrid(rows, cols, indexing="ij"))


def _filled_windows(cube: Raster, band: int) -> list[Window]:
    """Windows of CELL x CELL pixels with valid ones, row by row."""
    valid = cube.filled([band])
    every = [tile.core for tile in windows_with_margin(cube.height, cube.width, CELL, 0, 0)]
    return [window for window in every if valid[window.slices].any()]


def _whitening(noise: NDArray[np.float64]) -> NDArray[np.float64]:
    """(B, B) symmetric root that makes the noise nearly white: differences of neighbours stand for noise."""
    covariance = noise @ noise.T / noise.shape[1]
    variance, axes = np.linalg.eigh(covariance)
    root = 1 / np.sqrt(np.maximum(variance, 0) + _NOISE_SHARE * max(float(variance.mean()), 1e-12))
    return np.asarray((axes * root) @ axes.T)


def _noise_fractions(z: NDArray[np.float64], whitening: NDArray[np.float64] | None) -> NDArray[np.float64]:
    """(M, B) that turns standardised bands (B, n) into components of variance 1, by their ratio of signal to noise.

    Source: Green et al. (1988), doi 10.1109/36.3001, with the noise covariance of _whitening.
    """
    white = np.eye(len(z)) if whitening is None else whitening
    covariance = white @ (z @ z.T / z.shape[1]) @ white.T
    variance, axes = np.linalg.eigh(covariance)
    order = np.argsort(variance)[::-1][:_FRACTIONS]
    kept = [i for i in order if variance[i] > 1e-9 * variance.max()] or [order[0]]
    return np.asarray((axes[:, kept] * _inverse(np.sqrt(np.maximum(variance[kept], 0)))).T @ white)


def _nearest(timesteps: Sequence[int], wanted: Sequence[int]) -> list[int]:
    return sorted({min(timesteps, key=lambda t: (abs(t - target), t)) for target in wanted})


def _stage_of(name: str) -> int:
    """5 of "s5 c012"."""
    digits = name.split(" ")[0][1:]
    return int(digits) if digits.isdecimal() else 0


def _inverse(deviation: NDArray[np.float64]) -> NDArray[np.float64]:
    """1 / deviation, 0 where there is none."""
    small = np.abs(deviation) <= 1e-12 * max(1.0, float(np.abs(deviation).max(initial=0)))
    return np.where(small, 0.0, 1 / np.where(small, 1.0, deviation))


def _log(values: NDArray[np.float64], low: NDArray[np.float64], half: NDArray[np.float64]) -> NDArray[np.float64]:
    """log(1 + v), v the value above the darkest hundredth in units of the median above it."""
    return np.asarray(np.log1p(np.maximum((values - low) * half, -0.5)))


def _column(values: Tensor) -> Tensor:
    return values[:, None, None]
