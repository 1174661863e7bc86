"""A few rows of every source in the columns that it really has, in our own words."""

import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from training.catalog.check_report import Counts
from training.engine.data.families.example import Example
from training.engine.data.rules import apply_rules

Rows = list[dict[str, Any]]

# passage, question, right answer, wrong answers
FACTS: list[tuple[str, str, str, list[str]]] = [
    ("Ida poured water on the fire.", "What became of the fire?", "it went out", ["it grew", "it sang", "it froze"]),
    ("The cat sat on the warm roof.", "Where was the cat?", "on the roof", ["in a box", "at sea", "under a bus"]),
    ("Tom missed the early train.", "What was he?", "late", ["early", "asleep on it", "its driver"]),
    ("Iron rusts when it is wet.", "What makes iron rust?", "water", ["silence", "light music", "feathers"]),
    ("Bees carry pollen from flower to flower.", "Who carries pollen?", "bees", ["stones", "clouds", "spoons"]),
    ("Mia lent Sam her umbrella.", "Who has it now?", "Sam", ["Mia", "nobody", "the rain"]),
    ("The lake froze in January.", "What covered the lake?", "ice", ["sand", "tar", "grass"]),
    ("The shop shuts at six.", "When is it shut?", "at seven", ["at five", "at noon", "at four"]),
]
OPTIONS = ["A", "B", "C", "D"]
PAIRS = [
    ("The dog chased the cat up the hill.", "A cat was chased.", 0),
    ("The dog chased the cat up the hill.", "The cat was grey.", 1),
    ("The dog chased the cat up the hill.", "Nothing was chased.", 2),
    ("Eva sold her old red bicycle.", "Eva had a bicycle.", 0),
    ("Eva sold her old red bicycle.", "Eva bought a bicycle.", 2),
    ("It rained for the whole week.", "There was rain.", 0),
    ("It rained for the whole week.", "It was a week in May.", 1),
    ("Nobody knows this one.", "The label is hidden.", -1),
]
OPINIONS = [
    ("a warm and very funny film that never tires", 1),
    ("what a dull and far too long evening it was", 0),
    ("one of the finest songs that they ever wrote", 1),
    ("the soup was cold and so was the waiter", 0),
    ("we laughed from the first minute to the last", 1),
    ("my new phone broke after less than two days", 0),
    ("hidden labels are written as minus one here", -1),
]


def placed(index: int) -> tuple[list[str], int]:
    """The answers of a fact with the right one at a place that depends on ``index``, and that place."""
    _, _, right, wrong = FACTS[index]
    place = index % (len(wrong) + 1)
    return [*wrong[:place], right, *wrong[place:]], place


def cosmos(index: int) -> dict[str, Any]:
    passage, question, *_ = FACTS[index]
    answers, place = placed(index)
    if index in (1, 2):  # in one it is the truth, in the other it is not
        answers[1] = "None of the above choices ."
    return {
        "id": str(index),
        "context": passage,
        "question": question,
        **{f"answer{n}": answer for n, answer in enumerate(answers)},
        "label": place,
    }


NUMBERS = range(len(FACTS))
MULTIPLE: Rows = [
    {"passage": FACTS[n][0], "question": FACTS[n][1], "answers": placed(n)[0], "place": placed(n)[1]} for n in NUMBERS
]


def judged(text: str) -> Rows:
    """Every answer of every fact as a row of its own: one right, three wrong."""
    return [
        {text: fact[0], "question": fact[1], "answer": answer, "label": int(answer == fact[2])}
        for fact in FACTS
        for answer in [fact[2], *fact[3]]
    ]


