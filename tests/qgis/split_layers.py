# SPDX-License-Identifier: GPL-2.0-or-later
"""Sample layers to part, and runs of mtmsd:splitsamples on them."""

from __future__ import annotations

from collections import Counter

import numpy as np
import processing
from scenes import CRS, Log, box_of_pixels, point_in_pixel, vector_layer


def split(layer, log=None, field="cover", **more):
    """Run it; the two layers."""
    parameters = {"INPUT": layer, "CLASS_FIELD": field, "OUTPUT_TRAINING": "memory:", "OUTPUT_VALIDATION": "memory:"}
    result = processing.run("mtmsd:splitsamples", {**parameters, **more}, feedback=log or Log())
    assert set(result) == {"OUTPUT_TRAINING", "OUTPUT_VALIDATION"}
    return result["OUTPUT_TRAINING"], result["OUTPUT_VALIDATION"]


def counts(layer, field="cover"):
    return dict(Counter(feature[field] for feature in layer.getFeatures()))


def places(layer):
    return {feature.geometry().asWkt(3) for feature in layer.getFeatures()}


def nearest(training, validation):
    """Shortest distance between the two layers in map units, all pairs."""
    shapes = [feature.geometry() for feature in training.getFeatures()]
    return min(shape.distance(feature.geometry()) for feature in validation.getFeatures() for shape in shapes)


def points(per_class=20, field_type="string", values=("a", "b"), **more):
    """Points on a diagonal lattice, the classes mixed; each pixel once."""
    rng = np.random.default_rng(0)
    pixels = rng.permutation([(row, column) for row in range(0, 60, 3) for column in range(0, 60, 3)])
    shapes = [(point_in_pixel(*pixels[i]), values[i % len(values)]) for i in range(per_class * len(values))]
    return vector_layer(shapes, "Point", field_type=field_type, **more)


def polygons(per_class=10, classes=("a", "b", "c"), crs=CRS):
    """Squares of 4 x 4 pixels, 2 pixels apart; a class a row."""
    shapes = [
        (box_of_pixels(6 * row, 6 * column, 6 * row + 4, 6 * column + 4), value)
        for row, value in enumerate(classes)
        for column in range(per_class)
    ]
    return vector_layer(shapes, "Polygon", crs=crs)
