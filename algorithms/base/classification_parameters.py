# SPDX-License-Identifier: GPL-2.0-or-later
"""What every algorithm that makes a class map shares: parameters, settings, labels, maps and report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from qgis.core import (
    QgsProcessing,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingOutputNumber,
    QgsProcessingParameterEnum,
    QgsProcessingParameterFeatureSource,
    QgsProcessingParameterField,
    QgsProcessingParameterFileDestination,
    QgsProcessingParameterNumber,
    QgsProcessingParameterRasterDestination,
)

from ...mtmsd_qgis.jobs.settings import CLASSIFIERS, SPLITS, ClassificationSettings
from ..translation import tr, translatable
from .algorithm import MtmsdAlgorithm, Parameters

if TYPE_CHECKING:
    from pathlib import Path

    from ..bridge.feedback import ProgressRange
    from ..bridge.raster.source import RasterSource
    from ..bridge.vector.labels import LabelLayer
    from ..bridge.vector.sample_export import Training

MAPS = ("OUTPUT", "CONFIDENCE", "PROBABILITIES")
ACCURACY = {
    "OA": translatable("Overall accuracy (%)"),
    "AA": translatable("Average accuracy (%)"),
    "KAPPA": translatable("Kappa (%)"),
}


class Classifying(MtmsdAlgorithm):
    """Base of the algorithms that make a class map."""

    def declare_samples(self) -> None:
        """Training and validation layers."""
        kinds = [QgsProcessing.SourceType.TypeVectorPoint, QgsProcessing.SourceType.TypeVectorPolygon]
        self.declare(
            QgsProcessingParameterFeatureSource("TRAINING", self.tr("Training layer"), kinds),
            self.tr(
                "Points or polygons with a known class, in any CRS. A polygon takes the pixels whose centre it "
                "covers. Class names and colours come from the layer's categories where it has them."
            ),
        )
        self.declare(
            QgsProcessingParameterField("CLASS_FIELD", self.tr("Class field"), parentLayerParameterName="TRAINING"),
            self.tr(
                "Whole numbers from 1 to 65535 become the ids of the map; anything else is numbered in the order of "
                "its values."
            ),
        )
        self.declare(
            QgsProcessingParameterFeatureSource("VALIDATION", self.tr("Validation layer"), kinds, optional=True),
            self.tr(
                "Independent reference samples with the same class field. They are used to judge the map, never to "
                "learn. Given, nothing else is held out."
            ),
        )

    def declare_classifier(self) -> None:
        """What the map shall be good at, and who makes it."""
        self.declare(
            QgsProcessingParameterEnum(
                "SPLIT", self.tr("Split (what the map is for)"), list(SPLITS), False, "spatial", usesStaticStrings=True
            ),
            self.tr(
                "What the map shall be good at. It decides how the classifier 'auto' chooses its models, and how a "
                "part of the samples is held out to judge the map where there is no validation layer. spatial: "
                "places that have no samples; whole polygons, or blocks of points, are held out. block: the same, "
                "always by blocks of the grid. random: more pixels of the fields that have samples; single pixels "
                "are held out, as papers do, and the figure is too optimistic for other places. none: all samples "
                "are used, and there is no accuracy."
            ),
        )
        share = QgsProcessingParameterNumber(
            "VALIDATION_SHARE",
            self.tr("Share held out"),
            QgsProcessingParameterNumber.Type.Double,
            0.3,
            minValue=0.01,
            maxValue=0.99,
        )
        share.setMetadata({"widget_wrapper": {"decimals": 2}})
        self.declare(share, self.tr("Share of the samples of every class that is held out."))
        self.declare(
            QgsProcessingParameterEnum(
                "CLASSIFIER", self.tr("Classifier"), list(CLASSIFIERS), False, CLASSIFIERS[0], usesStaticStrings=True
            ),
            self.tr(
                "auto: tries models on spectra, diffusion features and their neighbourhood, and pools those that do "
                "best on held-out training samples; seconds. mtmsd: the published method, an ensemble of networks "
                "that weigh the timesteps for every pixel; minutes. transformer3d: 3-D convolution and transformer "
                "on patches of the features; minutes. linear: logistic regression, as a yardstick."
            ),
        )

    def declare_classification_knobs(self) -> None:
        """Rare knobs: ensemble, epochs, block size, buffer."""
        usual = ClassificationSettings()
        number = self.declare_number
        text = self.tr("Networks whose probabilities are averaged. Not set: 5 for mtmsd, 2 for transformer3d.")
        number("ENSEMBLE", self.tr("Networks in the ensemble"), text)
        text = self.tr("Passes over the training samples. Not set: 100 for mtmsd, 40 for transformer3d.")
        number("EPOCHS", self.tr("Epochs"), text)
        text = self.tr("Side of the blocks that 'block', and 'spatial' where samples are points, keep together.")
        number("BLOCK_SIZE", self.tr("Block size (pixels)"), text, default=usual.block_size)
        buffer = QgsProcessingParameterNumber(
            "BUFFER",
            self.tr("Buffer (pixels)"),
            QgsProcessingParameterNumber.Type.Double,
            usual.buffer,
            minValue=0,
        )
        buffer.setMetadata({"widget_wrapper": {"decimals": 1}})
        text = self.tr("Training samples within this distance of a held-out sample are left out. 0: none is.")
        self.declare(buffer, text, advanced=True)
        self.declare_overlaps()

    def declare_maps(self) -> None:
        """Class map, confidence, probabilities, report, accuracy."""
        self.declare(
            QgsProcessingParameterRasterDestination("OUTPUT", self.tr("Class map")),
            self.tr("GeoTIFF of class ids, 0 where there is no data."),
        )
        self.declare(
            QgsProcessingParameterRasterDestination(
                "CONFIDENCE", self.tr("Confidence"), optional=True, createByDefault=False
            ),
            self.tr("Probability of the class on the map, 0 to 1; -1 where there is no data."),
        )
        self.declare(
            QgsProcessingParameterRasterDestination(
                "PROBABILITIES", self.tr("Probabilities"), optional=True, createByDefault=False
            ),
            self.tr("One band a class, 0 to 1; -1 where there is no data."),
        )
        self.declare(
            QgsProcessingParameterFileDestination(
                "REPORT", self.tr("Report"), fileFilter=self.tr("HTML files (*.html)"), optional=True
            ),
            self.tr(
                "Accuracy with intervals, confusion matrix, calibration, areas, what the map rests on, what was held "
                "out and how. The same as JSON and CSV goes beside it, under the same name."
            ),
        )
        for name, title in ACCURACY.items():
            self.addOutput(QgsProcessingOutputNumber(name, tr(title)))
        self.declare_worker_outputs()

    def classification_settings(
        self, parameters: Parameters, context: QgsProcessingContext, *, keep: int | None = None
    ) -> ClassificationSettings:
        """The settings.

        Raises:
            SettingsError: A value is out of range.
        """
        overrides = {
            name.lower(): self.whole_number(parameters, name, context) for name in ("ENSEMBLE", "EPOCHS", "BLOCK_SIZE")
        }
        return ClassificationSettings(
            classifier=self.parameterAsEnumString(parameters, "CLASSIFIER", context),
            split=self.parameterAsEnumString(parameters, "SPLIT", context),
            validation_share=self.parameterAsDouble(parameters, "VALIDATION_SHARE", context),
            buffer=self.parameterAsDouble(parameters, "BUFFER", context),
            keep=keep,
            seed=self.parameterAsInt(parameters, "SEED", context),
            device=self.parameterAsString(parameters, "DEVICE", context).strip(),
            **{name: value for name, value in overrides.items() if value is not None},
        )

    def labels_from(
        self, parameters: Parameters, name: str, source: RasterSource, context: QgsProcessingContext
    ) -> LabelLayer:
        """Labels of a layer in the raster's CRS.

        Raises:
            QgsProcessingException: The layer or its field cannot be used.
        """
        from ..bridge.raster.geotiff import beside, refuse_inputs
        from ..bridge.vector.labels import read_labels

        features = self.parameterAsSource(parameters, name, context)
        if features is None:
            raise QgsProcessingException(self.invalidSourceError(parameters, name))
        layer = self.vector_layer(parameters, name, context)
        report = self.output_path(parameters, "REPORT", context)
        if report is not None:
            refuse_inputs([report, beside(report, ".json"), beside(report, ".csv")], [layer])
        field = self.parameterAsString(parameters, "CLASS_FIELD", context)
        labels = read_labels(features, layer, field, source.grid.crs, context.transformContext())
        return replace(labels, overlaps=self.overlaps(parameters, context))

    def write_maps(
        self,
        source: RasterSource,
        values: Mapping[str, Any],
        folder: Path,
        paths: Mapping[str, Path | None],
        training: Training,
        progress: ProgressRange,
    ) -> None:
        """GeoTIFFs of what the worker wrote, styled."""
        from qgis.core import QgsRasterLayer

        from ..bridge.layers.styling import class_map_style, confidence_style, save_beside
        from ..bridge.raster.geotiff import cube_from, write_class_map, write_floats

        grid, classes = source.grid, training.classes
        style = class_map_style(classes)
        write_class_map(cube_from(values["map"]), folder, grid, paths["OUTPUT"], classes, progress)
        save_beside(QgsRasterLayer(str(paths["OUTPUT"])), style, paths["OUTPUT"])
        self.style_output("OUTPUT", style)
        if paths["CONFIDENCE"] is not None:
            cube = cube_from(values["confidence"])
            write_floats(cube, folder, grid, paths["CONFIDENCE"], ["confidence"], progress)
            save_beside(QgsRasterLayer(str(paths["CONFIDENCE"])), confidence_style, paths["CONFIDENCE"])
            self.style_output("CONFIDENCE", confidence_style)
        if paths["PROBABILITIES"] is not None:
            cube = cube_from(values["probabilities"])
            write_floats(cube, folder, grid, paths["PROBABILITIES"], [entry.name for entry in classes], progress)
        for name in MAPS:
            if paths[name] is not None:
                self.name_output(name, source.name, self.tr("Maps of {scene}"))

    def write_report(
        self,
        values: Mapping[str, Any],
        source: RasterSource,
        labels: LabelLayer,
        reference: LabelLayer | None,
        path: Path,
        extra: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """The report of a map, and its content as JSON and CSV in files of the same stem."""
        from ...mtmsd_qgis.report.export import accuracy_csv, accuracy_json
        from ...mtmsd_qgis.report.reports import classification_notes, classification_report
        from ..bridge.raster.geotiff import beside, write_texts

        rows = {
            "Raster": f"{source.name}, {source.size_text}",
            "Training layer": f"{labels.name}, field {labels.field}",
            **extra,
        }
        if reference is not None:
            rows["Validation layer"] = reference.name
        area = source.grid.pixel_area_m2
        facts = self.facts(rows)
        write_texts(
            {
                path: classification_report(values, facts, area),
                beside(path, ".json"): accuracy_json(
                    "classification", values, facts, area, classification_notes(values)
                ),
                beside(path, ".csv"): accuracy_csv(values, area),
            }
        )
