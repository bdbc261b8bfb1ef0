"""Selecting: the back end that a chosen policy runs by."""

from importlib import resources
from pathlib import Path
from typing import Any, cast

from nmn.errors import InputError
from nmn.perceiver import Staged
from nmn.policies.backend import StagedBackend
from nmn.policies.choice import WHOLE, Choice
from nmn.policies.settings import SETTINGS_FILE, PolicySettings
from nmn.soft import Policy, SoftBackend


class StagedBackends:
    """Back ends that look closer by policies, one a choice, over the same networks and modules.

    Args:
        perceiver: Looks, stage by stage.
        folder: Of its weights, with what was fitted for policies beside them; read when first needed.
        settings: What was fitted, if it is at hand already.
    """

    def __init__(self, perceiver: Staged, folder: Path, settings: PolicySettings | None = None) -> None:
        self.perceiver = perceiver
        self.folder = folder
        self._settings = settings
        self._backends: dict[Choice, StagedBackend] = {}

    @staticmethod
    def of_weights(perceiver: Any, folder: str | Path | None) -> "StagedBackends | None":
        """Those of a perceiver of pixels with weights from a folder, the shipped ones if None; None without a focus."""
        from nmn.perception.staged import StagedPerceiver

        if getattr(perceiver, "focus", None) is None:
            return None
        where = Path(str(resources.files("nmn"))) / "weights" / "clevr" if folder is None else Path(folder)
        return StagedBackends(StagedPerceiver(perceiver), where)

    @property
    def fitted(self) -> bool:
        """Whether what policies need is there."""
        return self._settings is not None or (self.folder / SETTINGS_FILE).is_file()

    @property
    def settings(self) -> PolicySettings:
        """What was fitted. Raises: WeightsError when it is missing or broken."""
        if self._settings is None:
            self._settings = PolicySettings.read(self.folder)
        return self._settings

    def of(self, choice: Choice, soft: SoftBackend) -> StagedBackend:
        """The back end of a choice, with the modules of another.

        Raises:
            InputError: when its budget cannot be kept.
            WeightsError: when what policies need is missing or broken.
        """
        found = self._backends.get(choice)
        if found is None:
            policy = self.settings.policy(choice)
            found = StagedBackend(soft.of(self.perceiver, "read"), self.settings.reporting, policy)
            self._backends[choice] = found
        return found


def backend_of(choice: Choice, backend: Any, staged: StagedBackends | None) -> Any:
    """The back end of a choice, with the modules of an engine's own.

    Raises:
        InputError: when there is no such policy for what the engine looks at.
        WeightsError: when what policies need is missing or broken.
    """
    if not isinstance(backend, SoftBackend):
        raise InputError(f"policy {choice.policy!r} is for images: described scenes leave nothing to look at")
    if choice.policy in WHOLE:
        return backend.of(backend.perceiver, cast(Policy, choice.policy))
    if staged is None:
        raise InputError(f"policy {choice.policy!r} needs weights with a focus; these see all at one glance")
    return staged.of(choice, backend)
