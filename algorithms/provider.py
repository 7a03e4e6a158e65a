# SPDX-License-Identifier: GPL-2.0-or-later
"""Names the algorithms and the shipped models."""

from __future__ import annotations

from typing import Any

from processing.core.ProcessingConfig import ProcessingConfig, Setting
from qgis.core import QgsApplication, QgsProcessingProvider
from qgis.PyQt.QtGui import QIcon

from .apply_classifier import ApplyClassifier
from .assess_accuracy import AssessAccuracy
from .base.metadata import ROOT, metadata_value
from .base.newer_qgis import format_pairs
from .base.translation import tr
from .campaign.collect_campaign import CollectCampaign
from .campaign.prepare_campaign import PrepareCampaign
from .campaign.run_campaign import RunCampaign
from .check_environment import CheckEnvironment
from .classify import Classify
from .clusters.cluster_scene import ClusterScene
from .clusters.name_clusters import NameClusters
from .describe_file import DescribeFile
from .exploration.explore_features import ExploreFeatures
from .extract_features import ExtractFeatures
from .import_scene import ImportScene
from .map_scene import MapScene
from .pretrain_diffusion import PretrainDiffusion
from .setup_environment import SetupEnvironment
from .shipped_model import ShippedModel
from .split_samples import SplitSamples

PYTHON_SETTING = "MTMSD_PYTHON"

_ALGORITHMS = (
    MapScene,
    PretrainDiffusion,
    ExtractFeatures,
    Classify,
    ApplyClassifier,
    ClusterScene,
    NameClusters,
    ExploreFeatures,
    PrepareCampaign,
    RunCampaign,
    CollectCampaign,
    AssessAccuracy,
    ImportScene,
    SplitSamples,
    DescribeFile,
    CheckEnvironment,
    SetupEnvironment,
)
_SUFFIXES = ("tif", "tiff")
_SHIPPED_MODELS = ("scene_to_class_map", "map_another_scene")


class MtmsdProvider(QgsProcessingProvider):
    """Our algorithms in the toolbox."""

    def id(self) -> str:
        """Fixed id."""
        return "mtmsd"

    def name(self) -> str:
        """Heading in the toolbox."""
        return "MTMSD"

    def longName(self) -> str:
        """In the list of plugins and in the help."""
        return tr("MTMSD: diffusion features for hyperspectral scenes")

    def icon(self) -> QIcon:
        """Our own drawing."""
        return QIcon(self.svgIconPath())

    def svgIconPath(self) -> str:
        """Where the drawing lies."""
        return str(ROOT / "icons" / "mtmsd.svg")

    def helpId(self) -> str:
        """Our help has pages of its own."""
        return ""

    def versionInfo(self) -> str:
        """Version of the plugin."""
        return metadata_value("version")

    def supportedOutputRasterLayerExtensions(self) -> list[str]:
        """We write GeoTIFF only: it keeps names, tables, scale and offset of thousands of bands in one file."""
        return list(_SUFFIXES)

    def supportedOutputRasterLayerFormatAndExtensions(self) -> list[Any]:
        """The same for QGIS 4.0 and later, where an output has a format beside its suffix."""
        from .bridge.raster.formats.raster_format import writable_formats

        return format_pairs((driver, suffix) for driver in writable_formats() for suffix in _SUFFIXES)

    def supportsNonFileBasedOutput(self) -> bool:
        """Point layers may go into memory or a database."""
        return True

    def load(self) -> bool:
        """Add the option for the worker's Python, then the algorithms."""
        ProcessingConfig.settingIcons[self.name()] = self.icon()
        ProcessingConfig.addSetting(
            Setting(
                self.name(),
                PYTHON_SETTING,
                tr(
                    "Python with torch, numpy and scipy (empty: environment variable MTMSD_PYTHON, or the plugin's own)"
                ),
                "",
                valuetype=Setting.FILE,
            )
        )
        ProcessingConfig.readSettings()
        self.refreshAlgorithms()
        return True

    def unload(self) -> None:
        """Take the option away."""
        if PYTHON_SETTING in ProcessingConfig.settings:
            ProcessingConfig.removeSetting(PYTHON_SETTING)

    def loadAlgorithms(self) -> None:
        """Add the algorithms; the models too, once the registry knows the steps they consist of."""
        for algorithm in _ALGORITHMS:
            self.addAlgorithm(algorithm())
        if QgsApplication.processingRegistry().providerById(self.id()) is not None:
            for name in _SHIPPED_MODELS:
                model = ShippedModel()
                if model.fromFile(str(ROOT / "models" / f"{name}.model3")):
                    model.explain()
                    self.addAlgorithm(model)
