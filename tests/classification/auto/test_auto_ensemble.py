# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from mtmsd_qgis.classification.auto.cross_validation import _LARGEST
from mtmsd_qgis.classification.auto.ensemble import fit_pool
from mtmsd_qgis.classification.auto.feature_importance import influences
from mtmsd_qgis.classification.auto.model_library import CANDIDATES, FOREST, PLAIN, candidates_for, views_of
from mtmsd_qgis.progress import silent

VIEWS = {"spectra": 6, "fractions": 6, "spectra smoothed": 6, "spectra smoothed thrice": 6, "boxes": 8, "position": 2}


def samples(count=240, groups=12, seed=0):
    """Two classes in groups. Spectra tell the classes apart anywhere; boxes name the group and nothing else."""
    rng = np.random.default_rng(seed)
    group = np.arange(count) % groups
    classes = group % 2
    spectra = rng.normal(size=(count, 6))
    spectra[:, 0] += 1.6 * classes
    boxes = rng.normal(0, 0.05, size=(count, 8)) + np.random.default_rng(99).normal(size=(groups, 8))[group]
    views = {
        "spectra": spectra,
        "fractions": spectra,
        "spectra smoothed": spectra,
        "spectra smoothed thrice": spectra,
        "boxes": boxes,
        "position": np.stack([group * 10.0, group * 3.0], axis=1),
    }
    tensors = {name: torch.from_numpy(view).float() for name, view in views.items()}
    return tensors, torch.from_numpy(classes), group


def pool_for(kind, seed=0, **changes):
    views, classes, group = samples(**changes)
    return fit_pool(views, classes, group, group, 2, kind, torch.eye(6), seed, silent)


def weight_of(pool, word):
    return sum(m.weight for m in pool.members if any(word in view for view in m.candidate.applied))


def test_the_split_decides_what_the_map_rests_on():
    known, new = pool_for("random"), pool_for("spatial")
    assert weight_of(known, "boxes") + weight_of(known, "position") > 0.7
    assert weight_of(new, "spectra") > 0.7
    assert known.folds == "samples"
    assert new.folds == "groups"


def test_position_is_tried_for_known_fields_only():
    assert "position" in views_of(candidates_for(list(VIEWS), "random"))
    assert "position" not in views_of(candidates_for(list(VIEWS), "spatial"))
    assert len(candidates_for(["spectra"], "spatial")) < len(CANDIDATES)


def test_new_places_are_judged_honestly():
    """The accuracy on held-out groups is near that on new groups; boxes would have promised 1."""
    pool = pool_for("spatial", count=600)
    views, classes, _ = samples(count=600, seed=5)
    views["boxes"] = torch.from_numpy(np.random.default_rng(7).normal(size=(600, 8))).float()
    found = pool.predict(views)
    right = (found.argmax(dim=1) == classes).double().mean().item()
    assert right == pytest.approx(pool.accuracy, abs=0.08)
    confidence = found.amax(dim=1).double().mean().item()
    assert confidence == pytest.approx(right, abs=0.08)
    assert torch.allclose(found.sum(dim=1), torch.ones(600), atol=1e-5)


def test_no_class_is_impossible_at_places_never_seen_and_the_winner_stays():
    pool = pool_for("spatial", count=600)
    views = {name: 3 * view for name, view in samples(count=600)[0].items()}  # far from all samples
    found, sure = pool.predict(views), replace(pool, doubt=0.0).predict(views)
    assert float(found.min()) >= 0.05 / 2 - 1e-6
    assert float(sure.min()) < 0.01
    assert torch.equal(found.argmax(dim=1), sure.argmax(dim=1))
    assert pool_for("random").doubt == 0


def test_too_few_samples_do_not_weigh_models():
    few, many = pool_for("random", count=120), pool_for("random", count=240)
    assert len(few.members) == (len(few.trials) + 1) // 2
    assert {m.weight for m in few.members} == {1 / len(few.members)}
    assert len(many.members) < len(few.members)


