"""nmn modules: the library."""

from rich.table import Table

from nmn.cli.options import AsJson
from nmn.cli.show import console, print_json
from nmn.registry import default_registry


def modules(json: AsJson = False) -> None:
    """List the operations that programs may call, with their signatures."""
    registry = default_registry()
    if json:
        print_json(
            {
                "modules": [
                    {
                        "operation": each.operation,
                        "signature": str(each),
                        "inputs": [{"name": parameter.name, "kind": parameter.kind} for parameter in each.inputs],
                        "constants": [{"name": parameter.name, "kind": parameter.kind} for parameter in each.constants],
                        "attribute": each.bracket,
                        "output": each.output,
                        "module": f"{each.module}.{each.class_name}",
                        "summary": each.summary,
                    }
                    for each in registry
                ]
            }
        )
        return
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("signature", style="cyan")
    table.add_column("what it does")
    for each in registry:
        table.add_row(str(each).replace("[", r"\["), each.summary)
    console().print(table)
