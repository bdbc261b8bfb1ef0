"""Worlds: the answer to a question about an uncertain image, by deciding what is doubtful in every likely way.

A *world* decides the doubtful facets that a program reads: whether an object is there, which value an attribute has,
whether a relation holds between two objects. In a world all is certain, so the exact rules give its answer
(:mod:`nmn.exact`); the weights of the worlds, summed by answer, are the answer's distribution. Unlike the soft executor's,
it is right where one facet is read twice and where sets depend on an uncertain anchor.

Facets are discovered as the rules read them, not listed beforehand: a world runs until a rule asks for a facet that it has
not decided, decides it for the likeliest value, and leaves the next likeliest as an opening for another world, which
starts again at that step with the values of the steps before. So objects that are no members in any kept world are not
looked at, and a facet splits only the worlds that read it. The opening whose world is likely to weigh most comes next:
the weight of the world that left it, times the ratio of the two values' probabilities.

* A world decides no more than it is asked: whether an object is red parts its colours in two, red and all the others.
* A facet whose doubt is negligible is settled and splits nothing; what it may be otherwise is mass given up, and counted.
* Presence is decided before an object's doubtful attributes and relations, and at the latest where a set is consumed.
* An attribute has one value an object.
* Facets are taken to be independent, each as the store gives it. For relations with an axis that is an approximation:
  they follow from coordinates, so that ``left`` of two pairs with an object in common is correlated, and so are a relation
  and its inverse.

Source: k-best enumeration by deviations from the best (Lawler 1972, Management Science 18:7), over variables that come
to light on the way; weights of possible worlds as in ProbLog (De Raedt et al. 2007, IJCAI).
"""

from nmn.worlds.answer import WorldsAnswer, enumerate_worlds, worlds_answer

__all__ = ["WorldsAnswer", "enumerate_worlds", "worlds_answer"]