def test_few_samples_are_learnt_with_the_pixels_around_them():
    views, classes, group = samples(count=120)
    around = {"boxes": samples(count=600, seed=8)[0]["boxes"], "spectra smoothed thrice": views["spectra"]}
    arguments = (views, classes, group, group, 2, "random", torch.eye(6), 0, silent)
    alone, beside = fit_pool(*arguments), fit_pool(*arguments, around)
    names = [{str(t["name"]) for t in pool.trials} for pool in (alone, beside)]
    bent = {"scene kernel on boxes", "scene kernel on spectra smoothed thrice"}
    assert names[1] - names[0] == bent
    assert names[0] - names[1] == {name.removeprefix("scene ") for name in bent}
    found = beside.predict(views)
    assert (found.argmax(dim=1) == classes).double().mean() > 0.9
    heads = [m.head for m in beside.members if m.candidate.name == "scene kernel on boxes"]
    assert [len(head.points) for head in heads] == [720]


def test_shares_of_the_samples_count_by_the_number_of_their_places():
    views, classes, groups = samples(count=480, groups=24)
    some = torch.from_numpy(np.flatnonzero((classes.numpy() == 0) | (np.arange(480) % 3 == 0)))  # three to one
    views = {name: view[some] for name, view in views.items()}
    pool = fit_pool(views, classes[some], groups[some], groups[some], 2, "spatial", torch.eye(6), 0, silent)
    pool = replace(pool, doubt=0.0)
    odds, plain = (p[:, 0] / p[:, 1] for p in (pool.predict(views), replace(pool, prior=0 * pool.prior).predict(views)))
    assert torch.allclose(odds / plain, torch.tensor(3.0) ** (8 / (8 + 20)), rtol=1e-2)  # 12 and 4 groups
    assert float(pool_for("random").prior.abs().max()) == 0


@pytest.mark.parametrize("pure", [True, False])
def test_every_model_counts_at_places_never_seen_where_neighbours_are_of_one_class(pure, caplog):
    views, classes, groups = samples(count=480, groups=24)
    rng = np.random.default_rng(3)
    clean = torch.from_numpy(np.c_[1.6 * classes, rng.normal(0, 0.3, size=(480, 5))]).float()
    smoothed = clean if pure else 0.5 * (clean + clean.flip(0))  # half of it a pixel of the other class
    views |= {"spectra smoothed": smoothed, "spectra smoothed thrice": smoothed}
    with caplog.at_level("INFO"):
        pool = fit_pool(views, classes, groups, groups, 2, "spatial", torch.eye(6), 0, silent)
    assert f"of {'one class' if pure else 'several classes'}:" in caplog.text
    weights = {str(t["name"]): float(t["weight"]) for t in pool.trials}
    assert (PLAIN[0].name in weights) != pure
    assert sum(weights.values()) == pytest.approx(1, abs=1e-3)
    if pure:
        assert {m.candidate for m in pool.members} == {*candidates_for(list(views), "spatial"), FOREST}
        for kind in ("discriminant", "kernel"):
            assert len({weight for name, weight in weights.items() if name.startswith(kind)}) == 1
    else:
        shares = {
            kind: {weights[c.name] for c in PLAIN if c.kind == kind} for kind in ("discriminant", "kernel", "forest")
        }
        assert all(len(share) == 1 for share in shares.values())
        assert all(min(share) >= 0.1 for share in shares.values())


def forest_weight(pool):
    return {t["name"]: t["weight"] for t in pool.trials}.get("forest on spectra")


def test_a_forest_has_a_third_of_the_say_at_places_never_seen_where_it_does_no_harm():
    views, _, groups = samples(count=480, groups=24)
    spectra = torch.from_numpy(np.random.default_rng(5).normal(size=(480, 6)).astype(np.float32))
    classes = (spectra[:, :2].abs().amax(1) > 0.8).long()  # a square around the middle
    views |= dict.fromkeys(("spectra", "spectra smoothed", "spectra smoothed thrice"), spectra)
    pool = fit_pool(views, classes, groups, groups, 2, "spatial", torch.eye(6), 0, silent)
    assert 0.2 < forest_weight(pool) < 0.5
    assert sum(float(t["weight"]) for t in pool.trials) == pytest.approx(1, abs=1e-3)