ROWS: dict[str, Rows] = {
    "anli-r2": [
        {"uid": str(n), "premise": first, "hypothesis": other, "label": label, "reason": ""}
        for n, (first, other, label) in enumerate(PAIRS)
    ],
    "boolq": [
        {"question": f"is fact {n} about {fact[2]}", "passage": fact[0], "answer": n % 3 != 0} for n, fact in enumerate(FACTS)
    ],
    "cola": [{"sentence": text, "label": label, "idx": n} for n, (text, label) in enumerate(OPINIONS)],
    "cosmos_qa": [cosmos(n) for n in NUMBERS],
    "dream": [
        {
            "id": n,
            "dialogue_id": f"d-{n}",
            "dialogue": [f"W: {question['passage']}", "M: I see."],
            "question": question["question"],
            "choice": [*FACTS[n][3][:2], FACTS[n][2]],
            "answer": FACTS[n][2],
        }
        for n, question in enumerate(MULTIPLE)
    ],
    "ethics-deontology": [
        {"label": label, "scenario": f"Could you water plant {n}?", "excuse": excuse}
        for n in range(4)
        for label, excuse in ((0, "No, my socks are blue."), (1, "No, it drowned yesterday."))
    ],
    "ethics-justice": [
        {"label": label, "scenario": f"I deserve a rise for job {n} because {reason}."}
        for n in range(4)
        for label, reason in ((1, "I did twice the work"), (0, "I like money"))
    ],
    "ethics-virtue": [
        {"label": label, "scenario": f"Ann gave back the purse number {n}. [SEP] {trait}"}
        for n in range(4)
        for label, trait in ((1, "honest"), (0, "lazy"), (0, "vain"))
    ],
    "ethics-utilitarianism": [
        {"baseline": f"I ate cake {n}.", "less_pleasant": f"I ate cake {n}. It was mouldy."} for n in range(40)
    ],
    "hellaswag": [
        {
            "ind": n,
            "activity_label": "Cooking",
            "ctx_a": question["passage"],
            "ctx_b": "then",
            "ctx": f"{question['passage']} then",
            "endings": question["answers"],
            "source_id": f"v_{n}",
            "split": "train",
            "split_type": "indomain",
            "label": str(question["place"]) if n else "",
        }
        for n, question in enumerate(MULTIPLE)
    ],
    "mc_taco": [{**row, "category": 0} for row in judged("sentence")],
    "multirc": [{**row, "idx": {"paragraph": 0, "question": 0, "answer": n}} for n, row in enumerate(judged("paragraph"))],
    "openbookqa": [
        {
            "id": f"7-{n}",
            "question_stem": question["question"],
            "choices": {"text": question["answers"], "label": OPTIONS},
            "answerKey": OPTIONS[question["place"]],
        }
        for n, question in enumerate(MULTIPLE)
    ],
    "paws": [
        {"id": n, "sentence1": f"Sam beat Mia in game {n}.", "sentence2": second.format(n), "label": label}
        for n in range(4)
        for label, second in ((0, "Mia beat Sam in game {}."), (1, "In game {} Sam beat Mia."))
    ],
    "piqa": [
        {
            "goal": question["question"],
            "sol1": FACTS[n][2] if n % 2 else FACTS[n][3][0],
            "sol2": FACTS[n][3][0] if n % 2 else FACTS[n][2],
            "label": 1 - n % 2 if n else -1,
        }
        for n, question in enumerate(MULTIPLE)
    ],
    "quail": [
        {
            "id": f"f001_{n}",
            "context_id": f"f{n // 2:03}",
            "question_id": str(n),
            "domain": "fiction",
            "metadata": {"author": "", "title": "", "url": ""},
            "context": question["passage"],
            "question": question["question"],
            "question_type": "Factual",
            "answers": question["answers"],
            "correct_answer_id": question["place"],
        }
        for n, question in enumerate(MULTIPLE)
    ],
    "quartz": [
        {
            "id": f"Q{n}",
            "question": question["question"],
            "choices": {"text": [FACTS[n][3][0], FACTS[n][2]], "label": ["A", "B"]},
            "answerKey": "B",
            "para": question["passage"],
            "para_id": f"P{n}",
        }
        for n, question in enumerate(MULTIPLE)
    ],
    "sciq": [
        {
            "question": fact[1],
            "distractor3": fact[3][2],
            "distractor1": fact[3][0],
            "distractor2": fact[3][1],
            "correct_answer": fact[2],
            "support": fact[0] if n else "",
        }
        for n, fact in enumerate(FACTS)
    ],
    "social_i_qa": [
        {
            "context": question["passage"],
            "question": question["question"],
            "answerA": question["answers"][0],
            "answerB": question["answers"][1],
            "answerC": question["answers"][2],
            "label": str(question["place"] + 1),
        }
        for question in MULTIPLE
        if question["place"] < 3
    ],
    "sst2": [{"idx": n, "sentence": f"{text} ", "label": label} for n, (text, label) in enumerate(OPINIONS)],
    "twitter-sentiment": [{"text": text, "label": label} for text, label in OPINIONS],
    "wic": [
        {
            "word": word,
            "sentence1": first,
            "sentence2": other,
            "start1": 0,
            "start2": 0,
            "end1": 1,
            "end2": 1,
            "idx": n,
            "label": label,
        }
        for n, (word, first, other, label) in enumerate(
            [
                ("bank", "The bank lends money.", "We sat on the bank of the river.", 0),
                ("bank", "The bank lends money.", "Her bank sent a letter.", 1),
                ("light", "The light is on.", "This bag is light.", 0),
                ("light", "The light is on.", "Turn off the light.", 1),
                ("spring", "Spring comes after winter.", "The spring in the sofa broke.", 0),
                ("spring", "Spring comes after winter.", "It snowed last spring.", 1),
            ]
        )
    ],
    "amazon_polarity": [{"label": label, "title": f"Review {n}", "content": text} for n, (text, label) in enumerate(OPINIONS)],
    "anthropic_hh": [
        {
            "chosen": f"\n\nHuman: {fact[1]}\n\nAssistant: {fact[2]}",
            "rejected": f"\n\nHuman: {fact[1]}\n\nAssistant: {fact[3][0]}",
        }
        for fact in FACTS
    ],
    "shp": [
        {
            "post_id": f"p{n}",
            "domain": "askbaking_train",
            "history": f"{fact[1]} ({n})",
            "human_ref_A": fact[2] if n % 2 else fact[3][0],
            "human_ref_B": fact[3][0] if n % 2 else fact[2],
            "labels": n % 2,
            "score_A": 5,
            "score_B": 2,
        }
        for n, fact in enumerate(FACTS * 3)
    ],
}
ROWS["sciq_with_support"] = ROWS["sciq"]


def openbook(questions: int) -> Rows:
    """Many questions with answers that are drawn alike, right or wrong: the form of an answer says nothing."""
    words = ["sun", "three stones", "a river", "old Wood", "steam!", "Paris", "42", "slow, cold air"]
    return [
        {
            "id": str(n),
            "question_stem": f"Which of these is number {n}?",
            "choices": {"text": [words[(n * 3 + place) % 8] for place in range(4)], "label": OPTIONS},
            "answerKey": OPTIONS[n * 7 // 8 % 4],
        }
        for n in range(questions)
    ]


def settled(examples: Iterable[Example], seed: str = "seed") -> tuple[list[dict[str, object]], Counts]:
    """The rows of the data set that ``examples`` make, and what was left out."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "settled.parquet"
        counts = apply_rules(examples, path, seed)
        rows: list[dict[str, object]] = pq.read_table(path).to_pylist()
    return rows, counts
