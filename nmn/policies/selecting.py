"""Selecting: the back end that a chosen policy runs by."""

from functools import cached_property
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
        whole: A perceiver of two stages (:class:`nmn.perception.detector.PixelPerceiver`).
        folder: Of its weights, with what was fitted for policies beside them; read when first needed.
    """

    def __init__(self, whole: Any, folder: Path) -> None:
        self.whole = whole
        self.folder = folder
        self._backends: dict[Choice, StagedBackend] = {}

    @staticmethod
    def of_weights(perceiver: Any, folder: str | Path | None) -> "StagedBackends | None":
        """Those of a perceiver of pixels with weights from a folder, the shipped ones if None; None without a focus."""
        if getattr(perceiver, "focus", None) is None:
            return None
        where = Path(str(resources.files("nmn"))) / "weights" / "clevr" if folder is None else Path(folder)
        return StagedBackends(perceiver, where)

    @property
    def fitted(self) -> bool:
        """Whether what policies need is there."""
        return (self.folder / SETTINGS_FILE).is_file()

    @cached_property
    def settings(self) -> PolicySettings:
        """What was fitted. Raises: WeightsError when it is missing or broken."""
        return PolicySettings.read(self.folder)

    @cached_property
    def perceiver(self) -> Staged:
        """The perceiver stage by stage. Raises: WeightsError when what policies need is missing or broken."""
        from nmn.perception.staged import StagedPerceiver

        return StagedPerceiver(self.whole, cast(Any, self.settings.precision))

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
