# SPDX-License-Identifier: GPL-2.0-or-later
"""Rasters, layers, models and settings that cannot work: one entry a case, with words of its refusal."""

from __future__ import annotations

import json
import pickle
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable

import numpy as np
from osgeo import gdal
from qgis.core import QgsGeometry
from scenes import CLASSIFY, EXTRACT, PRETRAIN, Scene, box_of_pixels, spectra, vector_layer, write_raster

GOOD_BANDS = [{"name": f"b{number}", "number": number} for number in range(1, 13)]
GOOD_HEADER = {"preset": "quick", "bands": GOOD_BANDS, "source_band_count": 12}


@dataclass(frozen=True)
class Place:
    """What a case is made of: a scene that is fine, a folder for what is not, and one where nothing may appear."""

    scene: Scene
    folder: Path
    out: Path

    def file(self, name: str, content: bytes | str = b"") -> str:
        """A file of any content."""
        path = self.folder / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return str(path)

    def raster(self, values: Any = None, **options: Any) -> str:
        """A GeoTIFF."""
        return str(write_raster(self.folder / "in.tif", spectra() if values is None else values, **options))

    def with_item(self, domain: str, name: str, value: str) -> str:
        """A GeoTIFF with a metadata item."""
        path = self.raster()
        dataset = gdal.Open(path, gdal.GA_Update)
        dataset.SetMetadataItem(name, value, domain)
        del dataset
        return path

    def model(self, kind: str = "model", **changes: Any) -> str:
        """A model file without arrays."""
        from mtmsd.mtmsd_qgis.io import array_file

        path = self.folder / f"x.{kind}"
        array_file.write_file(path, kind, {**GOOD_HEADER, **changes}, {})
        return str(path)

    def cut(self, path: str | Path, share: float | None) -> str:
        """The first part of a file, or all of it and a byte more, under another name."""
        content = Path(path).read_bytes()
        part = content + b"x" if share is None else content[: int(len(content) * share)]
        return self.file(f"cut_{Path(path).name}", part)


def squares(*values: Any, **options: Any) -> Any:
    """A polygon a value, four pixels each."""
    shapes = [(box_of_pixels(4 * i, 4, 4 * i + 2, 6), value) for i, value in enumerate(values)]
    return vector_layer(shapes, "Polygon", **options)


def text_vrt(place: Place, size: str, source: str) -> str:
    """A virtual raster of two bands that are read from a file."""
    band = f"<SimpleSource><SourceFilename>{source}</SourceFilename><SourceBand>1</SourceBand></SimpleSource>"
    bands = "".join(f'<VRTRasterBand dataType="Int16" band="{n}">{band}</VRTRasterBand>' for n in (1, 2))
    return place.file("in.vrt", f'<VRTDataset rasterXSize="{size}" rasterYSize="64">{bands}</VRTDataset>')


def lying_envi(place: Place) -> str:
    """A header that promises a hundred times the pixels that are there."""
    place.file("lie.hdr", "ENVI\nsamples = 640\nlines = 640\nbands = 12\ndata type = 12\ninterleave = bsq\n")
    return place.file("lie", spectra().tobytes())


def by_control_points(place: Place) -> str:
    """A raster without a grid."""
    path = place.raster(transform=None, epsg=0)
    dataset = gdal.Open(path, gdal.GA_Update)
    dataset.SetGCPs([gdal.GCP(0, 0, 0, 0, 0), gdal.GCP(1, 1, 0, 9, 9), gdal.GCP(0, 1, 0, 0, 5)], "")
    del dataset
    return path


def zip_of(place: Place) -> str:
    """A megabyte of zeros that was a gigabyte."""
    path = place.folder / "bomb.mtmsd"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("../../weights", b"\0" * (1 << 24))
    return str(path)


def features_of(place: Place, **changes: Any) -> str:
    """A raster that says to be a feature raster."""
    layout = {"version": 2, "timesteps": [100], "features": 12, "names": [], "window": 16, **changes}
    return place.with_item("", "MTMSD_FEATURES", json.dumps(layout))


Made = Callable[[Place], dict[str, Any]]
Case = tuple[str, str, Made, str]


def pretrain(**parameters: Any) -> Made:
    """Parameters of pretraining; a function among them gets the place."""
    return lambda place: {
        "INPUT": str(place.scene.raster), **PRETRAIN, "OUTPUT": str(place.out / "model.mtmsd"),
        **made(parameters, place),
    }  # fmt: skip


