"""One look at a folder, and all that follows from it for its library.

What is new is extracted in batches, each a feature store of its own (`features`), embedded, and
stored file by file, each with its clips and vectors in one transaction.
"""

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from tqdm import tqdm

from data_loader.batch import Features, Frames
from data_loader.open import StoreOrigin
from library.catalogue import Catalogue, KnownFile
from library.engine import ClipFacts, Engine, FileFacts, TextFacts
from library.gather.describe import describe, own_texts
from library.gather.features import Batch, extract_batch, tidy
from library.gather.notes import Notes
from library.gather.report import Report
from library.gather.scan import Changes, Listed, Seen, find_changes, list_folder, look_at
from library.gather.tell import Teller
from options.library.index import IndexOptions
from util.errors import UserError
from util.text import printable


class Embeds(Protocol):
    """What makes the vectors, as `inference.retrieval.embedder.Embedder` does."""

    fingerprint: str

    @property
    def stores(self) -> Mapping[str, StoreOrigin]:
        """What its features need, by channel."""
        ...

    def clips(self, visual: Features | Frames) -> tuple[np.ndarray, np.ndarray]:
        """Vectors of the clips of V videos (V, N, D), and of the videos (V, D)."""
        ...


class Indexer:
    """A library that a folder is indexed in."""

    def __init__(
        self,
        options: IndexOptions,
        catalogue: Catalogue,
        engine: Engine,
        embedder: Embeds,
        tellers: Sequence[Teller],
        *,
        name: str,
        device: str = "auto",
    ) -> None:
        """`name`: of the embedder's run.

        Raises UserError where other weights made the library.
        """
        self.options, self.device, self.run = options, device, name
        self.catalogue, self.engine = catalogue, engine
        self.embedder, self.tellers = embedder, tellers
        self.features, self.notes = catalogue.features, Notes(catalogue)
        made = engine.fingerprint()
        if made and made != embedder.fingerprint:
            raise UserError(
                f"--library {catalogue.name}: was made with other weights ({made[:12]}) than those "
                f"of {name} ({embedder.fingerprint[:12]}); name the run that it was made with by "
                "--embedder, or another --library"
            )
        if "appearance" not in embedder.stores:
            raise UserError(
                f"--embedder {name}: looks at decoded clips, and a library keeps features; name a "
                "run on feature stores"
            )
        self._batches: dict[str, Batch | None] = {}
        self._named: set[str] = set()  # paths of files that are indexed because they were named
        self.extracted: Batch | None = None
        if options.extracted is not None:
            self.extracted = Batch(Path(options.extracted), embedder.stores, name)

    def index(self, listed: Listed | None = None) -> Report:
        """Look at the folder once (`listed`: what was found there), and do what is to be done.

        Files that were named by themselves (`add`) are looked at too, wherever they lie.
        """
        folder = self.options.folder
        listed = listed or list_folder(folder, own=self.catalogue.beside)
        named = self.notes.named_elsewhere(listed)
        listed = replace(listed, files=[*listed.files, *look_at(named).values()])
        report = self._follow(listed, folder, named)
        self._tell(report)
        for path, why in report.failed.items():
            print(printable(f"set aside {path}: {why}"), flush=True)
        return report

    def add(self, files: Sequence[Seen]) -> Report:
        """Index files wherever they lie; no other is told to be gone."""
        self._named = {seen.path for seen in files}
        return self._follow(Listed(files=list(files)), None)

    def _follow(self, listed: Listed, folder: str | None, named: Collection[str] = ()) -> Report:
        """Do what follows from what was found."""
        if not self.engine.fingerprint():
            self.catalogue.keep("fingerprint", self.embedder.fingerprint)
        failed = self.notes.failed_before(listed)
        changes = find_changes(
            listed,
            self.catalogue.files(),
            folder,
            failed={} if self.options.retry else failed,
            stored=lambda file: self._batch_with(file) is not None,
            named=named,
        )
        report = Report(left_out=listed.left_out, failed=dict(changes.faults))
        if not self.options.retry:
            report.known_failed = len(failed)
        self._note(changes, report)
        self._add_copies(changes, report)
        self._add_new(changes, report)
        return report

    # What needs no features

    def _note(self, changes: Changes, report: Report) -> None:
        """Renamed, touched and gone files: they keep their clips."""
        catalogue = self.catalogue
        with catalogue.transaction():
            for seen, file in changes.touched:
                catalogue.change_file(file.id, mtime_ns=seen.mtime_ns, size=seen.size, missing=0)
            for seen, file in changes.renamed:
                catalogue.change_file(
                    file.id, path=seen.path, name=Path(seen.path).name, mtime_ns=seen.mtime_ns,
                    missing=0,
                )  # fmt: skip
                self.notes.forget_named(file.path)
                self._mark(seen.path)
                clips = catalogue.clips(file.id)
                catalogue.remove_texts(["name"], clips)
                for clip in clips:
                    catalogue.add_texts(clip, own_texts(seen.path, ()))
            for file in changes.gone:
                catalogue.change_file(file.id, missing=1)
        report.renamed, report.gone = len(changes.renamed), len(changes.gone)

    # What does

    def _add_new(self, changes: Changes, report: Report) -> None:
        replaced = {file.path: file for file in changes.replaced}
        new, size = sorted(changes.new.items()), self.options.batch
        if self.extracted is not None:
            for sha256, files in new:
                if self.extracted.has(sha256):
                    folder = str(self.extracted.folder.absolute())
                    self._store_all(files, self.extracted, sha256, folder, replaced, report)
            new = [(sha256, files) for sha256, files in new if not self.extracted.has(sha256)]
        bar = tqdm(total=len(new), desc="index", unit="video", leave=False, disable=None)
        for first in range(0, len(new), size):
            part = new[first : first + size]
            bar.update(first - bar.n)  # those that were extracted before a kill count, too
            name = f"{int(self.catalogue.recall('batches') or 0) + 1:06}"
            folder = self.features / name
            videos = {sha256: seen[0].path for sha256, seen in part}
            failed = extract_batch(
                folder, videos, self.embedder.stores, self.options, self.device, bar.update
            )
            batch = (
                Batch(folder, self.embedder.stores, self.run) if len(failed) < len(part) else None
            )
            stored = 0
            for sha256, files in part:
                if batch is None or sha256 in failed or not batch.has(sha256):
                    why = failed.get(sha256, "changed while it was indexed; index again")
                    for seen in files:
                        self._set_aside(seen, sha256, why, report)
                    continue
                self._store_all(files, batch, sha256, name, replaced, report)
                stored += 1
            if batch is not None and stored:
                self.catalogue.keep("batches", str(int(name)))
                batch.tidy()
            else:
                tidy(folder)
            self._batches.clear()
        bar.close()

    def _store_all(
        self,
        files: Sequence[Seen],
        batch: Batch,
        sha256: str,
        store: str,
        replaced: Mapping[str, KnownFile],
        report: Report,
    ) -> None:
        """Files of the same bytes, whose features a batch has."""
        clips = self._clips(batch, sha256, files[0].path, batch.pictures(sha256))
        for number, seen in enumerate(files):
            self._store(seen, sha256, store, clips, replaced.get(seen.path))
            report.copies += number > 0
            report.changed += seen.path in replaced
            report.new += number == 0 and seen.path not in replaced

    def _add_copies(self, changes: Changes, report: Report) -> None:
        """Files of the bytes of others: their features are there."""
        replaced = {file.path: file for file in changes.replaced}
        # All pictures before the first is stored: it may take the place of another's original.
        pictures = [self._pictures(file) for _, file in changes.copies]
        for (seen, file), own in zip(changes.copies, pictures, strict=True):
            batch = self._batch_with(file)
            assert batch is not None
            clips = self._clips(batch, file.sha256, seen.path, own)
            self._store(seen, file.sha256, file.store, clips, replaced.get(seen.path))
            report.copies += 1

    def _pictures(self, file: KnownFile) -> list[bytes]:
        found = [self.catalogue.thumbnail(clip) for clip in self.catalogue.clips(file.id)]
        return [jpeg for jpeg in found if jpeg is not None]

    def _clips(
        self, batch: Batch, sha256: str, path: str, pictures: Sequence[bytes]
    ) -> tuple[dict[str, Any], list[ClipFacts], np.ndarray, tuple[str, ...]]:
        """A file's facts, its clips, their vectors (N, D), and its tags."""
        features = batch.features(sha256)
        vectors = self.embedder.clips(features)[0][0]
        described = describe(path)
        texts: list[TextFacts] = []
        for teller in self.tellers:
            texts += teller.tell(features, sha256)
        spans = batch.spans(sha256, len(vectors), described)
        clips = [
            ClipFacts(start, end, texts, pictures[n] if n < len(pictures) else None)
            for n, (start, end) in enumerate(spans)
        ]
        facts = {key: getattr(described, key) for key in ("duration", "rate", "width", "height")}
        return facts, clips, vectors, described.tags

    def _store(
        self,
        seen: Seen,
        sha256: str,
        store: str,
        made: tuple[dict[str, Any], list[ClipFacts], np.ndarray, tuple[str, ...]],
        before: KnownFile | None,
    ) -> None:
        """One file with its clips and vectors, in the place of what was at its path `before`."""
        facts, clips, vectors, tags = made
        own = own_texts(seen.path, [*self.options.tag, *tags])
        clips = [ClipFacts(clip.start, clip.end, [*own, *clip.texts], clip.jpeg) for clip in clips]
        file = FileFacts(
            path=seen.path, sha256=sha256, size=seen.size, mtime_ns=seen.mtime_ns, store=store,
            **facts,
        )  # fmt: skip
        with self.catalogue.transaction():
            if before is not None:
                self.engine.delete(np.array(self.catalogue.clips(before.id), np.int64))
                self.catalogue.remove_file(before.id)
            ids = self.catalogue.add_file(file, clips)
            self.engine.add(np.array(ids, np.int64), vectors)
            self.notes.forget_failed(seen.path)
            self._mark(seen.path)

    def _mark(self, path: str) -> None:
        if path in self._named:
            self.notes.note_named(path)

    def _tell(self, report: Report) -> None:
        """Texts of runs that were not asked of some files: they are new, or have other weights."""
        for teller in self.tellers:
            for file in self.catalogue.files_without(teller.kind, teller.source):
                batch = self._batch_with(file)
                if batch is None:
                    continue
                texts = teller.tell(batch.features(file.sha256), file.sha256)
                with self.catalogue.transaction():
                    clips = self.catalogue.clips(file.id)
                    self.catalogue.remove_texts([teller.kind], clips)
                    for clip in clips:
                        self.catalogue.add_texts(clip, texts)
                report.told += 1

    def _batch_with(self, file: KnownFile) -> Batch | None:
        """The batch whose stores have a file's features; None: they are gone."""
        if file.store not in self._batches:
            self._batches[file.store] = None
            with suppress(UserError):  # damaged or deleted: it is extracted again
                self._batches[file.store] = Batch(
                    self.features / file.store, self.embedder.stores, self.run
                )
        batch = self._batches[file.store]
        return batch if batch is not None and batch.has(file.sha256) else None

    def _set_aside(self, seen: Seen, sha256: str, why: str, report: Report) -> None:
        report.failed[seen.path] = why
        if "again" not in why:
            self.notes.note_failed(seen, sha256, why)
