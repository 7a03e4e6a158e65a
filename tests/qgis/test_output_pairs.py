# SPDX-License-Identifier: GPL-2.0-or-later
"""Every output of every algorithm beside every input and every other output, as the parameters themselves tell them."""

from __future__ import annotations

import numpy as np
import pytest
from qgis.core import (
    QgsApplication,
    QgsProcessingException,
    QgsProcessingParameterFeatureSource,
    QgsProcessingParameterField,
    QgsProcessingParameterFile,
    QgsProcessingParameterFolderDestination,
    QgsProcessingParameterMapLayer,
    QgsProcessingParameterMultipleLayers,
    QgsProcessingParameterRasterLayer,
    QgsProcessingParameterVectorLayer,
)
from scenes import Log, point_in_pixel, run, save_layer, vector_layer, write_raster

RASTERS = (QgsProcessingParameterRasterLayer, QgsProcessingParameterMapLayer)
VECTORS = (QgsProcessingParameterFeatureSource, QgsProcessingParameterVectorLayer)
SEVERAL = QgsProcessingParameterMultipleLayers
# Kinds of parameters that name no file. A new kind fails below until it is known here or read by ParameterValues.
NO_FILES = {"boolean", "enum", "number", "string", "matrix", "field", "band", "crs", "range", "distance"}
# What an algorithm asks for before it looks at files.
MORE = {
    "nameclusters": {"TABLE": [1, "water"]}, "clusterscene": {"LEVELS": "2,3"},
    "classify": {"SUPERTOKENS": 50}, "mapscene": {"SUPERTOKENS": 50}, "applyclassifier": {"SUPERTOKENS": 50},
}  # fmt: skip


def names():
    provider = QgsApplication.processingRegistry().providerById("mtmsd")
    return sorted(each.name() for each in provider.algorithms())


@pytest.fixture
def places(tmp_path, fake_worker):
    """Folders for inputs and outputs, and a Python that is never asked to do anything."""
    fake_worker("sys.exit(9)")
    for name in ("in", "out"):
        (tmp_path / name).mkdir()
    return tmp_path / "in", tmp_path / "out"


def is_optional(definition):
    return bool(definition.flags() & definition.Flag.FlagOptional)


def readable(definition, folder):
    """A file or folder of a kind that the parameter takes; None where it takes none."""
    path = folder / definition.name().replace(":", "_")
    if isinstance(definition, RASTERS) or (isinstance(definition, SEVERAL) and "Raster" in str(definition.layerType())):
        return write_raster(path.with_suffix(".tif"), np.ones((1, 8, 8), np.uint8))
    if isinstance(definition, (*VECTORS, SEVERAL)):
        layer = vector_layer([(point_in_pixel(i, i), "ab"[i % 2]) for i in range(4)], "Point")
        return save_layer(layer, path.with_suffix(".gpkg"))
    if isinstance(definition, QgsProcessingParameterFile):
        if definition.behavior() == QgsProcessingParameterFile.Behavior.Folder:
            path.mkdir()
            (path / "content").write_text("of the user")
        else:
            path = path.with_suffix(".bin")
            path.write_text("of the user")
        return path
    return None


def files_below(folder):
    """Content by path, less the statistics that QGIS keeps beside a raster it has shown."""
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.suffix != ".xml"}


class Case:
    """An algorithm with a readable file for each input."""

    def __init__(self, name, folders):
        self.name, (self.inputs, self.out) = name, folders
        self.algorithm = QgsApplication.processingRegistry().createAlgorithmById(f"mtmsd:{name}")
        self.destinations = self.algorithm.destinationParameterDefinitions()
        self.given = [each for each in self.algorithm.parameterDefinitions() if not each.isDestination()]
        self.read = {each.name(): place for each in self.given if (place := readable(each, self.inputs)) is not None}

    def place(self, destination):
        """Where an output goes that is in nobody's way."""
        is_folder = isinstance(destination, QgsProcessingParameterFolderDestination)
        return str(self.out / (destination.name().replace(":", "_") + ("" if is_folder else ".tif")))

    def value(self, definition):
        path = str(self.read[definition.name()])
        return [path] if isinstance(definition, SEVERAL) else path

    def words(self, **changes):
        """What a run with all that it must have, all outputs, and these parameters, is refused with."""
        parameters = {
            each.name(): self.value(each) for each in self.given if each.name() in self.read and not is_optional(each)
        }
        parameters.update(
            {each.name(): "cover" for each in self.given if isinstance(each, QgsProcessingParameterField)}
        )
        parameters.update({each.name(): self.place(each) for each in self.destinations})  # some ask for others
        log = Log()
        with pytest.raises(QgsProcessingException) as caught:
            run(self.name, {**parameters, **MORE.get(self.name, {}), **changes}, log)
        return f"{caught.value}\n{log.text}"


def test_every_kind_of_parameter_is_known(places):
    unknown = set()
    for name in names():
        case = Case(name, places)
        unknown |= {
            (name, each.name(), each.type())
            for each in case.given
            if each.name() not in case.read and each.type() not in NO_FILES
        }
        for path in places[0].iterdir():
            if path.is_dir():
                (path / "content").unlink()
                path.rmdir()
    assert unknown == set()


def pairs():
    return [
        "applyclassifier", "assessaccuracy", "checkenvironment", "classify", "clusterscene", "collectcampaign",
        "describefile", "explorefeatures", "extractfeatures", "importscene", "mapanotherscene", "mapscene",
        "nameclusters", "preparecampaign", "pretraindiffusion", "scenetoclassmap", "splitsamples",
    ]  # fmt: skip


def test_every_algorithm_with_an_output_is_among_them():
    with_outputs = {
        name
        for name in names()
        if QgsApplication.processingRegistry().createAlgorithmById(f"mtmsd:{name}").destinationParameterDefinitions()
    }
    assert with_outputs == set(pairs())


@pytest.mark.parametrize("name", pairs())
def test_no_output_takes_the_place_of_an_input(places, name):
    case = Case(name, places)
    before = files_below(case.inputs)
    for definition in case.given:
        if definition.name() not in case.read:
            continue
        for destination in case.destinations:
            place = case.read[definition.name()]
            targets = [place] if place.is_file() else [place / "content", place / "new.tif"]
            if isinstance(destination, QgsProcessingParameterFolderDestination):
                targets = [place, place / "new"] if place.is_dir() else [place]
            for target in targets:
                words = case.words(**{definition.name(): case.value(definition), destination.name(): str(target)})
                short = destination.name().split(":")[-1]
                assert short in words, (definition.name(), destination.name(), words)
                assert any(
                    each in words for each in (f"which {definition.name()} reads", "is a file. Give the name of a fol")
                ), (definition.name(), destination.name(), words)
    assert files_below(case.inputs) == before
    assert list(case.out.iterdir()) == []


@pytest.mark.parametrize("name", pairs())
def test_no_output_takes_the_place_of_another(places, name):
    case = Case(name, places)
    for number, one in enumerate(case.destinations):
        for other in case.destinations[number + 1 :]:
            words = case.words(**{one.name(): str(case.out / "same.tif"), other.name(): f"{case.out}/./same.tif"})
            assert "expected for" in words, (one.name(), other.name(), words)
            assert one.name() in words, (one.name(), other.name(), words)
            assert other.name() in words, (one.name(), other.name(), words)
    assert list(case.out.iterdir()) == []
