"""check_module: the laws of modules."""

import inspect
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from nmn.cost import Sizes
from nmn.domain import Domain
from nmn.executor import declared_cost
from nmn.logic import LIMIT
from nmn.signature import read_signatures
from nmn.testing.exactness import follows_its_rule
from nmn.testing.facts import Facts
from nmn.testing.law import Breach, Law, insist
from nmn.testing.probe import BY_OBJECT, ModuleProbe, view
from nmn.testing.values import differing, out_of_range, wrong_shape

GUIDE = "docs/guides/modules.md"
NARROW, WIDE = 3, 5  # objects
NOBODY = -LIMIT + 1.0  # log-odds of no member; the union of two such is a little more than either
CLOSE = 1e-4  # what may differ between two ways to the same number


def check_module(
    declared: type[nn.Module],
    *,
    domain: Domain | str = "clevr",
    make: Callable[[], nn.Module] | None = None,
    laws: Iterable[str] | None = None,
    examples: int = 4,
    seed: int = 0,
) -> tuple[str, ...]:
    """Hold a module class to the laws of modules, on random scenes.

    Args:
        declared: A class declared with ``@module``; it need not be in any registry.
        domain: What the scenes speak of, or its name.
        make: Makes an instance; calls the class without arguments if None.
        laws: Names of the laws to hold it to; all of :data:`MODULE_LAWS` if None.
        examples: How many random inputs each law is tried on.
        seed: Of the first of them; the same seed, the same inputs.

    Returns: the names of the laws that it keeps.

    Raises:
        LawBroken: at the first law that it breaks; says which, for what input, and what would be right.
        InputError: when there is no law of a name, or no domain.
    """
    spoken = Domain.load(domain) if isinstance(domain, str) else domain
    probe = ModuleProbe(declared, declared if make is None else make, spoken, examples, seed)
    return insist(MODULE_LAWS, probe, f"module {declared.__name__}", laws)


def _signature(probe: ModuleProbe) -> None:
    signature = probe.signature
    if not signature.summary:
        raise Breach(f"class {probe.declared.__name__}", "no docstring", "a first line that says what it gives")
    try:
        source = inspect.getsourcefile(probe.declared)
    except (OSError, TypeError):  # of a session that has no file
        return
    if source is None or not Path(source).is_file() or probe.declared.__qualname__ != probe.declared.__name__:
        return  # of a notebook or a function: nobody will read it from a file
    try:
        declared = read_signatures(Path(source), probe.declared.__module__)
    except SyntaxError as error:
        raise Breach(source, str(error), "a file that Python can read") from None
    own = (signature.operation, signature.variant)
    found = next((each for each in declared if (each.operation, each.variant) == own), None)
    if found != signature:
        raise Breach(
            f"{Path(source).name}, read without importing it",
            "nothing declared at the top level" if found is None else str(found),
            str(signature),
        )


def _shapes(probe: ModuleProbe) -> None:
    for seed in probe.seeds:
        for objects in (1, WIDE):
            for batch in (1, 3):
                outputs = probe.run(probe.scene(seed, objects, batch), probe.inputs(seed, objects, batch))
                given = f"a batch of {batch} on an image of {objects} objects"
                if len(outputs) != 1 + probe.signature.presupposes:
                    wanted = "a pair (result, presupposition)" if probe.signature.presupposes else "one tensor"
                    raise Breach(given, f"{len(outputs)} tensors", wanted)
                problem = wrong_shape(outputs, probe.signature, probe.domain, batch, objects)
                if problem is not None:
                    raise Breach(given, *problem)


def _range(probe: ModuleProbe) -> None:
    for seed in probe.seeds:
        scene, values = probe.scene(seed, WIDE), probe.inputs(seed, WIDE)
        problem = out_of_range(probe.run(scene, values), probe.signature, probe.domain, values)
        if problem is not None:
            raise Breach(f"{WIDE} objects, seed {seed}", *problem)


def _batch(probe: ModuleProbe) -> None:
    for seed in probe.seeds:
        store = probe.store(probe.facts(seed, WIDE), probe.facts(seed + 1, WIDE))
        images, values = [0, 1, 0], probe.inputs(seed, WIDE, 3)
        together = probe.run(view(store, images), values)
        for row, image in enumerate(images):
            alone = probe.run(view(store, [image]), [value[row : row + 1] for value in values])
            _same([each[row : row + 1] for each in together], alone, f"row {row} of a batch of 3, seed {seed}")


def _permutation(probe: ModuleProbe) -> None:
    for seed in probe.seeds:
        facts, values = probe.facts(seed, WIDE), probe.inputs(seed, WIDE)
        order = torch.randperm(WIDE, generator=torch.Generator().manual_seed(seed))
        first = list(probe.run(view(probe.store(facts), [0, 0]), values))
        moved = view(probe.store(facts.reordered(order)), [0, 0])
        if probe.signature.output in BY_OBJECT:
            first[0] = first[0][:, order]
        second = probe.run(moved, probe.reordered(values, order))
        _same(second, first, f"the objects in the order {order.tolist()}, seed {seed}")


