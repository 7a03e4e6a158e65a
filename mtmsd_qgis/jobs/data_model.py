# SPDX-License-Identifier: GPL-2.0-or-later
"""What a job and its results describe: bands, rasters, classes, feature rasters; and their JSON.

Enters: values of a JSON document. Leaves: frozen dataclasses, or a ValueError that names the field.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field

from ..errors import FileFormatError
from .json_dataclasses import OMITTED_IF_NONE, from_json, is_whole, shown, to_json
from .timesteps.timestep_choice import TimestepChoice

_PLAIN_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")
_MOST_BANDS = 65_536  # what GDAL opens
_WIDEST_WINDOW = 4096  # pixels; far beyond any training patch
_LONGEST_REASON = 200  # characters of another library's words in a message


@dataclass(frozen=True)
class Band:
    """One band of a raster as its source describes it.

    Attributes:
        name: The band's description; empty where there is none.
        wavelength_nm: Centre wavelength, None where unknown.
        nodata: Stored value that is declared as "no data", None where there is none; io/nodata.py says which values
            it means. NaN always means it.
        scale: Physical value = stored value * scale + offset.
        offset: See scale.
        number: The band's number in the user's raster, from 1.
        fwhm_nm: Full width at half maximum of the band's response, None where unknown.
        excluded: Ranges (low, high) of physical values, ends included, that mean "no data" too: the additional no
            data values of a QGIS layer.
    """

    name: str = ""
    wavelength_nm: float | None = None
    nodata: float | None = None
    scale: float = 1.0
    offset: float = 0.0
    number: int = 0
    fwhm_nm: float | None = None
    excluded: tuple[tuple[float, float], ...] = ()

    @classmethod
    def from_json(cls, values: object) -> Band:
        """A band from a model file, a job or a result.

        Raises:
            ValueError: A part is missing, unknown or of the wrong type.
        """
        return from_json(cls, values)


@dataclass(frozen=True)
class CubeFile:
    """A raw raster in the job folder.

    Attributes:
        file: Name of the raw file in the job folder; its ENVI header has the suffix .hdr instead.
        height: Rows.
        width: Columns.
        dtype: numpy name of the stored type, little endian, e.g. "int16".
        bands: One entry a band, in stored order.
        mask: Name of the mask file in the job folder, or None where every pixel may be used.
    """

    file: str
    height: int
    width: int
    dtype: str
    bands: tuple[Band, ...]
    mask: str | None = None

    @classmethod
    def from_json(cls, values: object) -> CubeFile:
        """A raster of the job folder from a job or a result.

        Raises:
            ValueError: A part is missing or of the wrong type, or a file lies outside the job folder.
        """
        cube = from_json(cls, values)
        check_file_names(cube.file, cube.mask)
        if cube.height < 1 or cube.width < 1 or not cube.bands:
            raise ValueError(f"a raster should have pixels and bands, found {cube.width} x {cube.height}")
        return cube


@dataclass(frozen=True)
class ClassEntry:
    """A class of the training layer: its id in the map (1 to 65535), its name and its colour (#rrggbb)."""

    id: int
    name: str
    color: str = ""


@dataclass(frozen=True)
class FeatureLayout:
    """What the bands of a feature raster are; travels in the raster's metadata as JSON.

    Attributes:
        version: Of this description.
        timesteps: Noise levels, in band order.
        features: Features per timestep; band = timestep index * features + feature index.
        names: Name of each feature, e.g. "s3 c012" (stage 3, channel 12).
        window: Side in pixels of the window of the global features.
        purification: "classes", "clusters" or "none".
        stages: Decoder stages the features come from.
        note: For the report, e.g. how many training samples the purification saw.
        spectra: Number of bands behind the features that hold the spectra themselves.
        model: Fingerprint (SHA-256) of the diffusion model that they come from; empty where it is not known.
        timestep_choice: How the timesteps were chosen among others; None where they were given.
    """

    version: int = 3
    timesteps: tuple[int, ...] = (0,)
    features: int = 1
    names: tuple[str, ...] = ()
    window: int = 1
    purification: str = "none"
    stages: tuple[int, ...] = ()
    note: str = ""
    spectra: int = 0
    model: str = ""
    timestep_choice: TimestepChoice | None = field(default=None, metadata=OMITTED_IF_NONE)

    @classmethod
    def from_json(cls, values: object) -> FeatureLayout:
        """The layout from the values of a JSON object.

        Raises:
            FileFormatError: It is of a newer version.
            ValueError: A part is missing, of the wrong type or out of range.
        """
        version = values.get("version") if isinstance(values, dict) else None
        if is_whole(version) and version > cls.version:  # type: ignore[operator]
            raise FileFormatError(
                f"The feature raster is of version {version}, this plugin reads up to {cls.version}. "
                "Update the plugin, or extract the features again."
            )
        if version is None:
            raise ValueError("its version is missing")
        layout = from_json(cls, values)
        fine = (
            len(layout.timesteps) > 0
            and 1 <= layout.features <= _MOST_BANDS
            and layout.diffusion_bands <= _MOST_BANDS
            and 0 <= layout.spectra <= _MOST_BANDS
            and 1 <= layout.window <= _WIDEST_WINDOW
        )
        if not fine:
            raise ValueError("its numbers of timesteps, features or bands are out of range")
        return layout

    @property
    def diffusion_bands(self) -> int:
        """T * D."""
        return len(self.timesteps) * self.features

    @property
    def feature_stages(self) -> list[int]:
        """The decoder stage of each feature, 5 of "s5 c012"; 0 where it is not named."""
        stages = [name.split(" ")[0][1:] for name in self.names]
        return [int(stage) if stage.isdecimal() else 0 for stage in stages] or [0] * self.features


def layout_to_json(layout: FeatureLayout) -> str:
    """The layout as one line of JSON."""
    return json.dumps(to_json(layout), ensure_ascii=False)


def layout_from_json(text: str) -> FeatureLayout:
    """The layout from the metadata of a feature raster.

    Raises:
        FileFormatError: Not such a text, or one of a newer version.
    """
    try:
        return FeatureLayout.from_json(json.loads(text))
    except (ValueError, TypeError, RecursionError) as error:
        raise FileFormatError(f"The feature raster's description cannot be read: {message_of(error)}.") from None


def check_file_names(*names: str | None) -> None:
    """Files of the job lie in its folder.

    Raises:
        ValueError: A name that could lead elsewhere, or that no file system takes.
    """
    for name in names:
        if name is not None and not _PLAIN_NAME.fullmatch(name):
            raise ValueError(f"{shown(name)} should be the plain name of a file in the job folder")


def message_of(error: Exception) -> str:
    """The start of what json or Python said of it."""
    return "".join(sign if sign.isprintable() else "?" for sign in str(error)[:_LONGEST_REASON])
