# SPDX-License-Identifier: GPL-2.0-or-later
"""The table of builds, against cards old, new and mixed; and what pip is asked for."""

from __future__ import annotations

from pathlib import Path

import pytest

ADA = "NVIDIA RTX 4070, 580.65.06, 8.9, 12282"
BLACKWELL = "NVIDIA GeForce RTX 5090, 581.15, 12.0, 32607"
PASCAL = "NVIDIA GeForce GTX 1080, 550.54.14, 6.1, 8192"
KEPLER = "Tesla K80, 470.82, 3.7, 11441"


@pytest.fixture
def builds():
    from mtmsd.algorithms.bridge.environment import torch_builds

    return torch_builds


@pytest.mark.parametrize(
    ("lines", "tag"),
    [
        (ADA, "cu130"),
        (BLACKWELL, "cu130"),
        (PASCAL, "cu126"),
        (ADA.replace("580.65.06", "550.54"), "cu126"),  # its driver knows no CUDA 13
        (f"{PASCAL}\n{ADA}".replace("550.54.14", "580.65.06"), "cu126"),  # the build that both can use
    ],
)
def test_the_build_that_fits(builds, lines, tag):
    for wanted in ("auto", "cuda"):
        choice = builds.choose_build(wanted, builds.cards_in(lines), platform="linux")
        assert choice.build.tag == tag
        assert choice.unused == ()


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (KEPLER, "no code for a card of that compute capability"),
        (BLACKWELL.replace("581.15", "570.10"), "Update it to 580 or newer"),
        (ADA.replace("580.65.06", "470.10"), "Update it to 525 or newer"),
    ],
)
def test_a_card_that_cannot_be_used_is_not_passed_over(builds, line, words):
    for wanted in ("auto", "cuda"):
        with pytest.raises(builds.DeviceError) as caught:
            builds.choose_build(wanted, builds.cards_in(line), platform="linux")
        assert words in str(caught.value)
        assert "BUILD cpu" in str(caught.value)
    assert builds.choose_build("cpu", builds.cards_in(line)).build is builds.CPU


def test_a_card_that_is_left_out_is_named(builds):
    cards = builds.cards_in(f"{KEPLER}\n{ADA}")
    choice = builds.choose_build("auto", cards, platform="linux")
    assert [card.name for card in choice.unused] == ["Tesla K80"]


def test_no_card_means_cpu_only_where_nobody_asked_for_cuda(builds):
    assert builds.choose_build("auto", [], platform="linux").build is builds.CPU
    assert builds.choose_build("auto", [], platform="darwin").build is builds.CPU
    with pytest.raises(builds.DeviceError, match="The CUDA build was asked for"):
        builds.choose_build("cuda", [], platform="linux")
    with pytest.raises(builds.DeviceError, match="Repair the driver"):
        builds.choose_build("auto", [], "nvidia-smi is there but fails: mismatch.", platform="linux")


def test_windows_has_its_own_oldest_driver(builds):
    card = builds.cards_in(PASCAL.replace("550.54.14", "527.41"))[0]
    assert builds.CUDA_BUILDS[1].fits(card, "linux")
    assert not builds.CUDA_BUILDS[1].fits(card, "win32")


def test_cards_are_read_from_what_nvidia_smi_prints(builds):
    (card,) = builds.cards_in("NVIDIA A, B and C, 580.65.06, 9.0, 81559\nNo devices were found\n")
    assert card == builds.Card("NVIDIA A, B and C", (580, 65, 6), (9, 0), 81559 * 2**20)
    assert card.label == "NVIDIA A, B and C (79.6 GiB, compute capability 9.0, driver 580.65.6)"
    assert builds.cards_in("GPU, 470.1, [N/A], 4096") == []


