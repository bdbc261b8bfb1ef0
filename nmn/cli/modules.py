"""nmn modules: the library."""

from rich.text import Text

from nmn.cli.options import AsJson
from nmn.cli.show import console, print_json
from nmn.registry import default_registry
from nmn.signature import Signature


def modules(json: AsJson = False) -> None:
    """List the operations that programs may call, with their signatures."""
    registry = default_registry()
    if json:
        print_json({"modules": [_to_json(each) for each in registry]})
        return
    out = console()
    for each in registry:
        out.print(Text(str(each), style="cyan"))
        out.print(Text(f"    {each.summary}", style="dim"))


def _to_json(signature: Signature) -> dict[str, object]:
    return {
        "operation": signature.operation,
        "signature": str(signature),
        "inputs": [{"name": parameter.name, "kind": parameter.kind} for parameter in signature.inputs],
        "constants": [{"name": parameter.name, "kind": parameter.kind} for parameter in signature.constants],
        "attribute": signature.bracket,
        "output": signature.output,
        "module": f"{signature.module}.{signature.class_name}",
        "summary": signature.summary,
    }
