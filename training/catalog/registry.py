"""Data sets of the Hub with classes and a built-in conversion: the NLP sets of Burns et al. (2023), and a few more.

The keys are those of ``training.engine.data.families.CONVERSIONS``. All splits whose labels are public are used, since the
laboratory draws its own test set, by whole groups. Licences are those of the Hub where they could be read;
fetching reads them again.
"""

from dataclasses import dataclass

from training.answers import AnswerRule
from training.catalog.datasets import Task

UNSURE = "see its page on the Hub"
CONVERTED = "refs/convert/parquet"
"""The Hub's Parquet branch of a data set whose own files are code, which is never run here."""
MADE = "made by the laboratory"
"""Source of a data set that is made from a seed."""


@dataclass(frozen=True)
class Registered:
    """A registered data set: its source and the meaning of its labels; ``group`` is what rows of one group share.

    ``revision`` is a branch or commit of the Hub, empty for its main branch. A generative data set has ``answers``, the rule that
    finds an answer in a text, and no meanings of labels; ``columns`` are those that it has further. Its rows may be ``joined`` to
    those of a second source, and one without a repository is made by the laboratory from ``seed``. One of images has the columns
    of ``pictures``, image and label, and the classes of its source.
    """

    title: str
    repository: str
    config: str
    splits: tuple[str, ...]
    positive: str
    negative: str
    group: str
    citation: str
    licence: str = UNSURE
    revision: str = ""
    answers: AnswerRule | None = None
    columns: tuple[str, ...] = ()
    joined: "Registered | None" = None
    seed: int = 0
    preferences: bool = False
    pictures: tuple[str, str] | None = None

    @property
    def classes(self) -> tuple[str, ...]:
        """The meanings of 0 and 1: all registered data sets of texts with classes are binary, as in the paper."""
        return () if self.answers or self.pictures else (self.negative, self.positive)

    @property
    def task(self) -> Task:
        return "generative" if self.answers else "preferences" if self.preferences else "classification"

    @property
    def source(self) -> str:
        """Where its rows are from."""
        second = f" and {self.joined.repository}" if self.joined else ""
        return (self.repository or MADE) + second


RIGHT, WRONG = "the shown answer is right", "the shown answer is wrong"
PUBLIC = ("train", "validation")
ALL = ("train", "validation", "test")

ETHICS = "Hendrycks et al. (2021), Aligning AI With Shared Human Values, ICLR 2021"
SCIQ = "Welbl, Liu & Gardner (2017), Crowdsourcing Multiple Choice Science Questions, W-NUT 2017"
GLUE = "Wang et al. (2019), GLUE, ICLR 2019"
SUPER_GLUE = "Wang et al. (2019), SuperGLUE, NeurIPS 2019"


def _ethics(part: str, positive: str, negative: str, group: str) -> Registered:
    return Registered(
        f"ETHICS, {part}", "hendrycks/ethics", part, ALL, positive, negative, group, ETHICS, licence="MIT", revision=CONVERTED
    )


