# SPDX-License-Identifier: GPL-2.0-or-later
"""mtmsd:clusterscene: raster -> cluster map, with no label at all."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from qgis.core import (
    QgsProcessing,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProcessingOutputNumber,
    QgsProcessingParameterEnum,
    QgsProcessingParameterFeatureSink,
    QgsProcessingParameterFeatureSource,
    QgsProcessingParameterField,
    QgsProcessingParameterFile,
    QgsProcessingParameterFileDestination,
    QgsProcessingParameterNumber,
    QgsProcessingParameterRasterDestination,
    QgsProcessingParameterRasterLayer,
    QgsProcessingParameterString,
)

from ...mtmsd_qgis.jobs.clusters.cluster_map import CLUSTER_FEATURES, ClusterResult, ClusterSettings
from ...mtmsd_qgis.jobs.json_dataclasses import to_json
from ...mtmsd_qgis.jobs.protocol import Job
from ...mtmsd_qgis.jobs.settings import PRESETS, extraction_settings
from ...mtmsd_qgis.jobs.timesteps.number_lists import parse_whole_numbers
from ...mtmsd_qgis.jobs.timesteps.trained_timesteps import trained_timesteps
from ..base.algorithm import MtmsdAlgorithm
from ..base.extraction_parameters import MatchedModel, ResumeFolderParameter
from ..base.parameters import Device, Overlaps, ParameterValues, Seed, WorkerOutputs, read_label_layer
from ..base.pretraining_parameters import OF_FEATURES, OF_MODEL, BandsAndMask, Preset, PretrainingParameters
from ..base.rasters.extra_rasters import ClusterExtraRasters
from ..base.rasters.raster_files import RasterStorage
from .cluster_outputs import ClusterFiles

if TYPE_CHECKING:
    from ...mtmsd_qgis.jobs.data_model import CubeFile
    from ...mtmsd_qgis.jobs.settings import ExtractionSettings, PretrainSettings
    from ..bridge.feedback import ProgressRange
    from ..bridge.raster.scene_export import SceneExport
    from ..bridge.vector.labels import LabelLayer

_SCORES = ("MATCHED_OA", "ARI", "NMI")
_TIMESTEPS = (100, 200)  # whose features the clusters rest on


class ClusterScene(MtmsdAlgorithm):
    """Parts a scene into clusters of pixels that are alike."""

    def name(self) -> str:
        """Fixed id."""
        return "clusterscene"

    def displayName(self) -> str:
        """Title."""
        return self.tr("Map clusters of a scene")

    def tags(self) -> list[str]:
        """Words to find it by."""
        return self.tr(
            "hyperspectral,unsupervised,clustering,k-means,isodata,ward,land cover,segmentation,no labels,torch"
        ).split(",")

    def about(self) -> str:
        """What it does."""
        return self.tr(
            "Maps a scene without any training sample: pixels that are alike become a cluster. The number of clusters "
            "is given, or proposed from what two halves of the scene agree on. The map has the colours of the land, "
            "and the same numbers for the same clusters in every run. 'Name clusters' makes a class map of it, with a "
            "few labelled points. A reference layer only judges the map, it never changes it."
        )

    def initAlgorithm(self, config: dict[str, Any] | None = None) -> None:
        """Declare parameters and outputs."""
        self.declare(
            QgsProcessingParameterRasterLayer("INPUT", self.tr("Raster")),
            self.tr("A scene of any data type with one band or more, or a feature raster."),
        )
        self.declare(
            QgsProcessingParameterNumber(
                "CLUSTERS", self.tr("Clusters"), QgsProcessingParameterNumber.Type.Integer, 0, minValue=0
            ),
            self.tr("0: the number is proposed, and the report shows why. Else from 2 to 60."),
        )
        self.declare(
            QgsProcessingParameterEnum(
                "FEATURES",
                self.tr("Features"),
                list(CLUSTER_FEATURES),
                False,
                CLUSTER_FEATURES[0],
                usesStaticStrings=True,
            ),
            self.tr(
                "diffusion: of the model below, or of one that is trained on this raster; minutes. bands: the raster's "
                "own bands alone; seconds. A feature raster is taken as it is."
            ),
        )
        self.declare(
            QgsProcessingParameterFile(
                "MODEL",
                self.tr("Diffusion model"),
                optional=True,
                fileFilter=self.tr("MTMSD model (*.mtmsd);;All files (*)"),
            ),
            self.tr("Of this scene or of one with the same bands. Not given: one is trained on this scene."),
        )
        self._declare_reference()
        self.declare_groups(ClusterExtraRasters(), Preset(), BandsAndMask())
        self.declare(
            QgsProcessingParameterString("LEVELS", self.tr("Further numbers of clusters"), optional=True),
            self.tr(
                "For example 4,8,16: a map for each, nested in the others, as bands of OUTPUT_LEVELS. A cluster 3 of "
                "one map is 3.1 and 3.2 on the next."
            ),
            advanced=True,
        )
        self.declare_groups(PretrainingParameters(), ResumeFolderParameter(), Seed(), Device(), RasterStorage())
        self._declare_outputs()

    def _declare_reference(self) -> None:
        kinds = [QgsProcessing.SourceType.TypeVectorPoint, QgsProcessing.SourceType.TypeVectorPolygon]
        self.declare(
            QgsProcessingParameterFeatureSource("REFERENCE", self.tr("Reference layer"), kinds, optional=True),
            self.tr("Points or polygons with their true class. They judge the finished map, and change nothing."),
        )
        self.declare(
            QgsProcessingParameterField(
                "CLASS_FIELD", self.tr("Class field"), parentLayerParameterName="REFERENCE", optional=True
            ),
            self.tr("Of the reference layer."),
        )
        Overlaps().declare(self)

    def _declare_outputs(self) -> None:
        for name, title, text, optional in (
            (
                "OUTPUT",
                self.tr("Cluster map"),
                self.tr("GeoTIFF of the numbers of the clusters, 0 where there is no data."),
                False,
            ),
            (
                "CONFIDENCE",
                self.tr("Confidence"),
                self.tr(
                    "Of the cluster on the map, 0 to 1; -1 where there is no data. On average it is the share of the "
                    "pixels on which two halves of the scene agree."
                ),
                True,
            ),
            (
                "OUTPUT_LEVELS",
                self.tr("Nested maps"),
                self.tr("One band for each number of LEVELS."),
                True,
            ),
        ):
            self.declare(
                QgsProcessingParameterRasterDestination(name, title, optional=optional, createByDefault=not optional),
                text,
            )
        self.declare(
            QgsProcessingParameterFeatureSink(
                "SUGGESTIONS",
                self.tr("Places to look at"),
                QgsProcessing.SourceType.TypeVectorPoint,
                optional=True,
                createByDefault=False,
            ),
            self.tr(
                "Three typical pixels of each cluster, those of the largest cluster first. Fill their field 'class', "
                "and 'Name clusters' takes the layer."
            ),
        )
        for name, title, kind, text in (
            (
                "REPORT",
                self.tr("Report"),
                self.tr("HTML files (*.html)"),
                self.tr(
                    "Why so many clusters, their mean spectra and areas, which are alike, and the scores where there "
                    "is a reference layer. The same as JSON goes beside it."
                ),
            ),
            (
                "OUTPUT_MODEL",
                self.tr("Diffusion model trained"),
                self.tr("MTMSD model (*.mtmsd)"),
                self.tr("The model that was trained, for other scenes with the same bands."),
            ),
        ):
            self.declare(
                QgsProcessingParameterFileDestination(
                    name, title, fileFilter=kind, optional=True, createByDefault=name == "REPORT"
                ),
                text,
            )
        for name, title in (
            ("CLUSTERS_USED", self.tr("Clusters on the map")),
            ("MATCHED_OA", self.tr("Overall accuracy, clusters matched one to one (%)")),
            ("ARI", self.tr("Adjusted Rand index")),
            ("NMI", self.tr("Normalised mutual information")),
        ):
            self.addOutput(QgsProcessingOutputNumber(name, title))
        WorkerOutputs().declare(self)

    def check_settings(self, values: ParameterValues) -> None:
        """Make the settings once, for their own checks."""
        settings = self._settings(values)
        PretrainingParameters().read(values)
        if values.is_given("REFERENCE") and not values.field("CLASS_FIELD"):
            raise QgsProcessingException("REFERENCE needs CLASS_FIELD, the field with its classes. Choose the field.")
        if values.is_given("OUTPUT_LEVELS") and not settings.levels:
            raise QgsProcessingException(
                "OUTPUT_LEVELS needs LEVELS, the numbers of clusters to map. Give them, for example 4,8,16, or leave "
                "OUTPUT_LEVELS empty."
            )

    def collect(self, values: ParameterValues, feedback: QgsProcessingFeedback) -> None:
        """Look at raster, model, mask and reference layer."""
        from ..bridge.clusters.suggested_places import PLACE_KIND, place_fields
        from ..bridge.files.trial_layer import refuse_format
        from ..bridge.raster.scene_export import refuse_small_raster
        from ..bridge.raster.source import describe_raster
        from ..bridge.vector.labels import refuse_two_spellings

        self.check_settings(values)
        refuse_format("SUGGESTIONS", values.destination("SUGGESTIONS"), place_fields(), PLACE_KIND)
        self._source = source = describe_raster(values.raster("INPUT"))
        self._mask, self._extras = BandsAndMask().read_mask(values), ClusterExtraRasters().read(values)
        self._model: MatchedModel | None = None
        self._pretraining: PretrainSettings | None = None
        self._extraction: ExtractionSettings | None = None
        model = values.file("MODEL")
        is_scene = source.layout is None and values.choice("FEATURES") == "diffusion"
        self._refuse_model(values, model, is_scene)
        if model is not None:
            self._model = MatchedModel.read(model, source)
            self._bands, preset = BandsAndMask.given(values, self._model.numbers, OF_MODEL), self._model.preset
        elif source.layout is not None:
            self._bands, preset = BandsAndMask.given(values, (*range(1, len(source.bands) + 1),), OF_FEATURES), ""
        else:
            self._bands, preset = BandsAndMask().read_bands(values, source), values.choice("PRESET")
            if is_scene:
                self._pretraining = PretrainingParameters().read(values)
                refuse_small_raster(source, self._pretraining.patch_size)
        if is_scene:
            self._extraction = extraction_settings(
                preset,
                timesteps=trained_timesteps(_TIMESTEPS, (self._model or self._pretraining).last_timestep),
                stages=PRESETS[preset].extraction.stages,
                keep=0,
                spectra=True,
                seed=values.integer("SEED"),
                device=values.text("DEVICE"),
            )
        self._labels: LabelLayer | None = None
        if values.is_given("REFERENCE"):
            self._labels = read_label_layer(values, "REFERENCE", source)
            refuse_two_spellings(self._labels, "Write them alike.")

    def _refuse_model(self, values: ParameterValues, model: Path | None, is_scene: bool) -> None:
        """Say at once where a model is given or wanted for nothing.

        Raises:
            QgsProcessingException: It is.
        """
        if model is not None and not is_scene:
            raise QgsProcessingException(
                "MODEL is for a raster whose diffusion features are to be computed; here the "
                + ("raster holds features already." if self._source.layout else "bands alone are wanted.")
                + " Leave MODEL empty."
            )
        if values.is_given("OUTPUT_MODEL") and (model is not None or not is_scene):
            raise QgsProcessingException(
                "OUTPUT_MODEL is for a model that is trained here, and none is. Leave it empty."
            )

    def compute(self, values: ParameterValues, feedback: QgsProcessingFeedback) -> dict[str, Any]:
        """Export the raster, let the worker part it, write maps, places, report and model."""
        from ..bridge.feedback import ProgressRange
        from ..bridge.files.atomic_write import copy_file
        from ..bridge.raster.disk_space import SceneNeed, check_space, mapping_need
        from ..bridge.raster.scene_export import SceneExport, announce
        from ..bridge.worker.worker_process import job_folder, read_result, run_worker

        source, settings = self._source, self._settings(values)
        files = ClusterFiles.of(self.outputs, values, source)
        output_model = self.outputs.file(values, "OUTPUT_MODEL")
        resume = ResumeFolderParameter().read(values, files.map)
        announce(source, feedback, *self._first_lines(settings))
        need = mapping_need(SceneNeed(source, self._bands.used, self._components), 0, files.map)
        check_space(need.with_temporary(self._extras.bytes_on(source.grid)), feedback, resume.folder)
        with job_folder() as folder, resume.kept(feedback):
            export = SceneExport(source, folder, values.transforms)
            reading = ProgressRange(feedback, 0, 5, "Reading the raster")
            scene = self._scene(values, export, reading)
            given = {"model": str(self._model.file.absolute())} if self._model else {}
            job = Job(
                task="clusterscene",
                settings=self._job_settings(settings),
                scene=scene,
                layout=source.layout,
                validation=self._reference(scene, folder, feedback),
                inputs={**given, **resume.inputs},
                outputs=resume.outputs,
                options={"source_band_count": len(source.bands)},
                extras=self._extras.export(source.grid, folder, values.transforms, reading),
            )
            result = read_result(ClusterResult, run_worker(job, folder, self.MODULE, ProgressRange(feedback, 6, 96)))
            files.write(result, values, ProgressRange(feedback, 96, 100, "Writing the maps"))
            files.write_report(result, {**self._facts(result), **resume.rows})
            if output_model is not None and result.model is not None:
                copy_file(Path(result.model), output_model)
        feedback.pushInfo(result.sentence)
        scores = result.scores
        return {
            **files.results(),
            "OUTPUT_MODEL": str(output_model) if output_model else None,
            "CLUSTERS_USED": len(result.classes),
            **{name: getattr(scores, name.lower(), None) for name in _SCORES},
            "SECONDS": result.seconds,
            "DEVICE_USED": result.computation.device,
        }

    def _settings(self, values: ParameterValues) -> ClusterSettings:
        return ClusterSettings(
            clusters=values.integer("CLUSTERS"),
            levels=parse_whole_numbers(values.text("LEVELS"), "LEVELS"),
            features=values.choice("FEATURES"),
            seed=values.integer("SEED"),
            device=values.text("DEVICE"),
        )

    def _job_settings(self, settings: ClusterSettings) -> dict[str, Any]:
        steps = {"pretrain": self._pretraining, "extract": self._extraction}
        return {"cluster": to_json(settings), **{name: to_json(step) for name, step in steps.items() if step}}

    @property
    def _components(self) -> int:
        if self._model is not None:
            return self._model.components
        return self._pretraining.components if self._pretraining else 0

    def _scene(self, values: ParameterValues, export: SceneExport, progress: ProgressRange) -> CubeFile:
        """The raster in the job folder; of plain bands those that can be used."""
        plain = self._extraction is None and self._source.layout is None
        if plain and self._mask is None and not values.integers("BANDS"):
            return export.usable_bands(progress)
        return export.bands(self._bands.used, self._mask, progress)

    def _reference(self, scene: CubeFile, folder: Path, feedback: QgsProcessingFeedback) -> str | None:
        """The file of the reference samples in the job folder; None where there is no layer."""
        from ..bridge.feedback import ProgressRange
        from ..bridge.vector.labels import make_classes
        from ..bridge.vector.sample_export import SampleExport, TrainingSamples

        if self._labels is None:
            return None
        classes = TrainingSamples("", make_classes(self._labels))
        return SampleExport(self._source, scene, folder).reference(self._labels, classes, ProgressRange(feedback, 5, 6))

    def _first_lines(self, settings: ClusterSettings) -> tuple[str, ...]:
        """What is clustered and how, for the log."""
        if self._source.layout is not None:
            features = "A feature raster."
        elif self._extraction is None:
            features = "The bands alone."
        elif self._model is not None:
            features = f"Model: {self._model.file.name}, {len(self._bands.used)} bands."
        else:
            features = f"Preset {values_of(self._pretraining)}."
        return self._bands.sentence, features, f"Clusters: {settings.clusters or 'to be proposed'}."

    def _facts(self, result: ClusterResult) -> dict[str, str]:
        """Rows of the report on what the map was made from."""
        source, labels = self._source, self._labels
        if source.layout is not None:
            features = "of the feature raster"
        elif self._extraction is None:
            features = "the bands alone"
        elif self._model is not None:
            features = f"diffusion features of {self._model.file.name}"
        else:
            features = f"diffusion features of a model trained on this raster, preset {values_of(self._pretraining)}"
        reference = {"Reference layer": f"{labels.name}, field {labels.field}"} if labels else {}
        rows = {**self._extras.rows, **reference}
        return {"Raster": f"{source.name}, {source.size_text}", "Features": features, **rows}


def values_of(settings: PretrainSettings | None) -> str:
    """The preset and the iterations of a training, in words."""
    return "" if settings is None else f"{settings.preset}, {settings.iterations} iterations"