def _padding(probe: ModuleProbe) -> None:
    kind = probe.signature.output
    for seed in probe.seeds:
        narrow, wide = probe.facts(seed, NARROW), probe.facts(seed + 1, WIDE)
        values = probe.inputs(seed, NARROW)
        alone = probe.run(view(probe.store(narrow), [0, 0]), values)
        store = probe.store(narrow, wide)
        beside = list(probe.run(view(store, [0, 0]), probe.padded(values, WIDE - NARROW)))
        given = f"an image of {NARROW} objects beside one of {WIDE}, seed {seed}"
        if kind in (*BY_OBJECT, "Count"):
            real = NARROW + (kind == "Count")
            rest, beside[0] = beside[0][:, real:], beside[0][:, :real]
            highest = float(rest.max())
            if highest > (CLOSE if kind == "Count" else NOBODY):
                least = "probability 0" if kind == "Count" else f"at most {NOBODY:g}, which is no"
                raise Breach(given, f"{highest:.4g} where there is no object", least)
        _same(beside, alone, given)


def _empty(probe: ModuleProbe) -> None:
    # Two objects beside it: an empty image is then two columns of padding.
    store = probe.store(probe.facts(0, 0), probe.facts(1, 2))
    for width, scene in ((1, probe.scene(0, 0)), (2, view(store, [0, 0]))):
        values = probe.padded(probe.inputs(0, 0), width)
        for output in probe.run(scene, values):
            if not bool(torch.isfinite(output).all()):
                raise Breach("an image without objects", f"{output.tolist()}", "finite numbers")


def _gradients(probe: ModuleProbe) -> None:
    values = probe.inputs(3, 4, dtype=torch.float64)
    places = [place for place, value in enumerate(values) if value.is_floating_point()]
    module = probe.make().double()
    weights = list(module.parameters())
    facts = probe.facts(5, 4, torch.float64)

    def call(*given: Tensor) -> tuple[Tensor, ...]:
        filled = list(values)
        for place, value in zip(places, given, strict=False):
            filled[place] = value
        return probe.run(view(probe.store(facts), [0, 0]), filled, module, gradients=True)

    given = [values[place].clone().requires_grad_() for place in places]
    if not given and not weights:
        return  # nothing goes in that could have a gradient
    _differentiable(call, (*given, *weights), "4 objects in float64")


def _perception(probe: ModuleProbe) -> None:
    if not probe.signature.reads_scene:
        return
    values = probe.inputs(3, 4, dtype=torch.float64)
    facts = probe.facts(5, 4, torch.float64)
    seen = [facts.presence, *facts.attributes.values(), *facts.relations.values()]
    module = probe.make().double()

    def call(*given: Tensor) -> tuple[Tensor, ...]:
        rest = iter(given[1:])
        attributes, relations = ({name: next(rest) for name in each} for each in (facts.attributes, facts.relations))
        scene = view(probe.store(Facts(given[0], attributes, relations)), [0, 0])
        return tuple(output + 0.0 * given[0].sum() for output in probe.run(scene, values, module, gradients=True))

    _differentiable(
        call, [each.clone().requires_grad_() for each in seen], "what is seen of 4 objects, in float64", fast=True
    )


def _differentiable(
    call: Callable[..., tuple[Tensor, ...]], given: Sequence[Tensor], words: str, *, fast: bool = False
) -> None:
    """Raises: Breach where gradients are not those of differences."""
    try:
        torch.autograd.gradcheck(call, tuple(given), fast_mode=fast)
    except RuntimeError as error:
        message = " ".join(str(error).split())[:300]
        raise Breach(words, message, "the gradient that differences give") from None


def _types(probe: ModuleProbe) -> None:
    for dtype in (torch.float32, torch.float64):
        module = probe.make().to(dtype)
        for output in probe.run(probe.scene(1, WIDE, dtype=dtype), probe.inputs(1, WIDE, dtype=dtype), module):
            if output.dtype != dtype:
                raise Breach(f"inputs of {dtype}", f"an output of {output.dtype}", f"{dtype}")


def _devices(probe: ModuleProbe) -> None:
    scene = view(probe.store(probe.facts(1, WIDE), complete=True), [0, 0])
    values, module = probe.inputs(1, WIDE), probe.module
    given = "inputs on a device that is not the default one"
    wanted = "outputs on the inputs' device"
    try:
        with torch.device("meta"):  # a tensor made without saying where is now made elsewhere
            outputs = probe.run(scene, values, module)
    except (RuntimeError, NotImplementedError) as error:
        raise Breach(given, str(error).splitlines()[0], wanted) from None
    for output in outputs:
        if output.device.type != "cpu":
            raise Breach(given, f"an output on {output.device}", wanted)


