# SPDX-License-Identifier: GPL-2.0-or-later
"""What a user would take instead: four classifiers of scikit-learn, each tuned on the training pixels alone.

Enters: the usable bands of a scene, training and test pixels. Leaves: the class index of every test pixel. The grids
are searched by three-fold cross-validation of the same kind as the split: pixels at random, or whole groups.
"""

from __future__ import annotations

import time
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import GridSearchCV, StratifiedGroupKFold, StratifiedKFold
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from benchmarks.scenes import Scene
from benchmarks.splits import Draw
from mtmsd_qgis.io.cube import Cube, valid_pixels, whole_size
from mtmsd_qgis.io.windows import whole

COMPONENTS = 25
BOXES = (5, 13, 25)  # sides of the windows of the means, pixels
FOLDS = 3
TREES = 500
_TREES_FOR_THE_CHOICE = 100  # the choice of max_features does not need them all
_PCA_PIXELS = 50_000  # enough to find 25 axes
_C = (10.0, 100.0, 1000.0)
_C_POOLED = (3.0, 30.0, 300.0)
_GAMMA = (0.02, 0.1, 0.5, 2.5)  # times 1 / number of inputs, so that it means the same for 7 bands and for 200
_SHRINKAGE = ("auto", 1e-5, 1e-4, 1e-3, 1e-2, 0.03, 0.1, 0.3, 0.6)

Inputs = NDArray[np.float32]


@dataclass(frozen=True)
class Outcome:
    """What a baseline said.

    Attributes:
        predicted: (L,) class index of each test pixel.
        seconds: For tuning, fitting and predicting the test pixels.
        chosen: What the cross-validation chose, for the results.
    """

    predicted: NDArray[np.int64]
    seconds: float
    chosen: dict[str, Any]


class Baselines:
    """The four, with the inputs of one scene."""

    NAMES = ("svm", "forest", "discriminant", "box_svm")

    def __init__(self, scene: Scene, jobs: int) -> None:
        """Read the scene.

        Args:
            scene: The scene.
            jobs: Processes that share a grid.
        """
        cube = Cube(scene.folder, scene.cube)
        self._jobs = jobs
        self._spectra = cube.read(whole(*whole_size(cube)))  # (B, H, W)
        self._valid = valid_pixels(cube)
        self._pooled: Inputs | None = None

    def run(self, name: str, draw: Draw) -> Outcome:
        """Tune, fit and predict."""
        inputs = self._means_of_components() if name == "box_svm" else self._spectra
        training, test = (inputs[:, t.rows, t.cols].T.astype(np.float64) for t in (draw.training, draw.test))
        started = time.monotonic()
        search = _search(name, training.shape[1], draw.seed)
        search.set_params(cv=folds(draw), n_jobs=self._jobs)
        with warnings.catch_warnings():  # small classes: the folds say so over and over, and LDA of a single sample
            warnings.simplefilter("ignore")
            search.fit(training, draw.training.class_index)
            model = search.best_estimator_
            if name == "forest":
                model.set_params(n_estimators=TREES, n_jobs=self._jobs)
                model.fit(training, draw.training.class_index)
            predicted = model.predict(test)
        chosen = {key.split("__")[-1]: _plain(value) for key, value in search.best_params_.items()}
        return Outcome(predicted.astype(np.int64), round(time.monotonic() - started, 2), chosen)

    def _means_of_components(self) -> Inputs:
        if self._pooled is None:
            components = whitened_components(self._spectra, self._valid)
            self._pooled = np.concatenate([components, *(box_means(components, self._valid, side) for side in BOXES)])
        return self._pooled


def whitened_components(spectra: Inputs, valid: NDArray[np.bool_]) -> Inputs:
    """Principal components (C, H, W) of variance 1 over the scene, 0 where invalid; without labels."""
    pixels = spectra[:, valid].T
    rng = np.random.default_rng(0)
    some = pixels if len(pixels) <= _PCA_PIXELS else pixels[rng.choice(len(pixels), _PCA_PIXELS, replace=False)]
    pca = PCA(min(COMPONENTS, *some.shape), whiten=True, svd_solver="covariance_eigh").fit(some.astype(np.float64))
    out = np.zeros((pca.n_components_, *valid.shape), dtype=np.float32)
    out[:, valid] = pca.transform(pixels).T
    return out


def box_means(values: Inputs, valid: NDArray[np.bool_], side: int) -> Inputs:
    """Means (C, H, W) over the valid pixels of the window around each pixel.

    Args:
        values: (C, H, W), 0 where invalid.
        valid: (H, W).
        side: Of the window, pixels.
    """
    share = ndimage.uniform_filter(valid.astype(np.float64), side, mode="constant")
    sums = np.stack([ndimage.uniform_filter(value, side, mode="constant") for value in values])
    return np.asarray(np.where(valid, sums / np.maximum(share, 0.5 / side**2), 0), dtype=np.float32)


def folds(draw: Draw) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Training and validation indices of each fold, of the kind of the split.

    A class that lies in one group only always trains: to be asked for a class that was never shown says nothing of a
    setting. Where the groups do not allow folds, pixels are drawn at random.
    """
    classes, groups = draw.training.class_index, draw.training.group
    everywhere = np.arange(len(classes))
    if draw.by_group:
        alone = np.isin(classes, [k for k in np.unique(classes) if len(np.unique(groups[classes == k])) < 2])
        found = []
        if len(np.unique(groups)) >= FOLDS and np.bincount(classes).max() >= FOLDS:
            splitter = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=draw.seed)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                for _, held_out in splitter.split(classes[:, None], classes, groups):
                    asked = np.setdiff1d(held_out, np.flatnonzero(alone))
                    shown = np.setdiff1d(everywhere, asked)
                    if len(asked) and len(np.unique(classes[shown])) > 1:
                        found.append((shown, asked))
        if found:
            return found
    count = int(min(FOLDS, np.bincount(classes).max()))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return list(StratifiedKFold(count, shuffle=True, random_state=draw.seed).split(classes[:, None], classes))


def _plain(value: object) -> object:
    """A chosen setting as JSON can hold it; a step of the pipeline by its name."""
    return value if isinstance(value, (str, int, float)) else type(value).__name__


def _search(name: str, inputs: int, seed: int) -> GridSearchCV:
    """The grid of a baseline. Of box means, standardised ones are better within sampled fields, plain ones beyond."""
    svm = make_pipeline(StandardScaler(), SVC(cache_size=500))
    searches: dict[str, tuple[Pipeline | RandomForestClassifier, dict[str, Any] | list[dict[str, Any]]]] = {
        "svm": (svm, {"svc__C": _C, "svc__gamma": [g / inputs for g in _GAMMA]}),
        "box_svm": (
            svm,
            [
                {"standardscaler": [scaler], "svc__C": _C_POOLED, "svc__gamma": [g / inputs for g in gammas]}
                for scaler, gammas in ((StandardScaler(), _GAMMA[1:3]), ("passthrough", _GAMMA[2:]))
            ],
        ),
        "forest": (
            RandomForestClassifier(_TREES_FOR_THE_CHOICE, random_state=seed),
            {"max_features": ["log2", "sqrt", 0.25]},
        ),
        "discriminant": (
            make_pipeline(StandardScaler(), LinearDiscriminantAnalysis(solver="lsqr")),
            {"lineardiscriminantanalysis__shrinkage": _SHRINKAGE},
        ),
    }
    return GridSearchCV(*searches[name])
