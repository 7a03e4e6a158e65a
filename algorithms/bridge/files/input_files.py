# SPDX-License-Identifier: GPL-2.0-or-later
"""Every file that a layer is read from: itself, what lies beside it, the sources of virtual rasters and layers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from osgeo import gdal
from qgis.core import (
    QgsDataSourceUri,
    QgsMapLayer,
    QgsProject,
    QgsProviderRegistry,
    QgsRasterDataProvider,
    QgsRasterLayer,
    QgsVectorLayer,
    QgsVirtualLayerDefinition,
)
from qgis.PyQt.QtCore import QUrl

from ..raster.sidecars import sidecar_files
from .file_places import FilePlace, real_file

_HEAD_BYTES = 1024
_COMPOSED = ("VRT", "GTI", "STACIT", "STACTA")  # drivers whose files point to other rasters
_DATABASES = ("GPKG", "SQLite")  # drivers whose files hold several tables


def places_of_layer(layer: QgsMapLayer) -> Iterator[FilePlace]:
    """The files, and tables of database files, that a layer is read from; each may come several times."""
    provider, source = layer.providerType(), layer.source()
    style = real_file(layer.styleURI())
    if style is not None and style.suffix.lower() == ".qml":
        yield FilePlace.of(style)
    if isinstance(layer, QgsRasterLayer):
        yield from _raster_places(provider, source)
    elif isinstance(layer, QgsVectorLayer):
        yield from _vector_places(provider, source)
        for other in _layers_behind(layer):
            yield from places_of_layer(other)


def files_of_raster(uri: str, open_options: tuple[str, ...] = ()) -> list[str]:
    """What GDAL lists as belonging to a raster, with the sources of a virtual one; empty where it cannot open it."""
    with _quiet():
        return _listed(uri, open_options, gdal.OF_RASTER, set())


def own_files_of_raster(uri: str) -> list[str]:
    """What GDAL lists, without rasters of their own that it is made of."""
    with _quiet():
        dataset = _opened(uri, (), gdal.OF_RASTER)
        if dataset is None or dataset.GetDriver().ShortName in _COMPOSED:
            return []
        return list(dataset.GetFileList() or [])


def _layers_behind(layer: QgsVectorLayer) -> Iterator[QgsMapLayer]:
    """Layers that are joined to it, or that a virtual layer asks."""
    for join in layer.vectorJoins():
        if join.joinLayer() is not None:
            yield join.joinLayer()
    for dependency in layer.dataProvider().dependencies() if layer.isValid() else ():
        other = QgsProject.instance().mapLayer(dependency.layerId())
        if other is not None and other is not layer:
            yield other


def _raster_places(provider: str, source: str) -> Iterator[FilePlace]:
    if provider == "virtualraster":
        virtual, _ = QgsRasterDataProvider.decodeVirtualRasterProviderUri(source)
        for part in virtual.rInputLayers:
            yield from _raster_places(part.provider, part.uri)
    if provider != "gdal":
        return
    parts = QgsProviderRegistry.instance().decodeUri("gdal", source)
    main = real_file(str(parts.get("path") or ""))
    table = str(parts.get("layerName") or "")
    for text in files_of_raster(source.split("|")[0], tuple(parts.get("openOptions") or ())):
        file = real_file(text)
        if file is not None and file != main:
            yield FilePlace.of(file)
    if main is not None:
        yield FilePlace.of(main, table if main.suffix.lower() == ".gpkg" else "")
        yield from (FilePlace.of(file) for file in sidecar_files(main))


def _vector_places(provider: str, source: str) -> Iterator[FilePlace]:
    if provider == "virtual":
        for part in QgsVirtualLayerDefinition.fromUrl(QUrl.fromEncoded(source.encode())).sourceLayers():
            if not part.isReferenced():
                yield from _vector_places(part.provider(), part.source())
        return
    parts = QgsProviderRegistry.instance().decodeUri(provider, source)
    path = str(parts.get("path") or "")
    table = str(parts.get("layerName") or "")
    if provider == "spatialite":
        uri = QgsDataSourceUri(source)
        path, table = uri.database(), uri.table()
    main = real_file(path)
    if main is None:
        return
    with _quiet():
        dataset = _opened(str(main), (), gdal.OF_VECTOR) if provider == "ogr" else None
    if dataset is None:
        yield FilePlace.of(main, table)
        return
    is_database = dataset.GetDriver().ShortName in _DATABASES
    if is_database and not table:
        layer = dataset.GetLayer(int(parts.get("layerId") or 0))
        table = layer.GetName() if layer is not None else ""
    yield FilePlace.of(main, table if is_database else "")
    yield from (FilePlace.of(file) for file in map(real_file, dataset.GetFileList() or []) if file and file != main)


def _listed(uri: str, open_options: tuple[str, ...], kind: int, seen: set[str]) -> list[str]:
    """GDAL's list for a virtual raster ends with its sources: theirs are looked up in turn."""
    dataset = _opened(uri, open_options, kind)
    if dataset is None:
        return []
    found = list(dataset.GetFileList() or [])
    is_virtual = dataset.GetDriver().ShortName == "VRT"
    del dataset
    seen.add(uri)
    for text in list(found) if is_virtual else ():
        if text not in seen and _is_virtual(text):
            found += _listed(text, (), kind, seen)
    return found


def _is_virtual(path: str) -> bool:
    """By its first bytes: a mosaic may have thousands of sources."""
    try:
        with open(path, "rb") as file:
            return b"<VRTDataset" in file.read(_HEAD_BYTES)
    except OSError:
        return False


def _opened(uri: str, open_options: tuple[str, ...], kind: int) -> gdal.Dataset | None:
    try:
        return gdal.OpenEx(uri, kind | gdal.OF_READONLY, open_options=list(open_options))
    except RuntimeError:  # where somebody called gdal.UseExceptions
        return None


@contextmanager
def _quiet() -> Iterator[None]:
    """What is no raster, or no longer there, is told of by whoever needs it."""
    gdal.PushErrorHandler("CPLQuietErrorHandler")
    try:
        yield
    finally:
        gdal.PopErrorHandler()
