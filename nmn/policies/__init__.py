"""Policies: look only where the question needs it, and stop when sure enough.

A glance proposes objects; a look at one object through one pathway costs milliseconds and reports a facet of it. A policy
chooses looks for every image of a batch, round by round, knowing the programs that wait for it. docs/dynamic.md tells how.

* :mod:`nmn.policies.outcomes` – what a glance gave and what all looks would report, kept.
* :mod:`nmn.policies.reporting` – given the glance, the distribution of what a look would report.
* :mod:`nmn.policies.belief`, :mod:`nmn.policies.survey` – the worlds of a question, and what looks are worth to it.
* :mod:`nmn.policies.rules`, :mod:`nmn.policies.value` – the policies.
* :mod:`nmn.policies.backend` – runs programs by a policy.

Two traps. What is asked about is what a look *would report*, not what is true: so a facet that was looked at is certain, and
relations, which the glance alone tells, are certain from the start. And whatever is chosen for an image must not depend on
what else is in the batch: prices are of the image by itself.
"""
