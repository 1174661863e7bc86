"""References: every work that the experiment is based on, as a sentence and as BibTeX, and the page itself."""

import inspect
import re
from collections.abc import Sequence
from dataclasses import dataclass

from training import ExperimentSpec, catalog
from training.catalog import DatasetEntry, ModelEntry
from webapp.experiments.models import Experiment
from webapp.findings.findings import Findings
from webapp.findings.wording import method_titles
from webapp.reports.report import Report, Source

LAB = "Weak-to-strong Lab"


@dataclass(frozen=True)
class Work:
    kind: str
    key: str
    authors: str
    year: int
    title: str
    place: str
    """The BibTeX field of ``where``: journal or booktitle."""
    where: str
    address: str = ""

    @property
    def source(self) -> Source:
        fields = {"title": f"{{{self.title}}}", "author": self.authors, "year": str(self.year)}
        return Source(
            text=f"{self.who} ({self.year}). {self.title}. {self.where}.",
            bibtex=bibtex(self.kind, self.key, fields | {self.place: self.where}),
            address=self.address,
        )

    @property
    def who(self) -> str:
        """Fieller; Loshchilov & Hutter; Burns et al."""
        names = [name.partition(",")[0] for name in self.authors.split(" and ")]
        return f"{names[0]} et al." if len(names) > 2 else " & ".join(names)


BURNS = Work(
    kind="article",
    key="burns2023weak",
    authors="Burns, Collin and Izmailov, Pavel and Kirchner, Jan Hendrik and Baker, Bowen and Gao, Leo and others",
    year=2023,
    title="Weak-to-Strong Generalization: Eliciting Strong Capabilities With Weak Supervision",
    place="journal",
    where="arXiv:2312.09390",
    address="https://arxiv.org/abs/2312.09390",
)
ADAMW = Work(
    kind="inproceedings",
    key="loshchilov2019decoupled",
    authors="Loshchilov, Ilya and Hutter, Frank",
    year=2019,
    title="Decoupled Weight Decay Regularization",
    place="booktitle",
    where="ICLR 2019",
    address="https://arxiv.org/abs/1711.05101",
)
FIELLER = Work(
    kind="article",
    key="fieller1954some",
    authors="Fieller, Edgar C.",
    year=1954,
    title="Some Problems in Interval Estimation",
    place="journal",
    where="Journal of the Royal Statistical Society B 16(2), 175–185",
)
COCHRAN = Work(
    kind="article",
    key="cochran1964approximate",
    authors="Cochran, William G.",
    year=1964,
    title="Approximate Significance Levels of the Behrens-Fisher Test",
    place="journal",
    where="Biometrics 20(1), 191–195",
)
HOLM = Work(
    kind="article",
    key="holm1979simple",
    authors="Holm, Sture",
    year=1979,
    title="A Simple Sequentially Rejective Multiple Test Procedure",
    place="journal",
    where="Scandinavian Journal of Statistics 6(2), 65–70",
)
LORA = Work(
    kind="inproceedings",
    key="hu2022lora",
    authors="Hu, Edward J. and Shen, Yelong and Wallis, Phillip and Allen-Zhu, Zeyuan and others",
    year=2022,
    title="LoRA: Low-Rank Adaptation of Large Language Models",
    place="booktitle",
    where="ICLR 2022",
    address="https://arxiv.org/abs/2106.09685",
)


def sources(experiment: Experiment, all_findings: Sequence[Findings]) -> tuple[Source, ...]:
    """Return the references of the methods, then of the data, then of the models."""
    spec = experiment.experiment_spec
    works = [BURNS, FIELLER, COCHRAN, *([HOLM] if len(spec.methods) > 2 else []), ADAMW]
    if "lora" in (spec.weak.tuning, spec.strong.tuning):
        works.append(LORA)
    data = catalog.known_dataset(spec.data.name)
    names = dict.fromkeys(name for findings in all_findings for name in (findings.pair.weak, findings.pair.strong))
    known = [entry for name in names if (entry := catalog.known_model(name)) and entry.layers is not None]
    models = {(entry.source, entry.digest): entry for entry in known}
    return (
        *(work.source for work in works),
        *(_preprint(number, title) for number, title in preprints(spec).items() if number not in BURNS.where),
        *([_data(data)] if data else []),
        *(_model(entry) for entry in models.values()),
    )


def preprints(spec: ExperimentSpec) -> dict[str, str]:
    """Return the arXiv numbers in the descriptions of the methods, with the title of the first method that has it."""
    titles: dict[str, str] = {}
    for method, title in zip(spec.methods, method_titles(spec), strict=True):
        for number in re.findall(r"arXiv:(\d{4}\.\d{4,5})", inspect.getdoc(type(method)) or ""):
            titles.setdefault(number, title)
    return titles


def _preprint(number: str, title: str) -> Source:
    fields = {"title": f"{{arXiv:{number}}}", "eprint": number, "archiveprefix": "arXiv", "note": f"Of the method {title}"}
    return Source(
        text=f"arXiv:{number}, of the method {title}.",
        bibtex=bibtex("misc", f"arxiv-{number}", fields),
        address=f"https://arxiv.org/abs/{number}",
    )


def _data(entry: DatasetEntry) -> Source:
    fields = {"title": f"{{{entry.title}}}", "note": entry.citation, "howpublished": entry.source}
    text = f"Data: {entry.title}. {entry.citation}. From {entry.source or 'a file'}, licence: {entry.licence}."
    return Source(text=text, bibtex=bibtex("misc", f"data-{entry.name}", fields))


def _model(entry: ModelEntry) -> Source:
    fields = {
        "title": f"{{{entry.title}}}",
        "howpublished": entry.source,
        "note": f"Licence {entry.licence}, digest {entry.digest[:16]}",
    }
    text = f"Model: {entry.title}, {entry.source}, licence: {entry.licence}."
    return Source(text=text, bibtex=bibtex("misc", f"model-{entry.name}", fields))


def of_page(report: Report, address: str) -> str:
    """Return BibTeX of the page itself, with the data that identify its version."""
    which = [f"{LAB}, experiment {report.experiment}", f"version {report.version}" if report.version else "live page"]
    which += [f"SHA-256 {report.content[:16]}"] if report.content else []
    fields = {"title": f"{{{report.title}}}", "author": f"{{{report.authors}}}", "year": report.day[:4], "note": ", ".join(which)}
    return bibtex("misc", f"w2slab{report.experiment}v{report.version or 0}", fields | ({"url": address} if address else {}))


def bibtex(kind: str, key: str, fields: dict[str, str]) -> str:
    """Return a BibTeX entry without empty fields, with markup escaped."""
    filled = {name: value for name, value in fields.items() if value.strip("{}")}
    width = max(map(len, filled))
    key = re.sub(r"[^A-Za-z0-9-]", "-", key)
    return f"@{kind}{{{key},\n" + "".join(f"  {name:<{width}} = {{{_plain(value)}}},\n" for name, value in filled.items()) + "}"


def _plain(value: str) -> str:
    outer = value.startswith("{") and value.endswith("}")
    inner = re.sub(r"([&%$#_])", r"\\\1", re.sub(r"[{}\\]", "", value[1:-1] if outer else value))
    return f"{{{inner}}}" if outer else inner
