"""What all requests share: the runs, the videos, the library, the numbers that are counted."""

from dataclasses import dataclass, field

from options.inference.web import WebOptions
from web.examples import ExampleVideo, examples
from web.metrics import Metrics
from web.models import Models, open_models
from web.moments import Moments
from web.stream.streams import Streams
from web.video.shelf import Shelf


@dataclass
class Page:
    """A server's state."""

    options: WebOptions
    token: str | None  # that clients must show
    models: Models
    shelf: Shelf
    streams: Streams
    metrics: Metrics
    library: Moments | None = None
    examples: dict[str, ExampleVideo] = field(default_factory=dict)

    def close(self) -> None:
        """End all threads and processes, delete all videos."""
        self.streams.close()
        self.shelf.close()
        self.models.close()
        if self.library is not None:
            self.library.close()


def open_page(options: WebOptions, token: str | None = None) -> Page:
    """Load the runs, make the folder, start the decoders.

    Raises UserError for what the options name and is not there.
    """
    models = open_models(options.run, options.device, options.runtime)
    library = None
    if options.library is not None:
        asked = [one.open.run for one in models.questions.values()]
        run = next((one.path for one in asked if one.task.kind == "open"), None)
        library = Moments(options, run)
    shelf = Shelf(options, models.readers)
    streams = Streams(options, shelf, models.streams)
    metrics = Metrics(shelf, models, streams)
    page = Page(options, token, models, shelf, streams, metrics, library)
    try:
        page.examples = examples(shelf.folder.path)
    except BaseException:  # a full disk, or Ctrl-C
        page.close()
        raise
    if page.examples:
        shelf.warm(next(iter(page.examples.values())).file)
    return page


def version() -> str:
    """Of the API."""
    return "1"
