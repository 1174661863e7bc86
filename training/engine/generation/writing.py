"""The training of a run whose model writes answers: its steps are those of ``Training``, but for labels and predictions."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import torch

from training import catalog
from training.engine.checkpoint import CheckpointFile
from training.engine.data.split import Rows
from training.engine.determinism import threads
from training.engine.errors import EngineError, Stopped
from training.engine.generation.answer_sets import Answer, answer_set_of, read_supervisor, true_answers, weak_answers, written_by
from training.engine.generation.answer_texts import AnswerTokenizer, Continuations, Tokens, ragged_of
from training.engine.generation.decoding import Decoded, Decoder, Sampling
from training.engine.generation.derived_answers import derived_answers, majority, write_derived_answers
from training.engine.generation.extraction import Extraction, texts
from training.engine.generation.prompted_answers import PromptedAnswers
from training.engine.generation.prompts import prompts_of
from training.engine.generation.writer import Samples, Writer
from training.engine.loop import Loop
from training.engine.models import classifiers, model_files
from training.engine.models.classifiers import LanguageModel
from training.engine.models.inputs import Inputs
from training.engine.models.sizes import size_of
from training.engine.outputs.predicted_rows import PredictedRows
from training.engine.starting_point import Learner
from training.engine.targets.supervisor_labels import share
from training.engine.targets.training_set import TrainingSet
from training.engine.train import Training
from training.events import EvaluationLogged, Event, Progress
from training.storage.written_answers import WrittenAnswers, WrittenTrajectory, same_answers

PHASE = "answers"


class WritingTraining(Training):
    """A run that writes answers, in one process of its group.

    Rows of its inputs are prompts with answers: with the one to learn at the row's own number, with the true one as many rows
    later as the data set has, and with the supervisor's as many again.
    """

    def write_derived(self) -> None:
        """Write answers derived from other runs, or from prompting a model: nothing is trained."""
        write_derived_answers(self.run, self.store, self._started(None, 0), self.emit, self._derived_answers)

    def _derived_answers(self) -> WrittenAnswers:
        if not self.run.prompts:
            return derived_answers(self.run, self.store)
        self.tokenize(prompts_of(self.run, self.examples, self.split, read_supervisor(self.run, self.store)))
        model = self.process_group.place(self.model())
        writer = self._writer(model, self._check_own_stop)
        rows = PredictedRows.of(self.run, self.split)
        with self.process_group.main_first():
            file = CheckpointFile(self.store, self.run.key())
            if self.process_group.main:
                self.store.fetch_checkpoint(self.run.key())
        answers = PromptedAnswers(file, self.process_group, self.emit, self._progress(rows))
        with threads(self.threads), answers.stoppable():
            return self._written(writer, rows, answers.done, answers.keep)

    def _label(self) -> TrainingSet:
        self.supervisor = read_supervisor(self.run, self.store)
        half = self.split.half(self.run.half)
        with self.process_group.main_first():
            training_set, self.learned = answer_set_of(self.run, self.examples, half, self.supervisor, self.store)
        return training_set

    def tokenize(self, prompts: list[str]) -> list[Tokens]:
        """Tokenize the prompts of all rows. Raises EngineError where one, or a reference answer, is too long."""
        self.texts, self.tokenizer = prompts, AnswerTokenizer(self.run)
        tokens = self.tokenizer.prompts(prompts)
        self.prompts = ragged_of(tokens, self.run)
        self._check_answers(self.tokenizer.answers(prompts, true_answers(self.examples, np.arange(len(prompts)))))
        self._check_context(int(self.prompts.lengths.max()) + self.run.answer_tokens, "the longest prompt and answer have")
        return tokens

    def inputs(self) -> Inputs:
        prompts = self.tokenize(self.examples.text.to_pylist())
        n, watched = len(prompts), self.schedule.watched
        entries = [list[int]() for _ in range(3 * n)]

        def add(rows: Rows, answers: list[Answer], after: int) -> None:
            written = self.tokenizer.answers([self.texts[row] for row in rows], answers)
            for row, tokens in zip(rows.tolist(), written, strict=True):
                entries[row + after] = prompts[row] + tokens

        learned = np.unique(np.concatenate([self.training_set.rows, self.training_set.validation]))
        add(learned, self.learned(learned), 0)
        add(watched, true_answers(self.examples, watched), n)
        if self.supervisor:
            add(watched, weak_answers(self.supervisor, self.examples, watched), 2 * n)
        whole = ragged_of(entries, self.run)
        self._check_context(int(whole.lengths.max()), "a prompt and the answer to learn have")
        return Continuations(whole, np.tile(self.prompts.lengths, 3))

    def _check_answers(self, answers: list[Tokens]) -> None:
        longest, most = max(map(len, answers)), self.run.answer_tokens
        if longest > most:
            too_long = sum(len(tokens) > most for tokens in answers)
            raise EngineError(
                f"{too_long:,} of {len(answers):,} answers of the data set have more than {most} tokens, the longest has "
                f"{longest} with its end: raise the longest answer to {longest}, or take shorter answers."
            )

    def _check_context(self, tokens: int, what: str) -> None:
        embedded = catalog.MODELS.get(self.run.model)
        context = embedded.context if embedded else model_files.facts(self.run).context
        if context is not None and tokens > context:
            raise EngineError(
                f"{model_files.public_name(self.run)} reads at most {context} tokens, and {what} {tokens}: nothing is truncated, "
                "so take shorter prompts or answers."
            )

    def _loop(self, inputs: Inputs) -> Loop:
        self.loop = super()._loop(inputs)
        own = self._check_own_stop if self.process_group.size == 1 else lambda: None  # others would wait for this process
        self.writer = self._writer(self.loop.model, own)
        return self.loop

    def model(self, used: torch.Tensor | None = None) -> torch.nn.Module:
        return classifiers.build(self.run)

    def _writer(self, model: torch.nn.Module, check_own: Callable[[], None]) -> Writer:
        assert isinstance(model, LanguageModel)
        decoder = Decoder(model, self.tokenizer.ends, self.run.answer_tokens, check_own)
        vocabulary = model.head.linear.out_features
        check_all = self.loop.check_stop if hasattr(self, "loop") else self._check_own_stop
        return Writer(decoder, self.prompts, size_of(self.run), vocabulary, self.process_group, check_all)

    def _check_own_stop(self) -> None:
        if self.should_stop():
            raise Stopped

    def emit_again(self) -> None:
        for step, tokens, score in zip(self.selection.steps, self.selection.prob, self.selection.validation, strict=True):
            loss = None if np.isnan(score) else -score
            self.emit(EvaluationLogged(step=step, validation_loss=loss, **self._shares(tokens)))

    def evaluation(self, learner: Learner) -> Callable[[int], Event]:
        """Return a function that evaluates a step: losses by reading answers, accuracy and agreement by writing them."""
        n, validation, watched = len(self.examples), self.training_set.validation, self.schedule.watched
        rows = [validation, watched + n, watched + 2 * n if self.supervisor else watched[:0]]

        def evaluate(step: int) -> Event:
            costs = np.split(learner.predict(np.concatenate(rows)), np.cumsum([len(part) for part in rows])[:-1])
            own, truth, of_weak = (float(part.mean()) if len(part) else None for part in costs)
            decoded = self.writer.write(watched)
            self.selection.record(step, decoded.tokens, None if own is None else -own, learner.weights)
            losses = {"validation_loss": own, "truth_loss": truth, "weak_loss": of_weak}
            return EvaluationLogged(step=step, **losses, **self._shares(decoded.tokens))

        return evaluate

    def _shares(self, tokens: npt.NDArray[np.int32]) -> dict[str, float | None]:
        """Return accuracy and agreement of what was written to the watched test rows, by their names in an event."""
        watched = self.schedule.watched
        written = [self.tokenizer.text(row) for row in tokens]
        answers = Extraction(self.run, self.examples, watched).of(written)
        if self.supervisor is None:
            return {"accuracy": share(answers.right)}
        weak = written_by(self.supervisor, self.examples, watched)
        same = same_answers(answers.answer, weak.answer)
        shares = {"agreement": same, "agreement_right": same[weak.right], "agreement_wrong": same[~weak.right]}
        return {name: share(values) for name, values in {"accuracy": answers.right, **shares}.items()}

    def _predict(self, learner: Learner) -> WrittenAnswers:
        """Return the answers of the selected weights; those of an interrupted attempt are not written again."""
        rows = PredictedRows.of(self.run, self.split)
        before = None if self.loop.written is None else Decoded.restored(self.loop.written)
        progress = self._progress(rows)

        def keep(done: Decoded) -> None:
            self.loop.written = done.stored()
            progress(done)
            self.loop.save_if_due()

        return self._written(self.writer, rows, before, keep)

    def _written(
        self, writer: Writer, rows: PredictedRows, before: Decoded | None, on_batch: Callable[[Decoded], None]
    ) -> WrittenAnswers:
        """Return the greedy answers to ``rows``, or the majority of samples."""
        samples = self.run.answer_samples
        if samples == 1:
            return self._answers(rows, writer.write(np.concatenate(rows), before, on_batch))
        every = np.tile(np.concatenate(rows), samples)
        decoded = writer.write(every, before, on_batch, self._sampling(every))
        return majority([self._answers(rows, decoded.take(own)) for own in np.split(np.arange(len(every)), samples)])

    def _sampling(self, every: Rows) -> Samples:
        """Return how ``every`` answer is sampled, of which each sample has as many after each other."""
        run, size = self.run, len(every) // self.run.answer_samples

        def of(own: Rows) -> Sampling:
            return Sampling.of(run.answer_temperature, run.seed, self.examples.id[every[own]], own // size, run.answer_tokens)

        return of

    def _progress(self, rows: PredictedRows) -> Callable[[Decoded], None]:
        total = sum(map(len, rows)) * self.run.answer_samples
        return lambda done: self.emit(Progress(phase=PHASE, done=len(done), total=total))

    def _answers(self, parts: PredictedRows, decoded: Decoded) -> WrittenAnswers:
        rows, examples = np.concatenate(parts), self.examples
        written = [self.tokenizer.text(tokens) for tokens in decoded.tokens]
        extracted = Extraction(self.run, examples, rows).of(written)
        return WrittenAnswers(
            id=examples.id[rows],
            split=np.repeat(parts._fields, [len(part) for part in parts]),
            group=examples.group[rows],
            gold=texts([answer.text for answer in true_answers(examples, rows)]),
            text=texts([answer.text for answer in written]),
            answer=extracted.answer,
            log_probability=decoded.log_probability,
            ended=np.array([answer.ended for answer in written], bool),
            right=extracted.right,
            difficulty=np.full(len(rows), np.nan) if examples.difficulty is None else examples.difficulty[rows],
        )

    def _trajectory(self) -> WrittenTrajectory:
        watched, selection = self.schedule.watched, self.selection
        extraction = Extraction(self.run, self.examples, watched)
        each = [extraction.of([self.tokenizer.text(tokens) for tokens in recorded]) for recorded in selection.prob]
        return WrittenTrajectory(
            steps=np.array(selection.steps),
            id=self.examples.id[watched],
            answer=np.stack([answers.answer for answers in each]),
            right=np.stack([answers.right for answers in each]),
            validation=-np.array(selection.validation, np.float64),
            selected=selection.selected,
        )