LABELLED: dict[str, Registered] = {
    "anli-r2": Registered(
        "ANLI, round 2",
        "facebook/anli",
        "plain_text",
        ("train_r2", "dev_r2", "test_r2"),
        "the first text implies the second",
        "it does not",
        "the premise",
        "Nie et al. (2020), Adversarial NLI, ACL 2020",
        licence="CC BY-NC 4.0",
    ),
    "boolq": Registered(
        "BoolQ",
        "google/boolq",
        "default",
        PUBLIC,
        "yes",
        "no",
        "the passage",
        "Clark et al. (2019), BoolQ, NAACL 2019",
    ),
    "cola": Registered(
        "CoLA",
        "nyu-mll/glue",
        "cola",
        PUBLIC,
        "acceptable English",
        "not acceptable",
        "the same words",
        f"Warstadt, Singh & Bowman (2019), Neural Network Acceptability Judgments, TACL 7; {GLUE}",
    ),
    "cosmos_qa": Registered(
        "Cosmos QA",
        "allenai/cosmos_qa",
        "default",
        PUBLIC,
        RIGHT,
        WRONG,
        "the passage",
        "Huang et al. (2019), Cosmos QA, EMNLP 2019",
        revision=CONVERTED,
    ),
    "dream": Registered(
        "DREAM",
        "dataset-org/dream",
        "plain_text",
        ALL,
        RIGHT,
        WRONG,
        "the dialogue",
        "Sun et al. (2019), DREAM, TACL 7",
        revision=CONVERTED,
    ),
    "ethics-deontology": _ethics("deontology", "the excuse is reasonable", "it is not", "the scenario"),
    "ethics-justice": _ethics("justice", "just", "not just", "the scenario up to its reason"),
    "ethics-utilitarianism": _ethics(
        "utilitarianism", "the first is more pleasant", "the second is", "the more pleasant scenario"
    ),
    "ethics-virtue": _ethics("virtue", "shows the trait", "does not", "the scenario"),
    "hellaswag": Registered(
        "HellaSwag",
        "Rowan/hellaswag",
        "default",
        PUBLIC,
        "the best ending",
        "another ending",
        "the video or article",
        "Zellers et al. (2019), HellaSwag, ACL 2019",
    ),
    "mc_taco": Registered(
        "MC-TACO",
        "CogComp/mc_taco",
        "plain_text",
        ("validation", "test"),
        "the answer is plausible",
        "it is not",
        "the sentence and question",
        "Zhou et al. (2019), “Going on a vacation” takes longer than “Going for a walk”, EMNLP 2019",
        revision=CONVERTED,
    ),
    "multirc": Registered(
        "MultiRC",
        "aps/super_glue",
        "multirc",
        PUBLIC,
        RIGHT,
        WRONG,
        "the passage",
        f"Khashabi et al. (2018), Looking Beyond the Surface, NAACL 2018; {SUPER_GLUE}",
        revision=CONVERTED,
    ),
    "openbookqa": Registered(
        "OpenBookQA",
        "allenai/openbookqa",
        "main",
        ALL,
        RIGHT,
        WRONG,
        "the question",
        "Mihaylov et al. (2018), Can a Suit of Armor Conduct Electricity?, EMNLP 2018",
    ),
    "paws": Registered(
        "PAWS",
        "google-research-datasets/paws",
        "labeled_final",
        ALL,
        "both say the same",
        "they do not",
        "the same words in any order",
        "Zhang, Baldridge & He (2019), PAWS, NAACL 2019",
    ),
    "piqa": Registered(
        "PIQA",
        "ybisk/piqa",
        "default",
        PUBLIC,
        "the shown solution is right",
        "it is wrong",
        "the goal",
        "Bisk et al. (2020), PIQA, AAAI 2020",
        revision=CONVERTED,
    ),
    "quail": Registered(
        "QuAIL",
        "textmachinelab/quail",
        "quail",
        ("train", "validation", "challenge"),
        RIGHT,
        WRONG,
        "the passage",
        "Rogers et al. (2020), Getting Closer to AI Complete Question Answering, AAAI 2020",
    ),
    "quartz": Registered(
        "QuaRTz",
        "allenai/quartz",
        "default",
        ALL,
        RIGHT,
        WRONG,
        "the paragraph",
        "Tafjord et al. (2019), QuaRTz, EMNLP 2019",
    ),
    "sciq": Registered("SciQ", "allenai/sciq", "default", ALL, RIGHT, WRONG, "the question", SCIQ, licence="CC BY-NC 3.0"),
    "sciq_with_support": Registered(
        "SciQ with its passages", "allenai/sciq", "default", ALL, RIGHT, WRONG, "the passage", SCIQ, licence="CC BY-NC 3.0"
    ),
    "social_i_qa": Registered(
        "Social IQA",
        "lighteval/siqa",
        "default",
        PUBLIC,
        RIGHT,
        WRONG,
        "the context",
        "Sap et al. (2019), Social IQa, EMNLP 2019",
    ),
    "sst2": Registered(
        "SST-2",
        "stanfordnlp/sst2",
        "default",
        PUBLIC,
        "positive",
        "negative",
        "six words in a row shared, directly or over others",
        f"Socher et al. (2013), Recursive Deep Models for Semantic Compositionality, EMNLP 2013; {GLUE}",
    ),
    "twitter-sentiment": Registered(
        "Twitter sentiment",
        "EleutherAI/twitter-sentiment",
        "default",
        ("train", "test"),
        "positive",
        "negative",
        "the same words",
        "As used by Burns et al. (2023), Weak-to-Strong Generalization, appendix A.1; its page on the Hub names its source",
    ),
    "wic": Registered(
        "WiC",
        "aps/super_glue",
        "wic",
        PUBLIC,
        "one sense of the word",
        "two senses",
        "the word",
        f"Pilehvar & Camacho-Collados (2019), WiC, NAACL 2019; {SUPER_GLUE}",
        revision=CONVERTED,
    ),
    "amazon_polarity": Registered(
        "Amazon polarity",
        "fancyzhx/amazon_polarity",
        "amazon_polarity",
        ("test",),
        "positive",
        "negative",
        "the same words of the review",
        "Zhang, Zhao & LeCun (2015), Character-level Convolutional Networks for Text Classification, NeurIPS 2015",
    ),
    "anthropic_hh": Registered(
        "Anthropic helpful and harmless",
        "Anthropic/hh-rlhf",
        "default",
        ("train", "test"),
        "the first conversation is preferred",
        "the second conversation is preferred",
        "the opening of the conversation",
        "Bai et al. (2022), Training a Helpful and Harmless Assistant, arXiv:2204.05862",
        preferences=True,
    ),
    "shp": Registered(
        "Stanford human preferences",
        "stanfordnlp/SHP",
        "default",
        ALL,
        "the first comment is preferred",
        "the second comment is preferred",
        "the post",
        "Ethayarajh, Choi & Swayamdipta (2022), Understanding Dataset Difficulty with V-usable Information, ICML 2022",
        preferences=True,
    ),
}
