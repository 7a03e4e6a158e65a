# SPDX-License-Identifier: GPL-2.0-or-later
"""mtmsd:classify: feature raster + training layer -> class map."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from qgis.core import (
    QgsProcessing,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProcessingOutputNumber,
    QgsProcessingParameterEnum,
    QgsProcessingParameterFeatureSource,
    QgsProcessingParameterField,
    QgsProcessingParameterFileDestination,
    QgsProcessingParameterNumber,
    QgsProcessingParameterRasterDestination,
    QgsProcessingParameterRasterLayer,
)

from ..mtmsd_qgis.protocol import Job
from ..mtmsd_qgis.settings import CLASSIFIERS, SPLITS, ClassificationSettings, to_json
from .algorithm import MtmsdAlgorithm, Parameters, is_given

if TYPE_CHECKING:
    from pathlib import Path

    from .bridge.labels import LabelLayer
    from .bridge.training import Training

_ACCURACY = {"OA": "Overall accuracy (%)", "AA": "Average accuracy (%)", "KAPPA": "Kappa (%)"}


class Classify(MtmsdAlgorithm):
    """Classifies a feature raster with the samples of a training layer."""

    def name(self) -> str:
        """Fixed id."""
        return "classify"

    def displayName(self) -> str:
        """Title."""
        return self.tr("3 Classify diffusion features")

    def tags(self) -> list[str]:
        """Words to find it by."""
        return self.tr("hyperspectral,supervised,classification,land cover,accuracy,kappa,confidence,torch").split(",")

    def shortHelpString(self) -> str:
        """What it does."""
        return self.tr(
            "Learns the classes of a training layer from the features of their pixels and maps them over the whole "
            "raster. The map carries the names and colours of the layer's categories. Part of the samples is held "
            "out to judge the map, by default whole polygons or blocks, as neighbouring pixels are no independent "
            "test. Every other raster is taken as it is, each band as a feature."
        )

    def initAlgorithm(self, config: dict[str, Any] | None = None) -> None:
        """Declare parameters and outputs."""
        kinds = [QgsProcessing.SourceType.TypeVectorPoint, QgsProcessing.SourceType.TypeVectorPolygon]
        self.declare(
            QgsProcessingParameterRasterLayer("INPUT", self.tr("Feature raster")),
            self.tr("Written by 'Extract diffusion features'; any other raster is taken as plain bands."),
        )
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
        self.declare(
            QgsProcessingParameterEnum(
                "SPLIT", self.tr("Map for"), list(SPLITS), False, "spatial", usesStaticStrings=True
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
        self._declare_knobs()
        self._declare_outputs()

    def _declare_knobs(self) -> None:
        usual = ClassificationSettings()
        number = self.declare_number
        text = self.tr("Networks whose probabilities are averaged. Not set: 5 for mtmsd, 2 for transformer3d.")
        number("ENSEMBLE", self.tr("Networks in the ensemble"), text)
        text = self.tr("Passes over the training samples. Not set: 100 for mtmsd, 40 for transformer3d.")
        number("EPOCHS", self.tr("Epochs"), text)
        text = self.tr(
            "Purification with the training samples (mtmsd, linear); 0 keeps all. Not set: 60 % of a feature raster "
            "that holds all features, else all."
        )
        number("KEEP", self.tr("Features kept per timestep"), text, least=0)
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
        text = self.tr("Training samples that lie at most so far from a held-out sample are left out.")
        self.declare(buffer, text, advanced=True)
        self.declare_seed_and_device()

    def _declare_outputs(self) -> None:
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
                "out and how."
            ),
        )
        for name, title in _ACCURACY.items():
            self.addOutput(QgsProcessingOutputNumber(name, self.tr(title)))
        self.declare_facts()

    def check_settings(self, parameters: Parameters, context: QgsProcessingContext) -> None:
        """Make the settings once, for their own checks."""
        self._settings_from(parameters, context)

    def collect(self, parameters: Parameters, context: QgsProcessingContext, feedback: QgsProcessingFeedback) -> None:
        """Look at raster and layers."""
        from .bridge.rasters import describe_raster
        from .bridge.scenes import refuse_same_file, refuse_single_band

        self._settings = self._settings_from(parameters, context)
        layer = self.parameterAsRasterLayer(parameters, "INPUT", context)
        if layer is None or not layer.isValid():
            raise QgsProcessingException(self.invalidRasterError(parameters, "INPUT"))
        self._source = describe_raster(layer)
        refuse_single_band(self._source, range(len(self._source.bands)))
        for name in ("OUTPUT", "CONFIDENCE", "PROBABILITIES"):
            refuse_same_file(self._source, self.raster_path(parameters, name, context))
        self._labels = self._labels_from(parameters, "TRAINING", context)
        given = is_given(parameters, "VALIDATION")
        self._reference = self._labels_from(parameters, "VALIDATION", context) if given else None
        self._context = context.transformContext()

    def compute(
        self, parameters: Parameters, context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> dict[str, Any]:
        """Copy the raster, place the samples, classify, write maps and report."""
        from .bridge.progress import Stretch
        from .bridge.scenes import announce, bring_plain_bands, bring_scene
        from .bridge.training import bring_reference, bring_training
        from .bridge.worker_process import job_folder, run_worker

        rasters = {n: self.raster_path(parameters, n, context) for n in ("OUTPUT", "CONFIDENCE", "PROBABILITIES")}
        report = self.output_path(parameters, "REPORT", context)
        self._announce(feedback, announce)
        numbers = range(1, len(self._source.bands) + 1)
        with job_folder() as folder:
            copying = Stretch(feedback, 0, 8)
            if self._source.layout is None:
                scene = bring_plain_bands(self._source, folder, self._context, copying)
            else:
                scene = bring_scene(self._source, numbers, None, folder, self._context, copying)
            training = bring_training(self._labels, self._source, scene, folder, Stretch(feedback, 8, 9))
            reference = None
            if self._reference is not None:
                reference = bring_reference(
                    self._reference, training, self._source, scene, folder, Stretch(feedback, 9, 10)
                )
            job = Job(
                task="classify",
                settings=to_json(self._settings),
                scene=scene,
                samples=training.file,
                validation=reference,
                classes=training.classes,
                layout=self._source.layout,
                options={"probabilities": rasters["PROBABILITIES"] is not None},
            )
            values = run_worker(job, folder, self.MODULE, Stretch(feedback, 10, 95))
            self._write_rasters(values, folder, rasters, training, feedback)
        accuracy = values["accuracy"] or {}
        if report is not None:
            self._write_report(values, report)
        feedback.pushInfo(values["split"]["sentence"])
        return {
            **{name: str(path) if path else None for name, path in rasters.items()},
            "REPORT": str(report) if report else None,
            **{name: accuracy.get(name.lower()) for name in _ACCURACY},
            "SECONDS": values["seconds"],
            "DEVICE_USED": values["device"],
        }

    def _settings_from(self, parameters: Parameters, context: QgsProcessingContext) -> ClassificationSettings:
        overrides = {
            name.lower(): self.whole_number(parameters, name, context)
            for name in ("ENSEMBLE", "EPOCHS", "KEEP", "BLOCK_SIZE")
        }
        return ClassificationSettings(
            classifier=self.parameterAsEnumString(parameters, "CLASSIFIER", context),
            split=self.parameterAsEnumString(parameters, "SPLIT", context),
            validation_share=self.parameterAsDouble(parameters, "VALIDATION_SHARE", context),
            buffer=self.parameterAsDouble(parameters, "BUFFER", context),
            seed=self.parameterAsInt(parameters, "SEED", context),
            device=self.parameterAsString(parameters, "DEVICE", context).strip(),
            **{name: value for name, value in overrides.items() if value is not None},
        )

    def _labels_from(self, parameters: Parameters, name: str, context: QgsProcessingContext) -> LabelLayer:
        from .bridge.labels import read_labels

        source = self.parameterAsSource(parameters, name, context)
        if source is None:
            raise QgsProcessingException(self.invalidSourceError(parameters, name))
        layer = self.vector_layer(parameters, name, context)
        field = self.parameterAsString(parameters, "CLASS_FIELD", context)
        return read_labels(source, layer, field, self._source.grid.crs, context.transformContext())

    def _announce(self, feedback: QgsProcessingFeedback, announce: Any) -> None:  # noqa: ANN401 - a function
        layout, settings = self._source.layout, self._settings
        kind = (
            "It is no feature raster: each band is taken as a feature."
            if layout is None
            else f"Features: {len(layout.timesteps)} timesteps of {layout.features}"
            + (f", and {layout.spectra} bands of spectra." if layout.spectra else ".")
        )
        held_out = f"split {settings.split}" + (", judged by the validation layer" if self._reference else "")
        announce(self._source, feedback, kind, f"Classifier {settings.classifier}, {held_out}, seed {settings.seed}.")

    def _write_rasters(
        self,
        values: Mapping[str, Any],
        folder: Path,
        paths: Mapping[str, Path | None],
        training: Training,
        feedback: QgsProcessingFeedback,
    ) -> None:
        from qgis.core import QgsRasterLayer

        from .bridge.outputs import cube_from, write_class_map, write_floats
        from .bridge.progress import Stretch
        from .bridge.styling import class_map_style, confidence_style, save_beside

        grid, classes, stretch = self._source.grid, training.classes, Stretch(feedback, 95, 100)
        style = class_map_style(classes)
        write_class_map(cube_from(values["map"]), folder, grid, paths["OUTPUT"], classes, stretch)
        save_beside(QgsRasterLayer(str(paths["OUTPUT"])), style, paths["OUTPUT"])
        self.style_output("OUTPUT", style)
        if paths["CONFIDENCE"] is not None:
            cube = cube_from(values["confidence"])
            write_floats(cube, folder, grid, paths["CONFIDENCE"], ["confidence"], stretch)
            save_beside(QgsRasterLayer(str(paths["CONFIDENCE"])), confidence_style, paths["CONFIDENCE"])
            self.style_output("CONFIDENCE", confidence_style)
        if paths["PROBABILITIES"] is not None:
            cube = cube_from(values["probabilities"])
            write_floats(cube, folder, grid, paths["PROBABILITIES"], [entry.name for entry in classes], stretch)

    def _write_report(self, values: Mapping[str, Any], path: Path) -> None:
        from ..mtmsd_qgis.report import classification_report
        from .bridge.outputs import write_text

        rows = {
            "Raster": f"{self._source.name}, {self._source.size_text}",
            "Training layer": f"{self._labels.name}, field {self._labels.field}",
        }
        if self._reference is not None:
            rows["Validation layer"] = self._reference.name
        area = self._source.grid.pixel_area_m2
        write_text(classification_report(values, self.facts(rows), area), path)
