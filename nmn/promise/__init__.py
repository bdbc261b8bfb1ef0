"""What stopping early promises: certificates of single answers, a bound on the risk, and an alarm when it breaks.

``docs/promise.md`` states the promise and what it rests on.
"""

from nmn.promise.certificate import Certificate, certify
from nmn.promise.verifying import verify

__all__ = ["Certificate", "certify", "verify"]
