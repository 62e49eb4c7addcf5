"""The classifier: what it learns, and how well."""

from __future__ import annotations

import random
import string
import unittest
from collections import Counter

from sandpiper_worker._classifier import Example, NaiveBayes, load_reviews, words


class WordsTest(unittest.TestCase):
    def test_case_and_punctuation_do_not_matter(self) -> None:
        self.assertEqual(["terrible", "broken"], words("Terrible, BROKEN!"))

    def test_a_negated_word_is_a_word_of_its_own(self) -> None:
        for text in ("not good", "never good", "isn't good", "isn’t good", "not very good", "no good"):
            with self.subTest(text):
                self.assertEqual(["not good"], words(text))

    def test_a_negation_without_a_word_to_negate_is_an_ordinary_word(self) -> None:
        self.assertEqual(["i", "would", "not"], words("I would not."))

    def test_text_without_letters_has_no_words(self) -> None:
        self.assertEqual([], words("?! ... _ -"))


class NaiveBayesTest(unittest.TestCase):
    def test_agrees_with_the_formula_worked_by_hand(self) -> None:
        model = NaiveBayes([Example("a", "x x y"), Example("b", "y"), Example("b", "z")])

        # Vocabulary x, y, z. P(a) P(x|a) = 1/3 * 3/6 and P(b) P(x|b) = 2/3 * 1/5.
        label, confidence = model.classify("x")
        self.assertEqual("a", label)
        self.assertAlmostEqual((1 / 6) / (1 / 6 + 2 / 15), confidence)

    def test_unknown_words_leave_the_verdict_as_it_is(self) -> None:
        model = NaiveBayes(load_reviews())
        self.assertEqual(model.classify("good"), model.classify("good xyzzy plugh"))

    def test_text_of_unknown_words_has_the_confidence_of_a_guess(self) -> None:
        self.assertAlmostEqual(0.5, NaiveBayes(load_reviews()).classify("xyzzy").confidence)

    def test_refuses_to_learn_from_nothing(self) -> None:
        with self.assertRaises(ValueError):
            NaiveBayes([])

    def test_confidence_is_a_probability_for_any_text(self) -> None:
        model = NaiveBayes(load_reviews())
        known = [word for example in load_reviews() for word in example.text.split()]
        rng = random.Random(1)
        for _ in range(500):
            text = "".join(
                rng.choice([rng.choice(known) + " ", rng.choice(string.printable), "é", "\ud800"])
                for _ in range(rng.choice([1, 10, 1000]))
            )
            label, confidence = model.classify(text)
            self.assertIn(label, ("positive", "negative"))
            self.assertTrue(0.5 <= confidence <= 1, confidence)


class ReviewsTest(unittest.TestCase):
    def test_no_label_is_favoured_by_the_number_of_its_examples(self) -> None:
        positive, negative = (
            Counter(example.label for example in load_reviews())[it] for it in ("positive", "negative")
        )
        self.assertEqual(positive, negative)

    def test_no_review_occurs_twice(self) -> None:
        texts = [example.text for example in load_reviews()]
        self.assertEqual(len(set(texts)), len(texts))

    def test_nine_of_ten_held_out_reviews_get_their_label(self) -> None:
        reviews, folds = load_reviews(), 10
        right = 0
        for fold in range(folds):
            model = NaiveBayes(review for at, review in enumerate(reviews) if at % folds != fold)
            right += sum(model.classify(review.text).label == review.label for review in reviews[fold::folds])
        self.assertGreater(right / len(reviews), 0.9)

    def test_plain_opinions_get_the_obvious_label(self) -> None:
        model = NaiveBayes(load_reviews())
        for label, texts in {
            "positive": (
                "good",
                "GOOD!",
                "really great service",
                "not bad",
                "I love it",
                "excellent, thank you",
                "fast delivery and friendly people",
                "highly recommended",
            ),
            "negative": (
                "bad",
                "terrible, broken",
                "not good",
                "I don't like it",
                "awful and slow",
                "would not recommend",
                "it arrived broken and support was useless",
                "waste of money",
            ),
        }.items():
            for text in texts:
                with self.subTest(text):
                    verdict = model.classify(text)
                    self.assertEqual(label, verdict.label)
                    self.assertGreater(verdict.confidence, 0.6)


if __name__ == "__main__":
    unittest.main()
