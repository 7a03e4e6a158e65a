# SPDX-License-Identifier: GPL-2.0-or-later
"""QGIS's proxy settings, in the form that pip reads: environment variables. Credentials go there and nowhere else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote

from qgis.core import QgsApplication, QgsAuthMethodConfig, QgsSettings

_HTTP = ("HttpProxy", "HttpCachingProxy")
_SYSTEM = ("DefaultProxy", "")


@dataclass(frozen=True)
class Proxy:
    """What QGIS says about the way to the network.

    Attributes:
        environment: For the child process; empty where the system's own settings hold. May hold credentials, which is
            why it has no part in repr.
        note: For the log, without credentials.
        warning: Where QGIS's setting cannot be followed.
    """

    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    note: str = ""
    warning: str = ""


def qgis_proxy() -> Proxy:
    """Read Settings > Options > Network. Call it on the main thread: it may ask for the master password."""
    settings = QgsSettings()
    if not settings.value("proxy/proxyEnabled", False, type=bool):
        return Proxy()
    kind = settings.value("proxy/proxyType", "", type=str)
    host = settings.value("proxy/proxyHost", "", type=str).strip()
    if kind in _SYSTEM or not host:
        return Proxy(note="Proxy: the system's, as QGIS says.")
    if kind not in _HTTP:
        return Proxy(warning=f"pip cannot use QGIS's proxy of the type {kind}; trying without it.")
    port = settings.value("proxy/proxyPort", "", type=str).strip()
    place = f"{host}:{port}" if port else host
    address = f"http://{_credentials(settings)}{place}"
    excluded = ",".join(_hosts(settings))
    environment = {name: address for key in ("http_proxy", "https_proxy") for name in (key, key.upper())}
    if excluded:
        environment.update(no_proxy=excluded, NO_PROXY=excluded)
    return Proxy(environment, f"Proxy: {place}, from QGIS's network settings.")


def _credentials(settings: QgsSettings) -> str:
    user = settings.value("proxy/proxyUser", "", type=str)
    secret = settings.value("proxy/proxyPassword", "", type=str)
    stored = settings.value("proxy/authcfg", "", type=str)
    if stored:
        config = QgsAuthMethodConfig()
        answer = QgsApplication.authManager().loadAuthenticationConfig(stored, config, True)
        if answer[0] if isinstance(answer, tuple) else answer:
            config = answer[1] if isinstance(answer, tuple) else config
            user, secret = config.config("username"), config.config("password")
    if not user:
        return ""
    return f"{quote(user, safe='')}:{quote(secret, safe='')}@"


def _hosts(settings: QgsSettings) -> list[str]:
    """QGIS keeps the beginnings of addresses, pip wants names of hosts."""
    found = []
    for key in ("proxy/noProxyUrls", "proxy/proxyExcludedUrls"):
        value = settings.value(key) or []
        for address in value.split("|") if isinstance(value, str) else value:
            host = str(address).split("://")[-1].split("/")[0].strip()
            if host:
                found.append(host)
    return found
