"""Verifying: a certificate as text, from its digest to what it proves."""

import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from nmn.check import check as check_types
from nmn.domain import NO, YES, Domain
from nmn.errors import CertificateError, InputError
from nmn.program import JSON_VERSION, Program
from nmn.promise.checker import check
from nmn.promise.checker_more import ALL_OPERATIONS
from nmn.registry import default_registry

KEYS = {"version", "program", "known", "proof", "answer", "fingerprints"}
VERSION = 1

_BEFORE_DIGEST = ',"digest":"'
_MALFORMED = (ArithmeticError, AttributeError, LookupError, MemoryError, RecursionError, TypeError, ValueError)


def signed(record: Mapping[str, Any]) -> str:
    """A record as one line of JSON that ends in its digest, so that no alteration goes unnoticed."""
    body = json.dumps(record, separators=(",", ":"), ensure_ascii=False, allow_nan=False)[:-1]
    return f'{body}{_BEFORE_DIGEST}{sha256(body.encode()).hexdigest()}"}}'


def verify(text: str, expected: Mapping[str, str] | None = None, domain: Domain | None = None) -> str | None:
    """The answer that a certificate proves; None where what the question takes for granted surely does not hold.

    Args:
        text: The certificate, one line of JSON.
        expected: Fingerprints that it must carry, by name: weights, domain, calibration.
        domain: What it must speak of: then its program is also held to the type checker, and the values, inverses and
            words that it gives to the domain's.

    Raises: CertificateError, in one line.
    """
    record = read(text)
    wanted = {**(expected or {}), **({} if domain is None else {"domain": domain.fingerprint})}
    try:
        for name, value in wanted.items():
            given = record["fingerprints"].get(name)
            if given != value:
                raise CertificateError(f"the certificate is of other {name}: {given}, not {value}")
        check(record, ALL_OPERATIONS)
        if domain is not None:
            _check_words(record, domain)
        answer: str | None = record["answer"]
    except _MALFORMED as error:
        raise CertificateError(f"the certificate is malformed ({type(error).__name__}: {error})") from None
    return answer


def read(text: str) -> dict[str, Any]:
    """The record of a certificate whose digest fits. Raises: CertificateError."""
    body, _, digest = text.strip().rpartition(_BEFORE_DIGEST)
    if not body or sha256(body.encode(errors="replace")).hexdigest() + '"}' != digest:
        raise CertificateError("the certificate was altered or cut short: its digest does not fit")
    try:
        record = json.loads(body + "}")
    except (ValueError, RecursionError) as error:
        raise CertificateError(f"the certificate is malformed ({error})") from None
    if not isinstance(record, dict) or {*record} != KEYS or record["version"] != VERSION:
        raise CertificateError(f"no certificate of version {VERSION}, which is what this nmn reads")
    return record


def _check_words(record: Mapping[str, Any], domain: Domain) -> None:
    """Whether a certificate speaks of a domain as the domain does."""
    known = record["known"]
    try:
        program = Program.from_json({"version": JSON_VERSION, "nodes": record["program"]})
        check_types(program, domain, default_registry())
        for name, table in known["facets"].items():
            if (*table,) != _values(name, domain, known["objects"]):
                raise CertificateError(f"the certificate gives other values of {name!r} than {domain.name}")
        said = {each: domain.relation(each).answer or each for each in known["said"]}
        inverses = {f"relation {each.name}": f"relation {each.inverse}" for each in domain.relations}
        compared = [domain.attributes[number].name for number in domain.comparable_ids]
        alike = [(known["said"], said), ({**inverses, **known["inverses"]}, inverses)]
        if known["compared"] not in ([], compared) or any(given != own for given, own in alike):
            raise CertificateError(f"the certificate's words are not those of {domain.name}")
    except CertificateError:
        raise
    except InputError as error:
        raise CertificateError(f"the certificate does not fit {domain.name}: {str(error).splitlines()[0]}") from None


def _values(facet: str, domain: Domain, objects: int) -> tuple[str, ...]:
    """What a facet may be. Raises: DomainError or ValueError when there is no such facet."""
    kind, _, named = facet.partition(" ")
    if kind == "attribute":
        return domain.attribute(named).values
    relation, _, anchor = named.rpartition(" ")
    anchored = kind == "relation" and relation in domain.relation_ids and 0 <= int(anchor) < objects
    if anchored or facet == "presence":
        return NO, YES
    raise ValueError(f"no facet {facet!r}")
