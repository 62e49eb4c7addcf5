"""A multinomial naive Bayes classifier over the words of short English texts."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable
from importlib.resources import files
from typing import NamedTuple

_NEGATED_WORD = re.compile(
    r"(?:(\b(?:not|no|never|cannot|\w+n['’]t)\s+)(?:(?:so|too|very|really)\s+)?)?([^\W_](?:[\w'’]*\w)?)"
)


class Example(NamedTuple):
    """A text whose label is known."""

    label: str
    text: str


class Verdict(NamedTuple):
    """The most probable label of a text, and its probability given the words of the text."""

    label: str
    confidence: float


def load_reviews() -> list[Example]:
    """The labelled reviews that come with this package."""
    table = (files(__package__) / "data" / "reviews.tsv").read_text(encoding="utf-8")
    return [Example(*line.split("\t")) for line in table.splitlines()]


def words(text: str) -> list[str]:
    """The words that count as evidence, in the order of the text.

    A negated word is one of its own: "not good", and "never really good", is no evidence for "good".
    """
    return [f"not {word}" if negation else word for negation, word in _NEGATED_WORD.findall(text.lower())]


class NaiveBayes:
    """Learns from examples once, then scores any number of texts."""

    def __init__(self, examples: Iterable[Example]) -> None:
        texts: Counter[str] = Counter()
        counts: dict[str, Counter[str]] = {}
        for label, text in examples:
            texts[label] += 1
            counts.setdefault(label, Counter()).update(words(text))
        if not texts:
            raise ValueError("A classifier needs at least one example")

        self._labels = tuple(sorted(texts))
        self._priors = tuple(math.log(texts[label] / sum(texts.values())) for label in self._labels)
        vocabulary = frozenset().union(*counts.values())
        totals = {label: sum(counts[label].values()) + len(vocabulary) for label in self._labels}
        self._evidence = {
            word: tuple(math.log((counts[label][word] + 1) / totals[label]) for label in self._labels)
            for word in vocabulary
        }

    def classify(self, text: str) -> Verdict:
        """Score one text. Words never seen in training say nothing about the label and are left out."""
        evidence = [self._evidence[word] for word in words(text) if word in self._evidence]
        scores = [sum(column) for column in zip(self._priors, *evidence)]
        best = max(scores)
        return Verdict(self._labels[scores.index(best)], 1 / sum(math.exp(score - best) for score in scores))
