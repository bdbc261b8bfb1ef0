"""Weights of modules on disk: modules.json and modules.safetensors, beside a perceiver's.

Each module's weights stand under its operation's name, with the module's version and variant. An engine that has more or
fewer modules loads what fits, and says what does not.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from nmn.errors import WeightsError, require_keys
from nmn.executor import Modules
from nmn.files import read_json, write_json
from nmn.registry import Registry

FORMAT = 1
CONFIG_FILE, WEIGHTS_FILE = "modules.json", "modules.safetensors"
VARIANT, SETTINGS, VERSION = "variant", "settings", "version"


@dataclass(frozen=True)
class LoadedModules:
    """What became of the weights of modules.

    Attributes:
        loaded: Operations whose weights were loaded.
        missing: Operations of the engine that have weights, but none in the file.
        unused: Operations of the file that the engine does not have.
        misfits: Operation to why its weights in the file do not fit.
    """

    loaded: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()
    misfits: Mapping[str, str] = field(default_factory=dict)

    @property
    def complaints(self) -> tuple[str, ...]:
        """One line for each operation that was not loaded."""
        return (
            *(
                f"module {each!r} has weights, but there are none of it in the file: it is untrained"
                for each in self.missing
            ),
            *(f"the file has weights of {each!r}, which is no module of this engine" for each in self.unused),
            *(f"weights of module {each!r} were left out: {why}" for each, why in self.misfits.items()),
        )


def write_module_weights(folder: Path, modules: Modules) -> None:
    """Write the weights of all modules that have any, each file in one step; nothing where none has."""
    records: dict[str, Any] = {}
    tensors: dict[str, Tensor] = {}
    for operation, module in _with_weights(modules):
        signature = modules.registry.signature(operation)
        settings = dict(modules.registry.settings.get(operation, {}))
        records[operation] = {VERSION: version_of(module), VARIANT: signature.variant, SETTINGS: settings}
        state = module.state_dict()
        tensors |= {f"{operation}.{name}": value.detach().cpu().contiguous() for name, value in state.items()}
    if not records:
        return
    folder.mkdir(parents=True, exist_ok=True)
    temporary = folder / f".{WEIGHTS_FILE}.part"
    save_file(tensors, temporary, {"format": "pt"})
    temporary.chmod(0o644)  # safetensors makes files that only their owner can read
    temporary.replace(folder / WEIGHTS_FILE)
    write_json(folder / CONFIG_FILE, {"format": FORMAT, "modules": records}, indent=2)


def saved_choices(folder: Path, registry: Registry) -> dict[str, dict[str, Any]]:
    """The variants and settings that weights in a folder are of, for :meth:`nmn.registry.Registry.chosen`.

    Operations and variants that the registry does not have are left out: reading the weights says so.

    Raises: WeightsError when the file is broken.
    """
    found = {}
    for operation, record in _records(folder).items():
        variant = record[VARIANT]
        if operation in registry and (not variant or variant in registry.variants.get(operation, {})):
            found[operation] = {**record[SETTINGS], **({VARIANT: variant} if variant else {})}
    return found


def read_module_weights(folder: Path, modules: Modules) -> LoadedModules:
    """Load the weights in a folder into modules, as far as they fit. A folder without any is not at fault.

    Raises: WeightsError when a file is broken.
    """
    records = _records(folder)
    try:
        tensors = load_file(folder / WEIGHTS_FILE) if records else {}
    except (OSError, SafetensorError) as error:
        raise WeightsError(f"weights {folder / WEIGHTS_FILE} cannot be read: {error}") from None
    loaded, misfits = [], {}
    own = dict(_with_weights(modules))
    for operation, record in records.items():
        if operation not in modules.registry:
            continue
        module = modules[operation]
        start = f"{operation}."
        mine = {name.removeprefix(start): value for name, value in tensors.items() if name.startswith(start)}
        why = _misfit(module, modules.registry.signature(operation).variant, record, mine)
        if why is None:
            module.load_state_dict(mine)
            loaded.append(operation)
        else:
            misfits[operation] = why
    unused = tuple(each for each in records if each not in modules.registry)
    missing = tuple(each for each in own if each not in records)
    return LoadedModules(tuple(loaded), missing, unused, misfits)


def version_of(module: nn.Module) -> int:
    """The version that a module's class declares: raised when old weights mean something else; 1 if it declares none."""
    return int(getattr(module, VERSION, 1))


def _misfit(module: nn.Module, variant: str, record: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> str | None:
    """Why weights do not fit; None if they do."""
    if record[VERSION] != version_of(module):
        return f"they are of version {record[VERSION]}, the module is of version {version_of(module)}"
    if record[VARIANT] != variant:
        return f"they are of variant {record[VARIANT] or 'default'!r}, the module is {variant or 'default'!r}"
    state = module.state_dict()
    if set(state) != set(tensors):
        return (
            f"they hold {', '.join(sorted(tensors)) or 'nothing'}, the module {', '.join(sorted(state)) or 'nothing'}"
        )
    for name, value in state.items():
        if value.shape != tensors[name].shape:
            return f"{name} has shape {list(tensors[name].shape)}, the module's {list(value.shape)}"
        if not bool(torch.isfinite(tensors[name]).all()):
            return f"{name} has numbers that are not finite"
    return None


def _with_weights(modules: Modules) -> list[tuple[str, nn.Module]]:
    named = ((each.operation, modules[each.operation]) for each in modules.registry)
    return [(operation, module) for operation, module in named if module.state_dict()]


def _records(folder: Path) -> dict[str, dict[str, Any]]:
    path = folder / CONFIG_FILE
    if not path.is_file():
        return {}
    record = read_json(path, WeightsError)
    require_keys(record, ("format", "modules"), what=str(path), error=WeightsError)
    if record["format"] != FORMAT or not isinstance(record["modules"], dict):
        raise WeightsError(f"{path} is not of module weights format {FORMAT}")
    for operation, each in record["modules"].items():
        require_keys(each, (VERSION, VARIANT, SETTINGS), what=f"{path}: {operation}", error=WeightsError)
        if not isinstance(each[SETTINGS], dict):
            raise WeightsError(f"{path}: {operation}: settings must be an object")
    return dict(record["modules"])