def extract(**parameters: Any) -> Made:
    """Parameters of extraction."""
    return lambda place: {
        "INPUT": str(place.scene.raster), "MODEL": place.model(), **EXTRACT, "OUTPUT": str(place.out / "features.tif"),
        **made(parameters, place),
    }  # fmt: skip


def classify(**parameters: Any) -> Made:
    """Parameters of classification."""
    return lambda place: {
        "INPUT": str(place.scene.raster), "TRAINING": str(place.scene.polygons), "CLASS_FIELD": "cover", **CLASSIFY,
        "OUTPUT": str(place.out / "map.tif"), **made(parameters, place),
    }  # fmt: skip


def other(**parameters: Any) -> Made:
    """Parameters of another algorithm."""
    return lambda place: made(parameters, place)


def mapped(**parameters: Any) -> Made:
    """Parameters of mapping a scene in one step."""
    return lambda place: {**classify()(place), **PRETRAIN, **EXTRACT, **made(parameters, place)}


def made(parameters: dict[str, Any], place: Place) -> dict[str, Any]:
    """Values, where they are made by functions of the place."""
    return {name: value(place) if callable(value) else value for name, value in parameters.items()}


RASTERS: list[tuple[str, Made, str]] = [
    ("no such file", pretrain(INPUT="/nowhere/scene.tif"), "Could not load source layer for INPUT"),
    ("a text", pretrain(INPUT=lambda p: p.file("in.tif", "a shopping list")), "Could not load source layer for INPUT"),
    ("empty file", pretrain(INPUT=lambda p: p.file("in.tif")), "Could not load source layer for INPUT"),
    ("a folder", pretrain(INPUT=lambda p: str(p.folder)), "Could not load source layer for INPUT"),
    ("half a header", pretrain(INPUT=lambda p: p.cut(p.scene.raster, 0.0003)), "Could not load source layer for INPUT"),
    ("half the pixels", pretrain(INPUT=lambda p: p.cut(p.raster(), 0.5)), "cannot be read"),
    ("no pixels", pretrain(INPUT=lambda p: text_vrt(p, "0", "x.tif")), "Could not load source layer for INPUT"),
    ("a virtual raster of nothing", pretrain(INPUT=lambda p: text_vrt(p, "64", "/nowhere/x.tif")), "cannot be read"),
    ("a header that lies", pretrain(INPUT=lying_envi), "Could not load source layer for INPUT"),
    ("control points", pretrain(INPUT=by_control_points), "placed by control points, not by a grid"),
    ("complex", pretrain(INPUT=lambda p: p.raster(spectra().astype("f4"), code=gdal.GDT_CFloat32)), "complex numbers"),
    ("narrower than a patch", pretrain(INPUT=lambda p: p.raster(spectra(width=12))), "16 x 16 pixels"),
    ("no vector", pretrain(INPUT=lambda p: str(p.scene.polygons)), "Could not load source layer for INPUT"),
]
SETTINGS: list[tuple[str, Made, str]] = [
    ("preset", pretrain(PRESET="huge"), "PRESET should be one of quick, standard, paper; found huge."),
    ("patch of 17", pretrain(PATCH_SIZE=17), "multiple of 4. Found: 17"),
    ("patch of 8", pretrain(PATCH_SIZE=8), "PATCH_SIZE"),
    ("patch of 8000", pretrain(PATCH_SIZE=8000), "multiple of 4. Found: 8000"),
    ("width of 33", pretrain(BASE_WIDTH=33), "32, 64 or 128. Found: 33"),
    ("no iterations", pretrain(ITERATIONS=0), "ITERATIONS"),
    ("a billion billion iterations", pretrain(ITERATIONS=2**31 - 1), "iterations must be at least 1"),
    ("rate of 2", pretrain(LEARNING_RATE=2), "between 0 and 1. Found: 2"),
    ("rate below 0", pretrain(LEARNING_RATE=-1), "LEARNING_RATE"),
    ("rate of 0", pretrain(LEARNING_RATE=0), "between 0 and 1. Found: 0"),
    ("no timestep trained", pretrain(TRAIN_UP_TO=0), "TRAIN_UP_TO"),
    ("timestep 1000 trained", pretrain(TRAIN_UP_TO=1000), "TRAIN_UP_TO must be 1 to 999. Found: 1000"),
    ("seed below 0", pretrain(SEED=-1), "SEED"),
    ("seed too large", pretrain(SEED=10**12), "SEED"),
    ("no batch", pretrain(BATCH_SIZE=0), "BATCH_SIZE"),
    ("no components", pretrain(COMPONENTS=0), "COMPONENTS"),
    ("device tpu", pretrain(DEVICE="tpu"), "cuda:N with the number of the card. Found: tpu"),
    ("device cuda:x", pretrain(DEVICE="cuda:x"), "Found: cuda:x"),
    ("device cuda:²", pretrain(DEVICE="cuda:²"), "Found: cuda:²"),
    ("band 0", pretrain(BANDS=[0, 1]), "BANDS should be numbers from 1 to 12"),
    ("band 99", pretrain(BANDS=[1, 99]), "found 99"),
    ("band 2 twice", pretrain(BANDS=[1, 2, 2]), "BANDS should name each band once; found 2 more than once"),
    ("a mask of 12 bands", pretrain(MASK=lambda p: str(p.scene.raster)), "should have one band"),
    ("a mask that is not there", pretrain(MASK="/nowhere/mask.gpkg"), "MASK"),
    ("no checkpoint", pretrain(RESUME="/nowhere/x.checkpoint"), "RESUME should be the checkpoint"),
    ("a folder as checkpoint", pretrain(RESUME=lambda p: str(p.folder)), "RESUME"),
    ("timestep abc", extract(TIMESTEPS="50;abc"), "TIMESTEPS must be whole numbers"),
    ("timesteps some", extract(TIMESTEPS="some"), 'or auto; found "some"'),
    ("timestep 1000", extract(TIMESTEPS="5,1000"), "different whole numbers from 0 to 999"),
    ("timestep -5", extract(TIMESTEPS="-5"), "different whole numbers from 0 to 999"),
    ("timestep of hundreds of digits", extract(TIMESTEPS="9" * 5000), "TIMESTEPS must be whole numbers"),
    ("stage 9", extract(STAGES="9"), "different whole numbers from 0 to 8"),
    ("keep -1", extract(KEEP=-1), "KEEP"),
    ("share 0", classify(VALIDATION_SHARE=0), "VALIDATION_SHARE"),
    ("share 1.5", classify(VALIDATION_SHARE=1.5), "VALIDATION_SHARE should be a number from 0.01 to 0.99; found 1.5"),
    ("split by magic", classify(SPLIT="magic"), "SPLIT should be one of none, random, spatial, block, scene; found m"),
    ("segments of too many pixels", classify(SUPERTOKENS=2_000_000), "mean size of segments"),
    ("segments without a size", classify(TOKENS="tokens.tif"), "TOKENS shows segments, so SUPERTOKENS 0 or a size"),
    ("classifier of magic", classify(CLASSIFIER="magic"), "CLASSIFIER"),
    ("no networks", classify(ENSEMBLE=0), "ENSEMBLE"),
    ("a thousand networks", classify(ENSEMBLE=1000), "1 to 100 networks"),
    ("no epochs", classify(EPOCHS=0), "EPOCHS"),
    ("buffer below 0", classify(BUFFER=-1), "BUFFER should be 0 or more; found -1."),
    ("block of 0", classify(BLOCK_SIZE=0), "BLOCK_SIZE"),
]
MODELS: list[tuple[str, Made, str]] = [
    ("none", extract(MODEL="/nowhere/x.mtmsd"), "cannot be opened"),
    ("a text", extract(MODEL=lambda p: p.file("x.mtmsd", "a shopping list " * 9)), "is not a diffusion model"),
    ("empty", extract(MODEL=lambda p: p.file("x.mtmsd")), "is not a diffusion model"),
    ("a folder", extract(MODEL=lambda p: str(p.folder)), "cannot be opened: Is a directory. Choose a .mtmsd file."),
    ("a pickle", extract(MODEL=lambda p: p.file("x.mtmsd", pickle.dumps(np.ones(9)))), "is not a diffusion model"),
    ("a zip bomb", extract(MODEL=zip_of), "is not a diffusion model"),
    ("a raster", extract(MODEL=lambda p: str(p.scene.raster)), "is not a diffusion model"),
    ("cut off", extract(MODEL=lambda p: p.cut(p.model(), 0.7)), "incomplete or damaged: a header of"),
    ("longer than it says", extract(MODEL=lambda p: p.cut(p.model(), None)), "incomplete or damaged"),
    ("a checkpoint", extract(MODEL=lambda p: p.model("checkpoint")), "should be a model, it is a checkpoint"),
    ("no bands", extract(MODEL=lambda p: p.model(bands=[])), "a list of bands was expected"),
    ("bands of text", extract(MODEL=lambda p: p.model(bands="all")), "a list of bands was expected"),
    (
        "a wavelength of text",
        extract(MODEL=lambda p: p.model(bands=[{"wavelength_nm": "red"}])),
        "wavelength_nm should",
    ),
    ("a preset of its own", extract(MODEL=lambda p: p.model(preset="../../etc")), "preset should be one of quick"),
    ("other bands", extract(INPUT=lambda p: p.raster(spectra(bands=5))), "12 bands, this one has 5 bands"),
]
LAYERS: list[tuple[str, Made, str]] = [
    ("no such layer", classify(TRAINING="/nowhere/x.gpkg"), "TRAINING"),
    ("no such field", classify(CLASS_FIELD="klass"), "has no field 'klass'"),
    ("a raster", classify(TRAINING=lambda p: str(p.scene.raster)), "TRAINING"),
    ("lines", classify(TRAINING=lambda p: vector_layer([], "LineString")), "points or polygons"),
    ("no features", classify(TRAINING=lambda p: squares()), "no usable feature was found"),
    ("no classes", classify(TRAINING=lambda p: squares(None, None)), "2 without a class"),
    (
        "null geometries",
        classify(TRAINING=lambda p: vector_layer([(QgsGeometry(), "a")], "Polygon")),
        "without a geome",
    ),
    ("one class", classify(TRAINING=lambda p: squares("a", "a")), "At least two classes are needed"),
    (
        "a class spelled in two ways",
        classify(TRAINING=lambda p: squares("Wood", "wood ", "a")),
        "several: 'Wood', 'wood'",
    ),
    ("elsewhere", classify(TRAINING=lambda p: moved(900)), "2 outside the raster"),
    ("coordinates beyond all numbers", classify(TRAINING=lambda p: moved(1e300)), "layer training"),
    ("no field given", extract(TRAINING=lambda p: squares("a", "b")), "CLASS_FIELD is empty"),
    ("a field for the extraction", extract(TRAINING=lambda p: squares("a", "b"), CLASS_FIELD="x"), "has no field 'x'"),
    ("a reference of lines", classify(VALIDATION=lambda p: vector_layer([], "LineString")), "points or polygons"),
]
FEATURES: list[tuple[str, Made, str]] = [
    ("not JSON", classify(INPUT=lambda p: p.with_item("", "MTMSD_FEATURES", "{")), "description cannot be read"),
    ("a list", classify(INPUT=lambda p: p.with_item("", "MTMSD_FEATURES", "[1]")), "description cannot be read"),
    ("deep", classify(INPUT=lambda p: p.with_item("", "MTMSD_FEATURES", "[" * 9999)), "description cannot be read"),
    ("newer", classify(INPUT=lambda p: features_of(p, version=99)), "of version 99, this plugin reads up to"),
    ("no timesteps", classify(INPUT=lambda p: features_of(p, timesteps=[])), "out of range"),
    ("features of text", classify(INPUT=lambda p: features_of(p, features="12")), "features should be of type int"),
    ("a huge window", classify(INPUT=lambda p: features_of(p, window=10**9)), "out of range"),
    ("bands below 0", classify(INPUT=lambda p: features_of(p, spectra=-4)), "out of range"),
]
OUTPUTS: list[tuple[str, Made, str]] = [
    ("no GeoTIFF", classify(OUTPUT=lambda p: str(p.out / "map.img")), "should be a GeoTIFF"),
    ("probabilities as a picture", classify(PROBABILITIES=lambda p: str(p.out / "p.png")), "should be a GeoTIFF"),
    ("a file as folder", pretrain(OUTPUT=lambda p: p.file("f") + "/model.mtmsd"), "a file, not a folder"),
    ("a folder that nobody can make", pretrain(OUTPUT="/proc/nowhere/model.mtmsd"), "cannot be written to /proc"),
    (
        "the raster itself",
        classify(INPUT=lambda p: p.raster(), OUTPUT=lambda p: str(p.folder / "in.tif")),
        "which INPUT reads",
    ),
    (
        "the raster as model",
        pretrain(INPUT=lambda p: p.raster(), OUTPUT=lambda p: str(p.folder / "in.tif")),
        "which INPUT reads",
    ),
    ("the training layer as report", classify(REPORT=lambda p: str(p.scene.polygons)), "which TRAINING reads"),
]
MAPPED: list[tuple[str, Made, str]] = [
    ("two models", mapped(MODEL=lambda p: p.model(), OUTPUT_MODEL=lambda p: str(p.out / "m")), "OUTPUT_MODEL is for"),
    ("a model of rubbish", mapped(MODEL=lambda p: p.file("x.mtmsd", "a list " * 99)), "is not a diffusion model"),
    ("nothing to go on from", mapped(RESUME="/nowhere/map.tif.checkpoint"), "there is no folder"),
    ("a file to go on from", mapped(RESUME=lambda p: p.file("x")), "RESUME"),
    ("stage 9", mapped(STAGES="9"), "different whole numbers from 0 to 8"),
    ("patch of 17", mapped(PATCH_SIZE=17), "multiple of 4. Found: 17"),
    ("no such field", mapped(CLASS_FIELD="klass"), "has no field 'klass'"),
    ("one class", mapped(TRAINING=lambda p: squares("a", "a")), "At least two classes are needed"),
    (
        "the raster itself",
        mapped(INPUT=lambda p: p.raster(), OUTPUT=lambda p: str(p.folder / "in.tif")),
        "which INPUT reads",
    ),
    ("half the pixels", mapped(INPUT=lambda p: p.cut(p.raster(), 0.5)), "cannot be read"),
]
OTHERS: list[Case] = [
    ("importscene", "no file", other(INPUT="/nowhere/x.mat", OUTPUT=lambda p: str(p.out / "s.tif")), "a MATLAB file"),
    (
        "importscene", "labels without truth",
        other(
            INPUT=lambda p: p.file("x.mat"), OUTPUT=lambda p: str(p.out / "s.tif"),
            OUTPUT_REFERENCE=lambda p: str(p.out / "r.tif"),
        ),
        "GROUND_TRUTH is empty",
    ),
    (
        "importscene", "pixels of 0 m",
        other(INPUT=lambda p: p.file("x.mat"), PIXEL_SIZE=0, OUTPUT=lambda p: str(p.out / "s.tif")), "PIXEL_SIZE",
    ),
    (
        "importscene", "CRS that is none",
        other(INPUT=lambda p: p.file("x.mat"), CRS="EPSG:99999", OUTPUT=lambda p: str(p.out / "s.tif")),
        "found 'EPSG:99999'",
    ),
    *(
        (
            "splitsamples", f"{name} {value}",
            other(**{
                "INPUT": lambda p: str(p.scene.polygons), "CLASS_FIELD": "cover", name: value,
                "OUTPUT_TRAINING": lambda p: str(p.out / "t.gpkg"),
                "OUTPUT_VALIDATION": lambda p: str(p.out / "v.gpkg"),
            }),
            words,
        )
        for name, value, words in (
            ("SHARE", 0, "SHARE"), ("SHARE", 1, "SHARE"), ("SHARE", 7, "SHARE"), ("COUNT", 0, "COUNT"),
            ("BUFFER", -5, "BUFFER"), ("BLOCK_SIZE", -5, "BLOCK_SIZE"), ("METHOD", "magic", "METHOD"),
            ("CLASS_FIELD", "klass", "has no field 'klass'"),
        )
    ),
    *(
        (
            "assessaccuracy", words,
            other(
                INPUT=raster, REFERENCE=lambda p: str(p.scene.polygons), CLASS_FIELD=field,
                REPORT=lambda p: str(p.out / "r.html"),
            ),
            words,
        )
        for raster, field, words in (
            ("/nowhere/map.tif", "cover", "INPUT"),
            (lambda p: str(p.scene.raster), "cover", "should have one band"),
            (lambda p: p.raster(spectra()[:1].astype("f4") / 7), "cover", "class ids as whole numbers"),
            (lambda p: p.raster((spectra()[:1] > 0).astype("u1")), "klass", "has no field 'klass'"),
            (lambda p: p.raster((spectra()[:1] > 0).astype("u1")), "cover", "ids or names of the map's classes"),
        )
    ),
]  # fmt: skip


def moved(pixels: float) -> Any:
    """Two squares so many pixels away."""
    shapes = [(box_of_pixels(pixels, pixels, pixels + 9, pixels + 9), value) for value in "ab"]
    return vector_layer(shapes, "Polygon")


GROUPS = {
    "raster": RASTERS, "setting": SETTINGS, "model": MODELS, "layer": LAYERS, "features": FEATURES, "output": OUTPUTS,
    "scene": MAPPED,
}  # fmt: skip


def algorithm_of(make: Made) -> str:
    """By the functions above that made it."""
    names = {
        "pretrain": "pretraindiffusion", "extract": "extractfeatures", "classify": "classify", "mapped": "mapscene",
    }  # fmt: skip
    return names[make.__qualname__.split(".")[0]]


CASES: list[Case] = [
    *((algorithm_of(make), f"{group}: {name}", make, words) for group, g in GROUPS.items() for name, make, words in g),
    *OTHERS,
]
