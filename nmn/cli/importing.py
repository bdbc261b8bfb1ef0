"""``nmn import``: labels of one's own images, as scenes and a domain."""

from importlib import resources
from pathlib import Path
from typing import Annotated

import typer

from nmn.cli.options import examples
from nmn.errors import InputError

app = typer.Typer(name="import", help="Turn labels of your own images into scenes and a domain.", no_args_is_help=True)


@app.callback()
def importing() -> None:
    """Turn labels of your own images into scenes and a domain."""


@app.command(
    epilog=examples(
        "nmn import coco annotations.json --out labels --name desk",
        "nmn train perception --domain labels/domain.toml --images photos \\",
        "    --scenes labels/scenes.json --out run --start shipped --tune 20",
    )
)
def coco(
    file: Annotated[Path, typer.Argument(help="Annotation file in COCO's format.")],
    out: Annotated[Path, typer.Option(help="Folder for scenes.json and domain.toml.")],
    name: Annotated[str, typer.Option(help="The domain's name.")] = "images",
    category: Annotated[str, typer.Option(help="What the attribute is called that is an object's category.")] = "kind",
    attribute: Annotated[
        list[str] | None,
        typer.Option(help="Field of an annotation's attributes to take; again for more; all by default."),
    ] = None,
    domain: Annotated[
        Path | None,
        typer.Option(help="Domain file to use, such as that of the images trained on; by default one is written."),
    ] = None,
) -> None:
    """Turn COCO boxes, with attribute fields if there are any, into scenes in CLEVR's format and a domain of their words."""
    from nmn.datasets.coco import attribute_tables, attribute_values, read_coco, scene_records
    from nmn.domain import Domain
    from nmn.files import write_bytes, write_json

    if out.exists() and not out.is_dir():
        raise InputError(f"--out {str(out)!r} is a file: name a folder")
    images = read_coco(file, category=category, attributes=attribute)
    values = attribute_values(images)
    if not values:
        raise InputError(f"COCO file {file} has no annotation")
    out.mkdir(parents=True, exist_ok=True)
    if domain is None:
        domain = out / "domain.toml"
        text = (resources.files("nmn.cli") / "templates" / "coco" / "domain.toml.template").read_text(encoding="utf-8")
        largest = max(10, *(len(image.objects) for image in images))
        tables = attribute_tables(values, category=category)
        filled = text.replace("{name}", name).replace("{largest}", str(largest)).replace("{attributes}", tables)
        write_bytes(domain, filled.encode())
    loaded = Domain.load(domain)
    for attribute_name, its in values.items():
        for value in its:
            loaded.attribute(attribute_name).index(value)
    write_json(out / "scenes.json", scene_records(images, loaded))
    objects = sum(len(image.objects) for image in images)
    typer.echo(f"{len(images):,} images with {objects:,} objects: {out / 'scenes.json'}; domain: {domain}")