def test_a_forest_has_no_say_where_it_seems_to_harm_or_at_known_fields():
    """Bands that brightness moves together: the classes differ in colour, which takes several bands to see."""
    views, classes, groups = samples(count=480, groups=24)
    bright = torch.from_numpy(np.random.default_rng(5).normal(0, 4, size=(480, 1)))
    views |= {name: (view + bright).float() for name, view in views.items() if name.startswith("spectra")}
    pool = fit_pool(views, classes, groups, groups, 2, "spatial", torch.eye(6), 0, silent)
    assert forest_weight(pool) == 0.0
    assert forest_weight(pool_for("random")) is None


def test_a_chosen_pool_joins_the_plain_models_where_it_is_surely_better():
    """Classes that only the boxes tell apart, in many groups; smoothing mixes them."""
    views, classes, groups = samples(count=480, groups=48)
    rng = np.random.default_rng(3)
    views["spectra"] = torch.from_numpy(rng.normal(size=(480, 6)) + 0.8 * classes.numpy()[:, None]).float()
    views |= dict.fromkeys(("spectra smoothed", "spectra smoothed thrice"), views["spectra"][rng.permutation(480)])
    alone = fit_pool(views, classes, groups, groups, 2, "spatial", torch.eye(6), 0, silent)
    views["boxes"] = torch.from_numpy(rng.normal(size=(480, 8)) + 2 * classes.numpy()[:, None]).float()
    joined = fit_pool(views, classes, groups, groups, 2, "spatial", torch.eye(6), 0, silent)
    assert {m.candidate for m in alone.members} == set(PLAIN)
    assert weight_of(joined, "boxes") > 0.3
    assert {m.candidate for m in joined.members} > set(PLAIN)


def test_what_is_known_of_neighbours_is_not_asked_again(caplog):
    caplog.set_level("INFO")
    views, classes, group = samples()
    found = fit_pool(views, classes, group, group, 2, "spatial", torch.eye(6), 0, silent, several=True)
    assert found.several
    assert {m.candidate for m in found.members} >= set(PLAIN)
    assert "are of several classes" in caplog.text
    assert not pool_for("spatial").several
    assert "are of one class" in caplog.text


def test_the_same_seed_gives_the_same_pool():
    views, _, _ = samples(seed=3)
    assert torch.equal(pool_for("spatial").predict(views), pool_for("spatial").predict(views))


@pytest.mark.parametrize("kind", ["random", "spatial"])
def test_two_samples_a_class_and_one_group_a_class_are_enough(kind):
    views, classes, _ = samples(count=4, groups=2)
    pool = fit_pool(views, classes, np.array([0, 1, 0, 1]), np.zeros(4, dtype=int), 2, kind, torch.eye(6), 0, silent)
    assert pool.folds == "samples"
    assert torch.isfinite(pool.predict(views)).all()


def test_where_no_class_has_two_groups_blocks_are_held_out():
    views, classes, _ = samples()
    groups = classes.numpy()
    blocks = np.arange(len(groups)) // 2 % 8
    pool = fit_pool(views, classes, groups, blocks, 2, "spatial", torch.eye(6), 0, silent)
    assert pool.folds == "blocks"


def test_many_samples_are_thinned_out_and_kernels_stay_small(monkeypatch):
    monkeypatch.setattr("mtmsd_qgis.classification.auto.ensemble._LARGEST_TRIAL", 100)
    monkeypatch.setitem(_LARGEST, "kernel", 120)
    pool = pool_for("random", count=480)
    kernels = [m for m in pool.members if m.candidate.head == "kernel"]
    assert all(len(m.head.points) <= 120 for m in kernels)


def test_influences_sum_to_one_and_find_what_matters():
    views, _, _ = samples()
    pool = pool_for("spatial")
    labels = {name: [name.split()[0]] * size for name, size in VIEWS.items()}
    found = influences(pool, views, labels, 0)
    assert sum(found.values()) == pytest.approx(1)
    assert found["spectra"] > 0.7
