"""What the ``nmn train`` commands show while they run: a progress bar, and curves for TensorBoard."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

WRITTEN_EVERY = 10  # steps


class Watch:
    """A run on show.

    Args:
        bar: The progress bar.
        task: Its one task.
        writer: Of curves; None for none.
    """

    def __init__(self, bar: Any, task: Any, writer: Any) -> None:
        self._bar, self._task, self._writer = bar, task, writer

    def show(self, step: int, text: str, curves: Mapping[str, float], *, line: str | None = None) -> None:
        """Move the bar to a step, with a text before it; note its curves; print a line above, if there is one."""
        self._bar.update(self._task, completed=step, description=text)
        if self._writer is not None and step % WRITTEN_EVERY == 0:
            for name, value in curves.items():
                self._writer.add_scalar(name, value, step)
        if line is not None:
            self._bar.console.print(f"step {step}: {line}")


@contextmanager
def watch(out: Path, *, steps: int, done: int, quiet: bool, curves: bool = True) -> Iterator[Watch]:
    """Show a run of so many steps, of which some are done; its curves, if they are wanted, go to OUT/tensorboard."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    console = Console(stderr=True, quiet=quiet)
    out.mkdir(parents=True, exist_ok=True)
    writer = _writer(out, console) if curves else None
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console) as bar:
        yield Watch(bar, bar.add_task("loss -", total=steps, completed=done), writer)
    if writer is not None:
        writer.close()


def _writer(out: Path, console: Any) -> Any:
    """Writes curves into OUT/tensorboard; None, with a word on the console, where TensorBoard is not installed."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        console.print("TensorBoard is not installed, so no curves are kept: pip install 'nmn-engine\\[train]'")
        return None
    return SummaryWriter(str(out / "tensorboard"))