@pytest.mark.parametrize(("status", "found"), [(6, ""), (9, "nvidia-smi is there but fails: NVIDIA-SMI has failed.")])
def test_an_nvidia_smi_that_fails_is_told_from_one_that_finds_nothing(builds, monkeypatch, tmp_path, status, found):
    program = tmp_path / "nvidia-smi"
    program.write_text(f"#!/bin/sh\necho NVIDIA-SMI has failed\nexit {status}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert builds.graphics_cards() == ([], found)


def test_pip_is_asked_for_one_build_first_where_it_is_configured_then_on_its_own_index(builds):
    from mtmsd.algorithms.bridge.environment.pip_requirements import PackageSource, attempts

    configured, own = attempts(builds.CUDA_BUILDS[0], PackageSource(), "linux")
    version = builds.torch_version()
    assert configured.lines.startswith(f"torch=={version}+cu130\n")
    assert "--extra-index-url" not in configured.lines
    assert own.lines.startswith("--extra-index-url https://download.pytorch.org/whl/cu130\n")
    for attempt in (configured, own):
        assert not {"--no-index", "--isolated"} & set(attempt.options)  # the user's own configuration holds


def test_the_cpu_build_is_a_plain_version_where_pypi_has_it(builds):
    from mtmsd.algorithms.bridge.environment.pip_requirements import PackageSource, attempts, download_line

    for platform in ("win32", "darwin"):
        (only,) = attempts(builds.CPU, PackageSource(), platform)
        assert only.lines.startswith(f"torch=={builds.torch_version()}\n")
        assert "extra-index" not in download_line(builds.CPU, platform)
    assert f'"torch=={builds.torch_version()}+cpu"' in download_line(builds.CPU, "linux")


def test_without_a_network_nothing_but_the_wheels_counts(builds):
    from mtmsd.algorithms.bridge.environment.pip_requirements import PackageSource, attempts

    (only,) = attempts(builds.CPU, PackageSource(Path("/wheels with blank")), "linux")
    assert only.options == ("--isolated", "--no-index", "--find-links=/wheels with blank")
    assert "PIP_CONFIG_FILE" in only.environment


def test_an_index_of_the_users_own_may_have_any_cuda_build_and_shows_no_credentials(builds):
    from mtmsd.algorithms.bridge.environment.pip_requirements import PackageSource, attempts

    source = PackageSource(index="https://anna:geheim@mirror.example/cu132")
    (only,) = attempts(builds.CUDA_BUILDS[0], source, "linux")
    version = builds.torch_version()
    assert f"torch=={version},!={version}+cpu" in only.lines
    assert "geheim" in only.lines
    assert "geheim" not in only.title + repr(source) + " ".join(only.options)


@pytest.mark.parametrize(
    ("output", "words"),
    [
        ("OSError: [Errno 28] No space left on device", "disk is full"),
        ("ProxyError('Tunnel connection failed: 407 Proxy Authentication Required')", "credentials (407)"),
        ("SSLError(SSLCertVerificationError(1, '[SSL: CERTIFICATE_VERIFY_FAILED]", "not trusted"),
        ("NewConnectionError: Failed to establish a new connection: [Errno -3]", "cannot reach the network"),
        ("ERROR: No matching distribution found for torch==2.13.0+cu130", "torch==2.13.0+cu130 (cu130 build) was not"),
        ("OSError: [WinError 4551] An Application Control policy has blocked this file", "security policy"),
        ("OSError: [WinError 1114] A DLL initialization routine failed", "Visual C++"),
        ("The virtual environment was not created because ensurepip is not available.", "python3-venv"),
        ("FileNotFoundError: [WinError 206] The filename or extension is too long", "too long for Windows"),
        ("ERROR: something new happened.", "It did not work: something new happened."),
        ("", "no message"),
    ],
)
def test_failures_are_translated(builds, output, words):
    from mtmsd.algorithms.bridge.environment.pip_failures import cause_of_failure

    assert words in cause_of_failure(output, "cu130")


def test_credentials_are_cut_out_of_addresses(builds):
    from mtmsd.algorithms.bridge.environment.pip_failures import without_credentials

    assert without_credentials("at https://a:b@c.example/d and http://e.example/f@g") == (
        "at https://c.example/d and http://e.example/f@g"
    )