def _asks(probe: ModuleProbe) -> None:
    for seed in probe.seeds:
        facts, values = probe.facts(seed, WIDE), probe.inputs(seed, WIDE)
        asked = probe.run(view(probe.store(facts), [0, 0]), values)
        given = probe.run(view(probe.store(facts, complete=True), [0, 0]), values)
        _same(asked, given, f"no facet known before, seed {seed}")


def _cost(probe: ModuleProbe) -> None:
    counter = FlopCounterMode(display=False)
    scene = view(probe.store(probe.facts(1, 6), complete=True), [0, 0])
    with counter:
        probe.run(scene, probe.inputs(1, 6))
    concepts = len(probe.domain.concepts)
    declared, doubled = (declared_cost(probe.module, Sizes(objects, concepts)) for objects in (6, 12))
    counted = counter.get_total_flops() // 2
    if counted > declared:
        raise Breach(
            "6 objects", f"{counted:,} FLOPs a row in products alone, {declared:,} declared", "no more counted"
        )
    if doubled < declared:
        raise Breach("6 objects and 12", f"{declared:,} FLOPs declared, then {doubled:,}", "no fewer with more objects")


def _saving(probe: ModuleProbe) -> None:
    first, second = probe.make(), probe.make()
    state = {name: value.contiguous() for name, value in first.state_dict().items()}
    with TemporaryDirectory() as folder:
        path = Path(folder) / "module.safetensors"
        if state:
            save_file(state, path)
            second.load_state_dict(load_file(path))
    values = probe.inputs(2, WIDE)
    loaded = probe.run(probe.scene(2, WIDE), values, second)
    _same(loaded, probe.run(probe.scene(2, WIDE), values, first), f"{len(state)} tensors saved, and loaded by another")


def _same(found: Iterable[Tensor], wanted: Iterable[Tensor], given: str) -> None:
    for one, other in zip(found, wanted, strict=True):
        place = differing(one, other, CLOSE)
        if place is not None:
            raise Breach(given, f"{float(one[place]):.6g} at {list(place)}", f"{float(other[place]):.6g}")


def _law(name: str, claim: str, advice: str, holds: Callable[[ModuleProbe], None]) -> Law[ModuleProbe]:
    return Law(name, claim, advice, f"{GUIDE}, 'The laws', {name}", holds)


MODULE_LAWS: tuple[Law[ModuleProbe], ...] = (
    _law(
        "signature",
        "the annotations of forward declare the operation, and say the same whether the file is imported or only read",
        "annotate every parameter and the result with the aliases of nmn.types, by their own names, in a class at the top "
        "level of its file",
        _signature,
    ),
    _law("shapes", "a result has a row for each of the batch", "keep the first axis; reduce the others only", _shapes),
    _law(
        "range", "a result is in the range of its kind", "nmn.logic keeps log-odds in range: clamp, from_odds", _range
    ),
    _law(
        "batch is loop",
        "a row's result does not depend on the rows beside it",
        "concepts and relations are ids, one a row: index with them, never branch on them, never reduce over axis 0",
        _batch,
    ),
    _law(
        "order of objects",
        "objects in another order give the same result, in that order",
        "no object is special for its position: reduce with sums or products, never index an object",
        _permutation,
    ),
    _law(
        "padding",
        "a narrow image gives the same beside a wide one, and nothing where it has no object",
        "multiply by scene.mask before a sum; give -LIMIT where the mask is False",
        _padding,
    ),
    _law("empty image", "an image without objects gives no NaN", "never divide by a sum that may be 0", _empty),
    _law(
        "gradients",
        "gradients are those of what is computed",
        "no detach, item, round or argmax on the way; where a clamp has no slope, clamp the log-probability",
        _gradients,
    ),
    _law(
        "gradients of what is seen",
        "perception can learn through it: presence, attributes and relations have their gradients",
        "no detach, item, round or argmax of scene.concept, scene.attribute, scene.relation or scene.presence",
        _perception,
    ),
    _law("dtype", "a result has its inputs' dtype", "make tensors with new_zeros, zeros_like or dtype=", _types),
    _law("device", "a result is on its inputs' device", "make tensors with new_zeros, zeros_like or device=", _devices),
    _law(
        "asks for what it reads",
        "the result is the same whether facets were known before or not",
        "'asked' must hold every object whose facet changes the result: those with log-odds above nmn.logic.POSSIBLE",
        _asks,
    ),
    _law(
        "cost",
        "cost(sizes) declares at least the products that are counted, and grows with the scene",
        "count two FLOPs for each multiply-add; sizes.objects and sizes.concepts are the sizes there are",
        _cost,
    ),
    _law(
        "hard limit",
        "on certain facts forward says what the rule 'exact' says",
        "work the printed scene by hand: either forward or exact is another operation",
        follows_its_rule,
    ),
    _law(
        "save and load",
        "an instance that loads another's weights gives what that one gives",
        "random numbers belong in an nn.Parameter or a registered buffer, not in a plain attribute",
        _saving,
    ),
)
"""The laws of modules, in the order that they are tried."""
