"""Multiple choice: each question is shown with its right answer (label 1) and with one wrong answer (label 0)."""

from collections.abc import Iterator

from training.engine.data.families.example import Example, Row, pick, right_and_wrong
from training.words import wording

NONE_OF_THE_ABOVE = "none of the above choices"


def cosmos_qa(row: Row) -> Iterator[Example]:
    """Convert a row. “None of the above”, nearly always wrong, is never shown; where it is true, any answer is wrong."""
    answers, label = [row[f"answer{index}"] for index in range(4)], row["label"]
    if label not in range(4):
        return
    group, question = wording(row["context"]), row["question"]

    def ask(answer: str) -> str:
        return f"{row['context']}\n\nQuestion: {question}\nProposed answer: {answer}"

    shown = [answer for answer in answers if NONE_OF_THE_ABOVE not in wording(answer)]
    if answers[label] in shown:
        yield from right_and_wrong(ask, question, shown, shown.index(answers[label]), group)
    elif shown:
        yield Example(ask(pick(shown, group, question)), 0, group)


def dream(row: Row) -> Iterator[Example]:
    dialogue = "\n".join(row["dialogue"])
    if row["answer"] in row["choice"]:
        yield from right_and_wrong(
            lambda answer: f"{dialogue}\n\nQuestion: {row['question']}\nProposed answer: {answer}",
            row["question"],
            row["choice"],
            row["choice"].index(row["answer"]),
            wording(dialogue),
        )


def hellaswag(row: Row) -> Iterator[Example]:
    """Convert a row. The four endings are listed in the source's order, and one is proposed. The source's label is a string."""
    if str(row["label"]) in ("0", "1", "2", "3"):
        endings = "\n".join(f"- {ending}" for ending in row["endings"])
        yield from right_and_wrong(
            lambda answer: f"{row['ctx']}\n\nHow may this go on?\n{endings}\n\nThe best of these: {answer}",
            row["ctx"],
            row["endings"],
            int(row["label"]),
            row["source_id"],
        )


def openbookqa(row: Row) -> Iterator[Example]:
    """Convert a row. An answer is shown as its text and never as its letter, so that its form carries no label."""
    labels, texts = row["choices"]["label"], row["choices"]["text"]
    if row["answerKey"] in labels:
        listed = "\n".join(f"({letter}) {text}" for letter, text in zip(labels, texts, strict=True))
        yield from right_and_wrong(
            lambda answer: f"{row['question_stem']}\n{listed}\n\nProposed answer: {answer}",
            row["question_stem"],
            texts,
            labels.index(row["answerKey"]),
            wording(row["question_stem"]),
        )


def piqa(row: Row) -> Iterator[Example]:
    if row["label"] in (0, 1):
        yield from right_and_wrong(
            lambda answer: f"Goal: {row['goal']}\nHow to do it: {answer}",
            row["goal"],
            [row["sol1"], row["sol2"]],
            row["label"],
            wording(row["goal"]),
        )


def quail(row: Row) -> Iterator[Example]:
    if row["correct_answer_id"] in range(len(row["answers"])):
        yield from right_and_wrong(
            lambda answer: f"{row['context']}\n\nQuestion: {row['question']}\nProposed answer: {answer}",
            row["question"],
            row["answers"],
            row["correct_answer_id"],
            row["context_id"],
        )


def quartz(row: Row) -> Iterator[Example]:
    labels = row["choices"]["label"]
    if row["answerKey"] in labels:
        yield from right_and_wrong(
            lambda answer: f"{row['para']}\n\nQuestion: {row['question']}\nProposed answer: {answer}",
            row["question"],
            row["choices"]["text"],
            labels.index(row["answerKey"]),
            wording(row["para"]),
        )


def sciq(row: Row) -> Iterator[Example]:
    yield from _sciq(row, "", wording(row["question"]))


def sciq_with_support(row: Row) -> Iterator[Example]:
    """Convert a row. Questions without a passage are left out."""
    if row["support"].strip():
        yield from _sciq(row, f"{row['support']}\n\n", wording(row["support"]))


def _sciq(row: Row, passage: str, group: str) -> Iterator[Example]:
    answers = [row["correct_answer"], row["distractor1"], row["distractor2"], row["distractor3"]]
    yield from right_and_wrong(
        lambda answer: f"{passage}Question: {row['question']}\nProposed answer: {answer}", row["question"], answers, 0, group
    )


def social_i_qa(row: Row) -> Iterator[Example]:
    """Convert a row. The source's label is a string from 1 to 3."""
    answers = [row["answerA"], row["answerB"], row["answerC"]]
    if str(row["label"]).strip() in ("1", "2", "3"):
        listed = "\n".join(f"- {answer}" for answer in answers)
        yield from right_and_wrong(
            lambda answer: f"{row['context']}\n\nQuestion: {row['question']}\n{listed}\n\nProposed answer: {answer}",
            row["question"],
            answers,
            int(row["label"]) - 1,
            wording(row["context"]),
        )
